"""One update of a stack at a time: the others wait for the one that runs, and what a dead one left is cleared."""

from __future__ import annotations

import fcntl
import json
import socket
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from moorage.base.console import Steps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from moorage.engine.session import Session

POLL_SECONDS = 0.2
_PULUMI = "pulumi"


@dataclass(frozen=True)
class Lock:
    """A lock file of Pulumi's, and the process that made it."""

    path: Path
    pid: int

    @property
    def held(self) -> bool:
        """Whether a Pulumi runs under the process id; after a crash or a power cut it is free, or another program's."""
        try:
            return Path(f"/proc/{self.pid}/comm").read_text().strip() == _PULUMI
        except OSError:
            return False


@contextmanager
def turn(session: Session) -> Iterator[None]:
    """Run the block as the only update of the stack, after those that run already.

    That holds for every checkout whose state is in the same folder. Where the backend is elsewhere, Pulumi's own lock
    decides, and its run is repeated until that is free.
    """
    folder = session.backend_folder()
    if folder is None:
        yield
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Not among Pulumi's own locks, of which it takes every file for one; the kernel frees it with the process.
    with (folder.parent / f".moorage-{session.project}-{session.stack}.lock").open("a+") as file:
        _wait(session, lambda: None if _taken(file) else _owner(file))
        file.truncate(0)
        file.write(f"process {Path('/proc/self').resolve().name}")
        file.flush()
        wait_for_others(session)
        yield


def wait_for_others(session: Session) -> None:
    """Return once no other Pulumi of this machine updates the stack.

    A Pulumi whose ``moorage`` was killed goes on, and finishes what it began. The lock of one that was killed itself is
    removed from this checkout's own state, as `pulumi cancel` would. Locks of other machines are left to Pulumi.
    """

    def running() -> str | None:
        found = _living(session)
        return f"process {found[0].pid}" if found else None

    _wait(session, running)


def locks(session: Session) -> list[Lock]:
    """Return this machine's locks on the stack, where its state is kept in a folder."""
    folder = session.backend_folder()
    if folder is None:
        return []
    found = []
    for path in folder.glob(f"locks/*/{session.project or '*'}/{session.stack}/*.json"):
        try:
            written = json.loads(path.read_text())
            if written["hostname"] == socket.gethostname():
                found.append(Lock(path, int(written["pid"])))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return found


def _wait(session: Session, other: Callable[[], str | None]) -> None:
    """Return once ``other`` names nobody."""
    if (who := other()) is None:
        return
    with Steps().step(f"Another update of stack {session.stack}") as step:
        while who is not None:
            step.note(f"{who}, waiting for it to finish")
            time.sleep(POLL_SECONDS)
            who = other()
        step.note("")
        step.done("has ended")


def _living(session: Session) -> list[Lock]:
    """Return the locks of updates that run; those of others are removed from this checkout's own state."""
    found = locks(session)
    for lock in found:
        if session.own_backend and not lock.held:
            lock.path.unlink(missing_ok=True)
            lock.path.with_name(f"{lock.path.name}.attrs").unlink(missing_ok=True)
    return [lock for lock in found if lock.held]


def _taken(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _owner(file: IO[str]) -> str:
    file.seek(0)
    return file.read() or "another process"
