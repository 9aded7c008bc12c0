"""Quiet hours: while a test measures time nothing begins to build, and it measures only once nothing builds any more.

Whatever builds or deploys takes `busy`, what measures `quiet`, in whichever process they are. Both are locks on files, which
end with the process that has them.
"""

from __future__ import annotations

import contextlib
import fcntl
import threading
from typing import IO, TYPE_CHECKING

from tests.support.environment import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FOLDER = ROOT / ".moorage" / "tests"
_own = threading.RLock()
_depth = 0
_held = contextlib.ExitStack()


@contextlib.contextmanager
def busy() -> Iterator[None]:
    """Build, beside others that do, but not while somebody measures."""
    with _taken(fcntl.LOCK_SH):
        yield


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Measure, once all that builds is done and while nothing new begins."""
    with _taken(fcntl.LOCK_EX):
        yield


@contextlib.contextmanager
def _taken(kind: int) -> Iterator[None]:
    """Have the room; who has it already in this process keeps it as it is."""
    global _depth  # noqa: PLW0603  # of this process, as the locks are
    with _own:
        if not _depth:
            # Who waits for the room stands in the door: nobody comes in before him.
            with _locked(FOLDER / "door.lock", fcntl.LOCK_EX):
                _held.enter_context(_locked(FOLDER / "room.lock", kind))
        _depth += 1
    try:
        yield
    finally:
        with _own:
            _depth -= 1
            if not _depth:
                _held.close()


@contextlib.contextmanager
def _locked(path: Path, kind: int) -> Iterator[IO[bytes]]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        fcntl.flock(file, kind)
        yield file
