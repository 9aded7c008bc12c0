"""Dockerfiles, read as BuildKit reads them: instructions with their lines, here-documents, flags and words."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from moorage.base.errors import Location, MoorageError, Problem
from moorage.build.expansion import split_words, unquoted
from moorage.build.instructions import Heredoc, Instruction, check_form

if TYPE_CHECKING:
    from pathlib import Path

_DIRECTIVE = re.compile(r"^#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*$")
_HEREDOC = re.compile(r"^(\d*)<<(-?)\s*([^<]+)$")
_TAKES_HEREDOCS = frozenset({"ADD", "COPY", "RUN"})
KEYWORDS = frozenset(
    {"ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "MAINTAINER"}
    | {"ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"}
)


def read_dockerfile(path: Path) -> tuple[Instruction, ...]:
    """Return the instructions of a file.

    Raises `MoorageError` as `parse_dockerfile` does, and where the file is not UTF-8.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise MoorageError.of(
            f"{path.name} is not UTF-8",
            where=Location(file=str(path)),
            why=f"byte {error.start} ({error.object[error.start]:#04x}) does not begin a character",
            remedy="save it as UTF-8",
        ) from None
    return parse_dockerfile(text, str(path))


def parse_dockerfile(text: str, file: str = "Dockerfile") -> tuple[Instruction, ...]:
    """Return the instructions of a text; ``file`` is named in errors.

    Raises `MoorageError` for what BuildKit does not read as instructions: unknown words, flags and here-documents that
    do not end, and arguments that are missing. What an instruction's arguments mean is for BuildKit to judge.
    """
    lines = text.removeprefix("\ufeff").removesuffix("\n").split("\n")
    escape = _escape(lines)
    continued = _continuation(escape)
    found: list[Instruction] = []
    problems: list[Problem] = []
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
            try:
                instruction = _instruction(keyword, rest, lines=lines, start=start, at=at, file=file)
                at = instruction.end
                found.append(replace(instruction, comments=tuple(comments), escape=escape))
                check_form(found[-1], file)
            except _UnendedError as error:
                problems += error.problems
                break
            except MoorageError as error:
                problems += error.problems
            comments = []
    if problems:
        raise MoorageError(*problems)
    if found and comments:
        found[-1] = replace(found[-1], comments=(*found[-1].comments, *comments))
    return tuple(found)


class _UnendedError(MoorageError):
    """A here-document that takes all of the rest."""


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
            raise _UnendedError.of(
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
        if heredoc and (name := unquoted(heredoc[3])):
            found.append((name, heredoc[2] == "-"))
    return found


def is_heredoc(word: str) -> bool:
    """Return whether a word stands for a here-document."""
    return _HEREDOC.match(word) is not None
