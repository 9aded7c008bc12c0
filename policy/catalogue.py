"""Every policy and its documentation, as rows and as a page."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import yaml

from . import rules  # noqa: F401  # registers every rule
from .examples import REMOVE, compliant_stack, steps, title_of
from .registry import RULES
from .tree import UNKNOWN

if TYPE_CHECKING:
    from .registry import Rule

_ABSENT: Final = "(absent)"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One policy in a list; the levels are those without any configuration."""

    id: str
    name: str
    summary: str
    dev: str
    prod: str
    severity: str
    profile: str
    standards: tuple[str, ...]
    remediable: bool
    settings: tuple[str, ...]


def entries() -> tuple[Entry, ...]:
    """Return every policy by id."""
    return tuple(
        Entry(
            id=rule.id,
            name=rule.name,
            summary=rule.summary,
            dev=rule.levels.dev.value,
            prod=rule.levels.prod.value,
            severity=rule.severity.value,
            profile=rule.profile,
            standards=rule.standards,
            remediable=rule.remedy is not None,
            settings=tuple(rule.settings),
        )
        for rule in sorted(RULES.values(), key=lambda rule: rule.id)
    )


def to_markdown() -> str:
    """Return the page that documents every policy; it is the same for the same rules."""
    lines = [
        "# Every policy",
        "",
        "This page is generated from the rules themselves (`python -m policy.catalogue > docs/policy-reference.md`). The tests",
        "run every example on it, against the stack in `policy/compliant.yaml`. [Policies](policies.md) says how they work.",
        "",
        "| Id | Policy | dev | prod | Severity | Standards |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {item.id} | [{item.name}](#{item.name}) | {item.dev} | {item.prod} | {item.severity} | {', '.join(item.standards)} |"
        for item in entries()
    ]
    for item in entries():
        lines += ["", *_section(RULES[item.name])]
    return "\n".join([*lines, ""])


def _section(rule: Rule) -> list[str]:
    example = rule.example
    lines = [f"## {rule.name}", "", f"{rule.summary} ({rule.id})", "", f"Why: {rule.why}.", "", f"Fix: {rule.fix}."]
    if rule.remedy is not None:
        lines += ["", "Pulumi corrects this by itself at level `remediate`."]
    for name, schema in rule.settings.items():
        lines += ["", f"Setting `{name}` ({schema['type']}), by default `{schema['default']}`."]
    if not example.protected:
        return [*lines, "", f"Passes: `{example.target}` with `protect=True`. Fails: without it."]
    passing = _value_at(example.target, example.path)
    failing = _ABSENT if example.value is REMOVE else example.value
    return [
        *lines,
        *_block("Passes", example.target, example.path, passing),
        *_block("Fails", example.target, example.path, failing),
    ]


def _value_at(target: str, path: str) -> Any:
    here: Any = next(item for item in compliant_stack() if title_of(item) == target)
    for step in steps(path):
        try:
            here = here[step]
        except (KeyError, IndexError, TypeError):
            return _ABSENT
    return here


def _block(title: str, target: str, path: str, value: Any) -> list[str]:
    if value is UNKNOWN:
        value = "(not known yet)"
    last = steps(path)[-1]
    shown = yaml.safe_dump(
        {last if isinstance(last, str) else path: value}, sort_keys=False, default_flow_style=None, width=110
    )
    return ["", f"{title}, at `{path}` of {target}:", "", "```yaml", *shown.rstrip().splitlines(), "```"]


if __name__ == "__main__":
    sys.stdout.write(to_markdown())
