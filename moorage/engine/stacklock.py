"""Pulumi's lock on a stack that is kept in this checkout: waits while its owner lives, and clears it once that is gone."""

from __future__ import annotations

import json
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from moorage.base.console import Steps

if TYPE_CHECKING:
    from moorage.engine.session import Session

POLL_SECONDS = 0.5
_PULUMI = "pulumi"


@dataclass(frozen=True)
class Lock:
    """A lock file, and the process that made it."""

    path: Path
    pid: int

    @property
    def held(self) -> bool:
        """Whether a Pulumi runs under the process id; after a crash or a power cut it is free, or another program's."""
        try:
            return Path(f"/proc/{self.pid}/comm").read_text().strip() == _PULUMI
        except OSError:
            return False


def wait_for_others(session: Session) -> None:
    """Return once no other update of the stack runs.

    A Pulumi whose ``moorage`` was killed goes on, and finishes what it began. The lock of one that was killed itself is
    removed, as `pulumi cancel` would. Locks of other machines, and of backends elsewhere, are left to Pulumi.
    """
    if _living(session):
        with Steps().step(f"Another update of stack {session.stack}") as step:
            while running := _living(session):
                step.note(f"process {running[0].pid}, waiting for its end")
                time.sleep(POLL_SECONDS)
            step.note("")
            step.done("has ended")


def _living(session: Session) -> list[Lock]:
    """Return the locks of updates that run; those of others are removed."""
    found = locks(session)
    for lock in found:
        if not lock.held:
            lock.path.unlink(missing_ok=True)
            lock.path.with_name(f"{lock.path.name}.attrs").unlink(missing_ok=True)
    return [lock for lock in found if lock.held]


def locks(session: Session) -> list[Lock]:
    """Return this machine's locks on the stack, where its state is kept in this checkout."""
    if not session.own_backend:
        return []
    found = []
    for path in session.home.glob(f"state/.pulumi/locks/*/*/{session.stack}/*.json"):
        try:
            written = json.loads(path.read_text())
            if written["hostname"] == socket.gethostname():
                found.append(Lock(path, int(written["pid"])))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return found
