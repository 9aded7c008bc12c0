"""``.dockerignore`` files, read and matched as BuildKit does (moby/patternmatcher, tonistiigi/fsutil)."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from moorage.base.errors import Location, MoorageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

_SPACE = " \t\n\v\f\r\x85\xa0"
_GLOB = re.compile(r"[*\[\]?^\\]")
_CLASS = re.compile(r"\[\^?(?:\\.|[^\]\\-])(?:\\.|[^\]\\])*\]")
_ESCAPED = frozenset(".+()|{}$")

Matched = tuple[()] | tuple[bool, int]
"""What `IgnoreFile.match` found for a folder, for what is in it to go on from; empty at the top."""


@dataclass(frozen=True)
class Pattern:
    """One line: what it matches, and whether it is an exception (``!``) that gives files back."""

    text: str
    """Cleaned, without ``!``."""
    exception: bool
    line: int
    matches: Callable[[str], bool]

    @property
    def prefix(self) -> str:
        """The pattern without a trailing ``/*`` and ``/**``."""
        return self.text.removesuffix("/**").removesuffix("/*")


@dataclass(frozen=True)
class IgnoreFile:
    """The patterns of a file, in order; the last one that matches decides."""

    patterns: tuple[Pattern, ...]

    @property
    def exceptions(self) -> tuple[Pattern, ...]:
        """The patterns that give files back."""
        return tuple(pattern for pattern in self.patterns if pattern.exception)

    @property
    def is_allow_list(self) -> bool:
        """Whether everything is left out that is not named."""
        return bool(self.patterns) and self.patterns[0].text in {"*", "**"} and not self.patterns[0].exception

    def match(self, path: str, folder: Matched = ()) -> tuple[bool, Matched]:
        """Return whether a path is left out, and what to give for ``folder`` with the paths below it.

        What matches a folder matches all below it, so only later patterns are looked at; and of these only those that
        would change the verdict so far, which is how BuildKit does.
        """
        left_out, last = folder or (False, -1)
        for number in range(last + 1, len(self.patterns)):
            pattern = self.patterns[number]
            if pattern.exception == left_out and pattern.matches(path):
                left_out, last = not left_out, number
        return left_out, (left_out, last)


def read_ignore_file(path: Path) -> IgnoreFile:
    """Return the patterns of a file.

    Raises `MoorageError` where there is no such file, or BuildKit could not make sense of a pattern.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise MoorageError.of(
            f"{path.name} does not exist",
            where=Location(file=str(path)),
            why="without it the whole repository is the build context, and every change in it rebuilds the image",
            remedy="moorage graph --write makes it from the Dockerfile",
        ) from None
    except UnicodeDecodeError as error:
        raise MoorageError.of(
            f"{path.name} is not UTF-8",
            where=Location(file=str(path)),
            why=f"byte {error.start} ({error.object[error.start]:#04x}) does not begin a character",
            remedy="save it as UTF-8",
        ) from None
    return parse_ignore_file(text.split("\n"), str(path))


def parse_ignore_file(lines: Sequence[str], file: str = "") -> IgnoreFile:
    """Return the patterns of lines; ``file`` is named in errors."""
    patterns = []
    for number, line in enumerate(lines, 1):
        text = line.strip(_SPACE)
        if line.startswith("#") or not text:
            continue
        exception = text.startswith("!")
        if exception:
            text = text[1:].strip(_SPACE)
        text = _clean(text) if text else ""
        if len(text) > 1:
            text = text.removeprefix("/")
        problem = _problem("" if exception and text == "/" else text)
        if problem:
            raise MoorageError.of(
                f"{line.strip()!r} is not a pattern",
                where=Location(file=file, line=number, column=1) if file else None,
                why=problem,
                remedy="correct it; https://docs.docker.com/build/concepts/context/#syntax describes the syntax",
            )
        patterns.append(Pattern(text=text, exception=exception, line=number, matches=_matcher(text)))
    return IgnoreFile(tuple(patterns))


def _clean(path: str) -> str:
    cleaned = posixpath.normpath(path)
    return cleaned[1:] if cleaned.startswith("//") else cleaned


def _problem(pattern: str) -> str | None:
    """Return why a pattern cannot be understood; None where it can."""
    if not pattern:
        return "nothing follows the !"
    rest = _CLASS.sub("", re.sub(r"\\[^\[\]]", "", pattern))
    if "[" in re.sub(r"\\.", "", rest):
        return "[ starts a character set that is empty or not closed"
    if re.search(r"(?:^|[^\\])(?:\\\\)*\\$", pattern):
        return "nothing follows the last \\"
    try:
        _matcher(pattern)
    except re.error as error:
        return str(error)
    return None


def _matcher(pattern: str) -> Callable[[str], bool]:
    """Return what tells whether a path matches a cleaned pattern, in the four ways that BuildKit has."""
    expression, kind = _expression(pattern)
    if kind == "exact":
        return pattern.__eq__
    if kind == "prefix":
        prefix = pattern[:-2]
        return lambda path: path.startswith(prefix)
    if kind == "suffix":
        suffix = pattern[2:]
        whole = suffix[1:] if suffix.startswith("/") else None
        return lambda path: path.endswith(suffix) or path == whole
    fullmatch = re.compile(expression).fullmatch
    return lambda path: fullmatch(path) is not None


def _expression(pattern: str) -> tuple[str, str]:
    parts: list[str] = []
    kind = "exact"
    at = 0
    while at < len(pattern):
        character = pattern[at]
        start, at = at, at + 1
        if pattern.startswith("**", start):
            at += 1
            if pattern.startswith("/", at):
                at += 1
            if at < len(pattern):
                parts.append("(.*/)?")
                kind = "regexp"
            elif kind == "exact":
                kind = "prefix"
            else:
                parts.append(".*")
                kind = "regexp"
            if start == 0:
                kind = "suffix"
        elif character in "*?":
            parts.append("[^/]*" if character == "*" else "[^/]")
            kind = "regexp"
        elif character in _ESCAPED:
            parts.append(f"\\{character}")
        elif character == "\\" and at < len(pattern):
            parts.append(f"\\{pattern[at]}")
            at += 1
            kind = "regexp"
        else:
            parts.append(character)
            kind = "regexp" if character in "[]" else kind
    return "".join(parts), kind


def literal_prefix(pattern: str) -> str:
    """Return how every path that the pattern matches begins."""
    special = _GLOB.search(pattern)
    return pattern[: special.start()] if special else pattern


def has_wildcards(pattern: str) -> bool:
    """Return whether the pattern can match more than the path that it names."""
    return _GLOB.search(pattern) is not None
