"""Dockerfiles, read as BuildKit reads them: instructions with their lines, here-documents, flags and words."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from moorage.base.errors import Location, MoorageError

if TYPE_CHECKING:
    from pathlib import Path

_DIRECTIVE = re.compile(r"^#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*$")
_HEREDOC = re.compile(r"^(\d*)<<(-?)([^<]+)$")
_TAKES_HEREDOCS = frozenset({"ADD", "COPY", "RUN"})
_FLAG = re.compile(r"--[a-z][-a-z]*(?:=|\s|$)")
KEYWORDS = frozenset(
    {"ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "MAINTAINER"}
    | {"ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"}
)


@dataclass(frozen=True, kw_only=True)
class Heredoc:
    """A here-document of an instruction."""

    name: str
    """The word that ends it, without quotes."""
    content: str


@dataclass(frozen=True, kw_only=True)
class Instruction:
    """One instruction; ``line`` and ``end`` count from 1."""

    keyword: str
    """In capitals."""
    text: str
    """All after the keyword, with continued lines put together and comments left out."""
    line: int
    end: int
    heredocs: tuple[Heredoc, ...] = ()
    comments: tuple[tuple[int, str], ...] = ()
    """Lines of the comments above it and between its lines, of the last instruction those after it too, and their text."""

    @cached_property
    def _parts(self) -> tuple[tuple[str, ...], str]:
        flags: list[str] = []
        rest = self.text.lstrip()
        while _FLAG.match(rest):
            flag, rest = _first_word(rest)
            flags.append(flag)
        return tuple(flags), rest

    @property
    def flags(self) -> tuple[str, ...]:
        """The ``--name=value`` words that come first."""
        return self._parts[0]

    @property
    def arguments(self) -> str:
        """What follows the flags."""
        return self._parts[1]

    def flag(self, name: str) -> str | None:
        """Return the last value of a flag; an empty text for one without value, None where it is absent."""
        values = self.flag_values(name)
        return values[-1] if values else None

    def flag_values(self, name: str) -> tuple[str, ...]:
        """Return the values of a flag that may be repeated."""
        found = [flag.partition("=") for flag in self.flags]
        return tuple(value for key, _, value in found if key == f"--{name}")

    @cached_property
    def exec_form(self) -> tuple[str, ...] | None:
        """The words of a JSON array; None for the shell form."""
        if not self.arguments.startswith("["):
            return None
        try:
            words = json.loads(self.arguments)
        except ValueError:
            return None
        strings = isinstance(words, list) and all(isinstance(word, str) for word in words)
        return tuple(words) if strings else None

    @property
    def words(self) -> tuple[str, ...]:
        """The arguments split at spaces, which no quote keeps together; those of the JSON array where it is one."""
        return self.exec_form if self.exec_form is not None else tuple(self.arguments.split())

    @property
    def pairs(self) -> tuple[tuple[str, str | None], ...]:
        """The ``NAME=value`` words of ARG, ENV and LABEL, quotes removed; the value is None where there is none."""
        words = split_words(self.arguments)
        if self.keyword != "ARG" and words and "=" not in words[0]:
            return ((words[0], self.arguments[len(words[0]) :].strip()),)
        parts = [word.partition("=") for word in words]
        return tuple((_unquoted(name), _unquoted(value) if equals else None) for name, equals, value in parts)


def read_dockerfile(path: Path) -> tuple[Instruction, ...]:
    """Return the instructions of a file.

    Raises `MoorageError` for what BuildKit could not make sense of.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise MoorageError.of(
            f"{path.name} is not UTF-8",
            where=Location(file=str(path)),
            why=f"byte {error.start} ({error.object[error.start]:#04x}) begins no character",
            remedy="save it as UTF-8",
        ) from None
    return parse_dockerfile(text, str(path))


def parse_dockerfile(text: str, file: str = "Dockerfile") -> tuple[Instruction, ...]:
    """Return the instructions of a text; ``file`` is named in errors."""
    lines = text.removesuffix("\n").split("\n")
    continued = _continuation(_escape(lines))
    found: list[Instruction] = []
    comments: list[tuple[int, str]] = []
    at = 0
    while at < len(lines):
        start = at
        if _is_comment(lines[at]) or not lines[at].strip():
            comments += _comments(lines, at, at + 1)
            at += 1
            continue
        text, at = _joined(lines, at, continued)
        comments += _comments(lines, start, at)
        if text.strip():
            keyword, rest = (*text.strip().split(None, 1), "")[:2]
            instruction = _instruction(keyword, rest, lines=lines, start=start, at=at, file=file)
            found.append(replace(instruction, comments=tuple(comments)))
            comments = []
            at = instruction.end
    if found and comments:
        found[-1] = replace(found[-1], comments=(*found[-1].comments, *comments))
    return tuple(found)


def _comments(lines: list[str], start: int, end: int) -> list[tuple[int, str]]:
    """Return the comments among some lines, each with its number from 1."""
    return [(index + 1, lines[index].strip()) for index in range(start, end) if _is_comment(lines[index])]


def _instruction(keyword: str, rest: str, *, lines: list[str], start: int, at: int, file: str) -> Instruction:
    name = keyword.upper()
    if name not in KEYWORDS:
        raise MoorageError.of(
            f"{keyword} is not an instruction",
            where=Location(file=file, line=start + 1, column=1),
            why="a line begins with one of Docker's keywords, or continues the line before, which ends with \\",
            remedy="correct it, or end the line before with \\",
        )
    heredocs: list[Heredoc] = []
    takes = rest.split(None, 1)[0].upper() if name == "ONBUILD" and rest.split() else name
    for delimiter, chomp in _delimiters(rest) if takes in _TAKES_HEREDOCS else ():
        content: list[str] = []
        while at < len(lines) and (lines[at].lstrip("\t") if chomp else lines[at]).rstrip("\r") != delimiter:
            content.append(lines[at].lstrip("\t") if chomp else lines[at])
            at += 1
        if at == len(lines):
            raise MoorageError.of(
                f"the here-document {delimiter} does not end",
                where=Location(file=file, line=start + 1, column=1),
                why=f"no line consists of {delimiter} alone",
                remedy=f"write {delimiter} on a line of its own after it",
            )
        at += 1
        heredocs.append(Heredoc(name=delimiter, content="".join(f"{line}\n" for line in content)))
    return Instruction(keyword=name, text=rest.strip(), line=start + 1, end=at, heredocs=tuple(heredocs))


def _escape(lines: list[str]) -> str:
    """Return the character that continues lines, which a directive at the top may change."""
    for line in lines:
        directive = _DIRECTIVE.match(line)
        if not directive:
            break
        if directive[1].lower() == "escape":
            return directive[2]
    return "\\"


def _continuation(escape: str) -> re.Pattern[str]:
    character = re.escape(escape)
    return re.compile(rf"(?:(?<!{character})){character}[ \t]*$")


def _joined(lines: list[str], at: int, continued: re.Pattern[str]) -> tuple[str, int]:
    """Return the text of the instruction that begins at a line, and the number of the line after it, from 0."""
    parts: list[str] = []
    while at < len(lines):
        line = lines[at].rstrip("\r")
        at += 1
        if parts and (_is_comment(line) or not line.strip()):
            continue
        text = continued.sub("", line)
        parts.append(text)
        if text == line:
            break
    return "".join(parts), at


def _is_comment(line: str) -> bool:
    return line.lstrip(" \t").startswith("#")


def _delimiters(text: str) -> list[tuple[str, bool]]:
    """Return the words that end the here-documents of an instruction, each with whether tabs are taken off."""
    found = []
    for word in split_words(text):
        heredoc = _HEREDOC.match(word)
        if heredoc and (name := _unquoted(heredoc[3])):
            found.append((name, heredoc[2] == "-"))
    return found


def is_heredoc(word: str) -> bool:
    """Return whether a word stands for a here-document."""
    return _HEREDOC.match(word) is not None


def split_words(text: str) -> tuple[str, ...]:
    """Return the words of a text, with their quotes and escapes as written."""
    words: list[str] = []
    rest = text.strip()
    while rest:
        word, rest = _first_word(rest)
        words.append(word)
    return tuple(words)


def _first_word(text: str) -> tuple[str, str]:
    """Return the first word of a text that begins with one, and the rest without leading space."""
    quote, at = "", 0
    while at < len(text):
        character = text[at]
        if character == "\\" and quote != "'":
            at += 1
        elif quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character.isspace():
            break
        at += 1
    return text[:at], text[at:].lstrip()


def _unquoted(word: str) -> str:
    """Return a word without quotes and escapes."""
    try:
        return "".join(shlex.split(word)) if any(mark in word for mark in "'\"\\") else word
    except ValueError:
        return word
