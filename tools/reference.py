"""The tables of ``docs/configuration.md``, from the JSON Schemas of the models: ``python -m tools.reference``."""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from moorage.base.console import out, show_problem
from moorage.base.errors import Problem
from tools.schema import IN_STACK, schemas

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PAGE = Path("docs/configuration.md")  # relative to the repository's root

_MARKED = re.compile(r"(<!-- keys: (\S+) -->\n).*?(<!-- end of keys -->)", re.DOTALL)
_COUNT_AS_TEXT = "^[0-9]+$"  # a number that `pulumi config set` stored; a reader need not be told of it


def render(page: str) -> str:
    """Return the page with every marked part rewritten; what several files share is listed where it comes first."""
    listed: set[str] = set()
    return _MARKED.sub(lambda mark: "\n".join((mark[1], *_tables(mark[2], listed), mark[3])), page)


def _tables(name: str, listed: set[str]) -> Iterator[str]:
    schema = schemas()[name]
    keys = schema["properties"].get("config") or schema["properties"].get("moorage", schema)
    yield _table(keys, schema["$defs"])
    for part in dict.fromkeys(re.findall(r"#/\$defs/(\w+)", json.dumps(schema))):
        if part not in listed and not part.endswith(IN_STACK):
            listed.add(part)
            definition = _own(part, schema["$defs"][part])
            yield f"### {part}\n\n{definition['description']}\n\n{_table(definition, schema['$defs'])}"


def _own(part: str, definition: dict[str, Any]) -> dict[str, Any]:
    """Return a part with the keys that no other table has: a stack may say of a service all that service.yaml may."""
    if part != "ServiceOverride":
        return definition
    return {**definition, "properties": {key: definition["properties"][key] for key in ("run", "target")}}


def _table(schema: dict[str, Any], parts: dict[str, Any]) -> str:
    rows = ["| Key | Value | Default | Meaning |", "|---|---|---|---|"]
    for key, value in schema["properties"].items():
        part = parts.get(value.get("$ref", "").rpartition("/")[2], {})
        default = "required" if key in schema.get("required", ()) else _default(value, part)
        meaning = value.get("description") or part["description"]
        rows.append(f"| `{key}` | {_kind(value)} | {default} | {meaning} |")
    return "\n".join(rows) + "\n"


def _default(value: dict[str, Any], part: dict[str, Any]) -> str:
    if "default" not in value or (part and "required" not in part):
        return ""  # the meaning tells it, or each key of the part has its own
    return f"`{yaml.safe_dump([value['default']], default_flow_style=True, sort_keys=False, width=1000)[1:-2]}`"


def _kind(value: dict[str, Any]) -> str:  # noqa: PLR0911  # one for each kind of schema
    """Return in words what a key takes."""
    if "$ref" in value:
        name = value["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in value:
        options = [option for option in value["anyOf"] if option.get("pattern") != _COUNT_AS_TEXT]
        return " or ".join(dict.fromkeys(_kind(option) for option in options if option.get("type") != "null"))
    if not value.keys() & {"enum", "type"}:
        return "anything"
    if "enum" in value:
        return " or ".join(f"`{word}`" for word in value["enum"])
    if value["type"] == "array":
        return f"list of {_kind(value['items'])}"
    if value["type"] == "object":
        values = value.get("additionalProperties") or next(iter(value["patternProperties"].values()))
        return f"map of names to {_kind(values)}" if isinstance(values, dict) else "mapping"
    low, high = value.get("minimum", value.get("exclusiveMinimum")), value.get("maximum")
    words = {"integer": "number", "string": "text", "boolean": "`true` or `false`"}.get(value["type"], value["type"])
    return f"{words}, {low} to {high}" if high is not None else words


def main(arguments: Sequence[str] | None = None) -> int:
    """Check or rewrite the tables of the page in the current folder; return the exit status: 1 where a check fails."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.reference",
        description=f"Write the tables of {PAGE} from the configuration models.",
    )
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the page is not current")
    check = parser.parse_args(arguments).check
    page = PAGE.read_text(encoding="utf-8")
    current = render(page)
    if check:
        if current != page:
            remedy = "run python -m tools.reference, and commit the result"
            show_problem(Problem(what="the tables are not current", where=str(PAGE), remedy=remedy))
        return int(current != page)
    PAGE.write_text(current, encoding="utf-8")
    out.print(f"wrote the tables of {PAGE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
