"""How PyYAML is used: its loaders, the tags of plain and quoted scalars, and what its syntax errors mean."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import yaml

from moorage.base.errors import Location, Problem

PLAIN = "plain"
_DEFAULT_TAGS: dict[type[yaml.Node], str] = {
    yaml.ScalarNode: "tag:yaml.org,2002:str",
    yaml.MappingNode: "tag:yaml.org,2002:map",
    yaml.SequenceNode: "tag:yaml.org,2002:seq",
}
TAGS = {PLAIN, *_DEFAULT_TAGS.values()}

_SAFE_NESTING = 1000
"""Levels that libyaml surely composes without exhausting a thread's stack."""


class _Plain:
    """Tells plain scalars from quoted ones, and leaves their meaning to YAML 1.2's rules."""

    def resolve(self, kind: type[yaml.Node], value: Any, implicit: Any) -> str:  # noqa: ARG002  # PyYAML's signature
        """Return the node's tag; a plain scalar's is told apart from a quoted one's."""
        return PLAIN if kind is yaml.ScalarNode and implicit[0] else _DEFAULT_TAGS[kind]


class _SlowLoader(_Plain, yaml.SafeLoader):
    """In Python: where libyaml is missing, and for what nests so deeply that libyaml would exhaust the stack."""


if yaml.__with_libyaml__:

    class _Loader(_Plain, yaml.CSafeLoader):
        """In C, about ten times as fast."""

else:

    class _Loader(_SlowLoader):  # type: ignore[no-redef]
        """The only one there is."""


def yaml_loader(text: str) -> _Loader | _SlowLoader:
    """Return the quickest loader that copes with how deeply the text nests."""
    nesting = max((sum(map(line.count, "[{-?")) for line in text.splitlines()), default=0)
    deep = max(nesting, text.count("[") + text.count("{")) > _SAFE_NESTING
    return _SlowLoader(text) if deep else _Loader(text)


@dataclass(frozen=True)
class _Kind:
    pattern: str
    what: str
    remedy: str
    at_opening: bool = False
    """The parser notices it far behind what opened there and was not closed."""


_TAB = _Kind(r"\t", "a tab is used for indentation", "indent with spaces")
_KINDS = (
    _TAB,
    _Kind(r"expected a single document", "a second document begins here", "keep one to a file; remove the ---"),
    _Kind(r"undefined alias", "the alias has no anchor", "define it above with &name, or spell the value out"),
    _Kind(r"duplicate anchor", "the anchor is defined twice", "give it another name"),
    _Kind(r"mapping values are not", "a colon is not expected here", "put a value that contains ': ' in quotes"),
    _Kind(r"unexpected end of stream", "the quote is not closed", "close it", at_opening=True),
    _Kind(r"Unicode character escape", "invalid escape sequence", "write the character itself"),
    _Kind(r"quoted scalar", "unknown escape sequence", "double it, or use '…' quotes"),
    _Kind(
        r"flow (sequence|mapping)", "the bracket is not closed", "close it, with commas between items", at_opening=True
    ),
    _Kind(r"could not find expected ':'", "a colon is missing", "write key: value, with a space after the colon"),
    _Kind(r"cannot start any token", "a value begins with a reserved character", "put the value in quotes"),
    _Kind(r"block (mapping|sequence|end)", "wrong indentation", "align it with its neighbours"),
)
_UNKNOWN = _Kind("", "the YAML is broken", "check the indentation and punctuation here and in the line above")


def explain_syntax(error: yaml.MarkedYAMLError, file: str, lines: list[str]) -> tuple[Location, Problem]:
    """Return where the parser's error in a file of these ``lines`` really is, and what it means."""
    noticed = error.problem_mark or error.context_mark
    why = " ".join(part for part in (error.context, error.problem) if part)
    kind = next((kind for kind in _KINDS if re.search(kind.pattern, why)), _UNKNOWN)
    if noticed is not None and noticed.line < len(lines) and _indented_by_tab(lines[noticed.line]):
        kind = _TAB
    mark = error.context_mark if kind.at_opening and error.context_mark else noticed
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    return Location(file=file, line=line, column=column), Problem(what=kind.what, why=why, remedy=kind.remedy)


def _indented_by_tab(line: str) -> bool:
    return "\t" in line[: len(line) - len(line.lstrip())]
