"""How a command ends: with one clear error for a mistake of the user's, one word where it is interrupted."""

from __future__ import annotations

import errno
import os
import sys
from typing import TYPE_CHECKING, NoReturn

from moorage.base.errors import MoorageError, Problem, Terminated

if TYPE_CHECKING:
    from collections.abc import Callable

_INTERRUPTED, _TERMINATED = 130, 143
_REMEDIES = {
    "ENOSPC": "free some space on that disk, then run the command again",
    "EDQUOT": "free some of your quota, then run the command again",
    "EACCES": "make it yours (an earlier run as root may own it), or run the command as its owner",
    "EPERM": "make it yours (an earlier run as root may own it), or run the command as its owner",
    "EROFS": "use a checkout on a file system that can be written to",
    "ECONNREFUSED": "start the program that should listen there; `moorage platform status` shows what runs of the platform",
    "ENOENT": "check that it exists and that no other process removes it; `moorage doctor` checks the prerequisites",
}


def ended(command: Callable[[], object]) -> None:
    """Run a command; a mistake of the user's ends in one clear error and exit status 1, or what the error says."""
    try:
        command()
    except MoorageError as error:
        _end(*error.problems, status=getattr(error, "exit_status", 1))
    except BrokenPipeError:
        # Who reads the output has seen enough. What Python would still write as it ends goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        _end(machine_problem(error))


def interrupted(stop: KeyboardInterrupt) -> int:
    """Say that a command was interrupted and return its exit status."""
    from moorage.base import console  # here and below: not every command writes for people

    console.err.print("\n[yellow]interrupted[/]")
    return _TERMINATED if isinstance(stop, Terminated) else _INTERRUPTED


def machine_problem(error: OSError) -> Problem:
    """Return what the machine refused: a full disk, a folder of someone else's, a program that is not there."""
    number = errno.errorcode.get(error.errno or 0, "")
    return Problem(
        what=error.strerror or str(error) or type(error).__name__,
        where=str(error.filename) if error.filename is not None else "this machine",
        why=f"operating system error {number}" if number else "the operating system refused",
        remedy=_REMEDIES.get(number, "fix that, then run the command again; `moorage doctor` checks the rest"),
    )


def _end(*problems: Problem, status: int = 1) -> NoReturn:
    from moorage.base import console

    for problem in problems:
        console.show_problem(problem)
    sys.exit(status)
