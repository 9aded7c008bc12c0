"""JSON Schemas of the configuration files, from the models, for editors: ``python -m tools.schema --check|--write``."""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from pydantic.json_schema import GenerateJsonSchema

from moorage.base.console import out, show_problem
from moorage.base.errors import Problem
from moorage.config.layout import ProjectSettings
from moorage.config.modelkeys import key_docstrings, known_keys
from moorage.config.projectfile import OWN
from moorage.config.service import BaseImage, Service
from moorage.config.stack import ServiceInStack, ServiceOverride, Stack
from moorage.config.stackfile import SETTINGS_NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import BaseModel
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import core_schema

FOLDER = Path("docs/schema")
"""Where the schemas are committed; relative to the repository's root."""
IN_STACK = "InStack"
"""How the parts of a service end that a stack's schema has: nothing of them is required."""
DIALECT = "https://json-schema.org/draft/2020-12/schema"

_SECURE = {
    "type": "object",
    "description": "A secret, written by `pulumi config set --secret`.",
    "properties": {"secure": {"type": "string"}},
    "required": ["secure"],
    "additionalProperties": False,
}


class _Generator(GenerateJsonSchema):
    """Leaves out the titles that pydantic makes of field names: editors show the name anyway."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002  # pydantic's signature
        return False

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """Describe each field by the text below it."""
        found = super().model_schema(schema)
        model: type[BaseModel] = schema["cls"]
        for key, text in key_docstrings(model).items():
            found["properties"][key] = {**found["properties"][key], "description": text}
        return found


def schemas() -> dict[str, dict[str, Any]]:
    """Return every schema by the name of its file."""
    return {
        "service.schema.json": _titled("service.yaml: one service of the monorepo", _of(Service)),
        "image.schema.json": _titled("image.yaml: one base image of the monorepo", _of(BaseImage)),
        "project.schema.json": _titled("Pulumi.yaml: what holds for all stacks", _project_schema()),
        "stack.schema.json": _titled("Pulumi.<stack>.yaml: one stack's settings", _stack_schema()),
    }


def render(schema: dict[str, Any]) -> str:
    """Return a schema as the text that is committed."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def outdated(root: Path) -> tuple[str, ...]:
    """Return the names of the files in ``root`` that are not what the models say, missing ones included."""
    folder = root / FOLDER

    def current(name: str) -> str | None:
        return (folder / name).read_text(encoding="utf-8") if (folder / name).is_file() else None

    return tuple(name for name, schema in schemas().items() if current(name) != render(schema))


def write(root: Path) -> None:
    """Write every schema into ``root``."""
    folder = root / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for name, schema in schemas().items():
        (folder / name).write_text(render(schema), encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Check or write the schemas of the current folder; return the exit status: 1 where a check fails."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.schema",
        description="Write, or check, the JSON Schemas of the configuration files in docs/schema.",
    )
    choice = parser.add_mutually_exclusive_group(required=True)
    choice.add_argument("--check", action="store_true", help="write nothing; fail if a committed schema is not current")
    choice.add_argument("--write", action="store_true", help="write the schemas")
    root = Path.cwd()
    if parser.parse_args(arguments).write:
        write(root)
        out.print(f"wrote {len(schemas())} schemas to {FOLDER}")
        return 0
    stale = outdated(root)
    for name in stale:
        remedy = "run python -m tools.schema --write, and commit the result"
        show_problem(Problem(what="the schema is not current", where=str(FOLDER / name), remedy=remedy))
    return 1 if stale else 0


def _titled(title: str, schema: dict[str, Any]) -> dict[str, Any]:
    definitions = {"$defs": schema.pop("$defs")}
    return {"$schema": DIALECT, "title": title, **{key: schema[key] for key in schema if key != "title"}, **definitions}


def _of(model: type[BaseModel]) -> dict[str, Any]:
    schema: dict[str, Any] = _plain(model.model_json_schema(by_alias=True, schema_generator=_Generator))
    return schema


def _plain(value: Any) -> Any:
    """Return a schema as editors show it best: descriptions in Markdown on one line, no default that says "absent"."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    plain = {key: _plain(item) for key, item in value.items() if not (key == "default" and item is None)}
    if isinstance(plain.get("description"), str):
        plain["description"] = " ".join(plain["description"].replace("``", "`").split())
    if "patternProperties" in plain:
        plain.setdefault("additionalProperties", False)
    return plain


def _project_schema() -> dict[str, Any]:
    """Return the schema of ``Pulumi.yaml``: the one key of Moorage's beside those of Pulumi, which checks these itself."""
    project = _of(ProjectSettings)
    own = {key: project[key] for key in ("type", "description", "properties", "additionalProperties")}
    return {"type": "object", "properties": {OWN: own}, "$defs": project["$defs"]}


def _stack_schema() -> dict[str, Any]:
    """Return the schema of a stack's file: Moorage's keys under ``config``, beside other namespaces' and Pulumi's."""
    stack = _of(Stack)
    stack["$defs"] |= _service_in_stack()
    own = {f"{SETTINGS_NAMESPACE}:{key}": _as_stored(key, value) for key, value in stack["properties"].items()}
    config = {
        "type": "object",
        "description": stack["description"],
        "properties": own,
        "required": [f"{SETTINGS_NAMESPACE}:{key}" for key in stack["required"]],
        "patternProperties": {f"^(?!{SETTINGS_NAMESPACE}:)[^:]+:": {}},
        "additionalProperties": _SECURE,
    }
    return {
        "type": "object",
        "properties": {
            "config": config,
            "environment": {"description": "Pulumi ESC environments that the stack imports."},
            "secretsprovider": {"type": "string", "description": "Pulumi's provider of the key that encrypts secrets."},
            "encryptedkey": {"type": "string", "description": "Written by Pulumi."},
            "encryptionsalt": {"type": "string", "description": "Written by Pulumi."},
        },
        "required": ["config"],
        "$defs": stack["$defs"],
    }


def _service_in_stack() -> dict[str, Any]:
    """Return what a stack may say of a service: what service.yaml may, none of it required, null to remove a key."""
    text = json.dumps(_partial(_of(ServiceInStack)))
    schema: dict[str, Any] = json.loads(re.sub(r"#/\$defs/(\w+)", rf"#/$defs/\1{IN_STACK}", text))
    parts = {f"{name}{IN_STACK}": part for name, part in schema.pop("$defs").items()}
    schema["properties"].pop("name")
    for key, value in schema["properties"].items():
        if key not in {"run", "target"}:
            outer = {name: value[name] for name in ("description",) if name in value}
            inner = {name: item for name, item in value.items() if name not in outer}
            schema["properties"][key] = {**outer, "anyOf": [inner, {"type": "null"}]}
    schema["description"] = _plain({"description": ServiceOverride.__doc__})["description"]
    return {"ServiceOverride": schema, **parts}


def _partial(value: Any) -> Any:
    """Return a schema without what it requires and without defaults, which are service.yaml's."""
    if isinstance(value, list):
        return [_partial(item) for item in value]
    if not isinstance(value, dict):
        return value
    left_out = {"required"} if isinstance(value.get("required"), list) else set[str]()
    left_out |= {"default"} if not isinstance(value.get("default"), dict) or "type" in value else set()
    return {key: _partial(item) for key, item in value.items() if key not in left_out}


def _as_stored(key: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Return a setting's schema that also takes true, false and numbers as the text that ``pulumi config set`` stores."""
    annotation = known_keys(Stack)[key].annotation
    kinds = {annotation, *get_args(annotation)}
    if bool in kinds:
        text: dict[str, Any] = {"enum": ["true", "false"]}
    elif int in kinds:
        text = {"type": "string", "pattern": "^[0-9]+$"}
    else:
        return schema
    outer: dict[str, Any] = {name: schema[name] for name in ("description", "default") if name in schema}
    return {**outer, "anyOf": [{name: item for name, item in schema.items() if name not in outer}, text]}


if __name__ == "__main__":
    sys.exit(main())
