"""Stacks as Pulumi's backend knows them: whether one is there, making it, removing it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moorage.engine import pulumi
from moorage.engine.state import state_file

if TYPE_CHECKING:
    from moorage.engine.session import Session


def ensure(session: Session) -> None:
    """Make the session's stack known to the backend; the folder's current stack stays the one that it is."""
    if not exists(session):
        pulumi.output(session, ["stack", "init", session.stack, "--no-select"])


def exists(session: Session) -> bool:
    """Return whether the backend knows the session's stack.

    Raises `MoorageError` where it cannot be asked.
    """
    path = state_file(session)
    if path is not None and path.exists():
        return True
    if session.own_backend:
        return False
    arguments = ["stack", "--stack", session.stack, "--show-name"]
    result = pulumi.run(session, arguments)
    if result.returncode and "no stack named" not in result.stderr:
        raise pulumi.failure(session, arguments, result)
    return result.returncode == 0


def remove(session: Session) -> None:
    """Remove a stack without resources from the backend; its settings stay."""
    pulumi.output(session, ["stack", "rm", session.stack, "--yes", "--preserve-config"])


def unprotect(session: Session) -> int:
    """Let everything that the stack protects be deleted; return Pulumi's exit status."""
    return pulumi.show(session, ["state", "unprotect", "--all", "--yes", "--stack", session.stack])
