"""What PyYAML's syntax errors mean, and what to do about each."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import yaml

_SYNTAX = (
    (r"\t", "a tab is used for indentation", "indent with spaces"),
    (r"expected a single document", "a second document begins here", "keep one document to a file; remove the ---"),
    (r"undefined alias", "the alias has no anchor", "define it above with &name, or spell the value out"),
    (r"duplicate anchor", "the anchor is defined twice", "give it another name"),
    (r"mapping values are not allowed", "a colon is not expected here", "put a value that contains ': ' in quotes"),
    (
        r"quoted scalar",
        "a quote is not closed, or a character after a backslash is wrong",
        "close it, or use '…' instead",
    ),
    (r"flow sequence|flow mapping", "a bracket is not closed", "close it, and separate the items by commas"),
    (r"could not find expected ':'", "a colon is missing", "write key: value, with a space after the colon"),
    (r"character.*cannot start any token", "a value begins with a reserved character", "put the value in quotes"),
    (r"block mapping|block sequence|block end", "the indentation does not fit", "align it with its neighbours"),
)


def explain_syntax(error: yaml.MarkedYAMLError, line: str) -> tuple[str, str, str]:
    """Return what, why and remedy of a syntax error, found in (or near) ``line``."""
    problem = error.problem or "it cannot be parsed"
    why = " ".join(part for part in (error.context, problem) if part)
    for pattern, what, remedy in _SYNTAX:
        if re.search(pattern, why) or (pattern == r"\t" and line[: len(line) - len(line.lstrip())].count("\t")):
            return what, why, remedy
    return "the YAML is broken", why, "check the indentation and punctuation here and in the line above"
