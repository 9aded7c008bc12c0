"""What PyYAML's syntax errors mean, where they really are, and what to do about each."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import yaml


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
    _Kind(r"Unicode character escape", "the escape stands for no character", "write the character itself"),
    _Kind(r"quoted scalar", "a backslash is followed by a character without meaning", "double it, or use '…' quotes"),
    _Kind(
        r"flow (sequence|mapping)", "the bracket is not closed", "close it, with commas between items", at_opening=True
    ),
    _Kind(r"could not find expected ':'", "a colon is missing", "write key: value, with a space after the colon"),
    _Kind(r"cannot start any token", "a value begins with a reserved character", "put the value in quotes"),
    _Kind(r"block (mapping|sequence|end)", "the indentation does not fit", "align it with its neighbours"),
)
_UNKNOWN = _Kind("", "the YAML is broken", "check the indentation and punctuation here and in the line above")


@dataclass(frozen=True)
class Syntax:
    """A syntax error explained; ``line`` and ``column`` count from 0."""

    line: int
    column: int
    what: str
    why: str
    remedy: str


def explain_syntax(error: yaml.MarkedYAMLError, lines: list[str]) -> Syntax:
    """Return what the parser's error in a file of these ``lines`` means."""
    noticed = error.problem_mark or error.context_mark
    why = " ".join(part for part in (error.context, error.problem) if part)
    kind = next((kind for kind in _KINDS if re.search(kind.pattern, why)), _UNKNOWN)
    if noticed is not None and noticed.line < len(lines) and _indented_by_tab(lines[noticed.line]):
        kind = _TAB
    mark = error.context_mark if kind.at_opening and error.context_mark else noticed
    line, column = (mark.line, mark.column) if mark else (0, 0)
    return Syntax(line, column, kind.what, why, kind.remedy)


def _indented_by_tab(line: str) -> bool:
    return "\t" in line[: len(line) - len(line.lstrip())]
