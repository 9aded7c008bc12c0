"""What a user is told when something is wrong: what, where, why and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, kw_only=True, order=True)
class Location:
    """A place in a text file; ``line`` and ``column`` count from 1, 0 meaning the whole file."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        """Return ``file:line:column``, with the path relative to the current folder where it lies below it."""
        path = Path(self.file)
        try:
            shown = str(path.resolve().relative_to(Path.cwd()))
        except ValueError:
            shown = str(path)
        return f"{shown}:{self.line}:{self.column}" if self.line else shown


@dataclass(frozen=True)
class KeyPath:
    """A place in settings, by YAML keys and list indexes, from the value that a rule looks at.

    A rule knows nothing of files: whoever read the settings turns it into a `Location`.
    """

    parts: tuple[str | int, ...] = ()

    @classmethod
    def of(cls, *parts: str | int) -> KeyPath:
        """Return the path of these keys and indexes."""
        return cls(parts)

    def __str__(self) -> str:
        """Return the path as people write it: ``livenessProbe.httpGet.path``, ``needs[1]``."""
        text = ""
        for part in self.parts:
            text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
        return text


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing that is wrong.

    ``what`` is a sentence without a full stop; ``why`` gives the cause or the rule, ``remedy`` what to do;
    ``where`` a place in a file or in settings, a path, an address or the name of a cluster object.
    """

    what: str
    where: Location | KeyPath | str | None = None
    why: str | None = None
    remedy: str | None = None
    detail: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the problem as indented plain text, the place first."""
        head = f"{self.where}: {self.what}" if self.where else self.what
        lines = [head, *(f"  | {line}" for line in self.detail)]
        if self.why:
            lines.append(f"  why: {self.why}")
        if self.remedy:
            lines.append(f"  fix: {self.remedy}")
        return "\n".join(lines)


class MoorageError(Exception):
    """An error that the user can fix: shown as its problems, never as a traceback."""

    def __init__(self, *problems: Problem) -> None:
        """Hold one or more problems, in the order in which they are shown."""
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems

    @classmethod
    def of(
        cls,
        what: str,
        *,
        where: Location | str | None = None,
        why: str | None = None,
        remedy: str | None = None,
        detail: Iterable[str] = (),
    ) -> MoorageError:
        """Return the error of one problem, whose parts are those of `Problem`."""
        return cls(Problem(what=what, where=where, why=why, remedy=remedy, detail=tuple(detail)))


class Terminated(KeyboardInterrupt):
    """A request to end that came to this process alone, as from `kill` or a CI runner: children know nothing of it."""
