"""Stacks as Pulumi's backend knows them: whether one is there, making it, what of it is protected."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from moorage.base.errors import MoorageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from moorage.engine.session import Session

_PULUMIS_OWN = ("pulumi:pulumi:Stack", "pulumi:providers:")
_LINES = 8
"""Of Pulumi's last words that are shown."""


@dataclass(frozen=True, order=True)
class Resource:
    """A resource of a stack."""

    kind: str
    """``StatefulSet``."""
    name: str
    """Its logical name, ``postgres-statefulset``."""

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


def ensure(session: Session) -> None:
    """Make the session's stack known to the backend; the folder's current stack stays the one that it is."""
    if not exists(session):
        pulumi(session, ["stack", "init", session.stack, "--no-select"])


def exists(session: Session) -> bool:
    """Return whether the backend knows the session's stack.

    Raises `MoorageError` where it cannot be asked.
    """
    if session.own_backend:
        return (session.layout.home / "state" / ".pulumi" / "stacks" / "moorage" / f"{session.stack}.json").exists()
    arguments = ["stack", "--stack", session.stack, "--show-name"]
    result = _run(session, arguments)
    if result.returncode and "no stack named" not in result.stderr:
        raise _failed(session, arguments, result)
    return result.returncode == 0


def protected(session: Session) -> list[Resource]:
    """Return what the stack protects from being deleted."""
    deployment = json.loads(pulumi(session, ["stack", "export", "--stack", session.stack]))["deployment"]
    return sorted(
        Resource(kind=entry["type"].rpartition(":")[2], name=entry["urn"].rpartition("::")[2])
        for entry in deployment.get("resources", [])
        if entry.get("protect") and not entry["type"].startswith(_PULUMIS_OWN)
    )


def pulumi(session: Session, arguments: Sequence[str]) -> str:
    """Run Pulumi without showing it and return what it printed.

    Raises `MoorageError` where it fails.
    """
    result = _run(session, arguments)
    if result.returncode:
        raise _failed(session, arguments, result)
    return result.stdout


def _run(session: Session, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [session.program("pulumi"), *arguments, "--non-interactive"],
        cwd=session.root,
        env=session.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def _failed(session: Session, arguments: Sequence[str], result: subprocess.CompletedProcess[str]) -> MoorageError:
    return MoorageError.of(
        f"pulumi {' '.join(arguments)} failed",
        where=session.backend(),
        why="see Pulumi's words",
        remedy="`moorage doctor` checks the prerequisites",
        detail=(result.stdout + result.stderr).strip().splitlines()[-_LINES:],
    )
