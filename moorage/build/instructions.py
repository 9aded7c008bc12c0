"""The instructions of a Dockerfile: what one holds, and the flags and arguments that each kind has."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property

from moorage.base.errors import Location, MoorageError
from moorage.base.words import did_you_mean, listed
from moorage.build.expansion import first_word, split_words, unquoted, without_quotes

FLAGS = {
    "ADD": ("checksum", "chmod", "chown", "exclude", "keep-git-dir", "link", "unpack"),
    "COPY": ("chmod", "chown", "exclude", "from", "link", "parents"),
    "FROM": ("platform",),
    "HEALTHCHECK": ("interval", "retries", "start-interval", "start-period", "timeout"),
    "RUN": ("device", "mount", "network", "security"),
}
"""What BuildKit knows; other instructions have none."""
_REPEATED = frozenset({"device", "exclude", "mount"})
_SWITCHES = frozenset({"keep-git-dir", "link", "parents", "unpack"})
_ASSIGNING = frozenset({"ENV", "LABEL"})
_WITH_ARGUMENTS = {
    "ARG": "ARG name, or ARG name=value",
    "ENV": "ENV name=value",
    "LABEL": "LABEL name=value",
    "VOLUME": "VOLUME folder",
    "WORKDIR": "WORKDIR folder",
}


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
    escape: str = "\\"
    """The character that escapes another."""
    comments: tuple[tuple[int, str], ...] = ()
    """Lines of the comments above it and between its lines, of the last instruction those after it too, and their text."""

    @cached_property
    def _parts(self) -> tuple[tuple[str, ...], str]:
        flags: list[str] = []
        rest = self.text.lstrip()
        while rest.startswith("--"):
            # BuildKit takes each byte of a flag for a character: é becomes Ã©, in the name of a file too.
            flag, left = first_word(rest.encode(errors="surrogateescape").decode("latin-1"), self.escape)
            rest = left.encode("latin-1").decode(errors="surrogateescape")
            if flag == "--":
                break
            flags.append(without_quotes(flag, self.escape))
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
        return tuple((name, None if value is None else unquoted(value)) for name, value in self.written_pairs)

    @property
    def written_pairs(self) -> tuple[tuple[str, str | None], ...]:
        """The same with the values as written."""
        words = split_words(self.arguments, self.escape)
        if self.keyword != "ARG" and words and "=" not in words[0]:
            return ((words[0], self.arguments[len(words[0]) :].strip()),)
        parts = [word.partition("=") for word in words]
        return tuple((unquoted(name), value if equals else None) for name, equals, value in parts)


def check_form(instruction: Instruction, file: str) -> None:
    """Raise `MoorageError` for a flag that the instruction does not have, or arguments that it lacks."""
    where = Location(file=file, line=instruction.line, column=1)
    keyword, known = instruction.keyword, FLAGS.get(instruction.keyword, ())
    names = [flag[2:].partition("=")[0] for flag in instruction.flags]
    for name, flag in zip(names, instruction.flags, strict=True):
        if name not in known:
            raise MoorageError.of(
                f"{keyword} has no flag --{name}",
                where=where,
                why=f"the flags of {keyword} are {listed(f'--{each}' for each in known)}",
                remedy=did_you_mean(name, known, "remove it, or write -- before what begins with it"),
            )
        twice = names.count(name) > 1 and name not in _REPEATED
        boolean = flag.partition("=")[2].lower() in {"true", "false"} or "=" not in flag
        if twice or (name in _SWITCHES and not boolean) or (name not in _SWITCHES and "=" not in flag):
            raise MoorageError.of(
                f"BuildKit does not understand {flag}" if not twice else f"--{name} is there twice",
                where=where,
                why="a switch is true or false, and every other flag has a value: --name=value",
                remedy="correct it",
            )
    missing = keyword in _WITH_ARGUMENTS and not instruction.arguments.strip()
    if missing or (keyword in _ASSIGNING and not _assigns(instruction)):
        raise MoorageError.of(
            f"{keyword} lacks arguments",
            where=where,
            why=f"it is written {_WITH_ARGUMENTS[keyword]}",
            remedy="correct it",
        )


def _assigns(instruction: Instruction) -> bool:
    """Return whether each word gives a value to a name, or the only name has one after it."""
    pairs = instruction.written_pairs
    alone = len(pairs) == 1 and "=" not in pairs[0][0]
    return all(value is not None and (value or not alone or "=" in instruction.arguments) for _, value in pairs)
