"""Reads from the stack's cluster through kubectl, whose credentials plugins work for every kind of cluster."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

from moorage.base.errors import MoorageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from moorage.engine.session import Session

SECONDS = 20
LONG_SECONDS = 600
"""For a command that runs in a pod."""


def run(session: Session, *arguments: str, seconds: int = SECONDS) -> subprocess.CompletedProcess[str]:
    """Run kubectl on the stack's context; each of its requests is given ``seconds``.

    Raises `MoorageError` where there is no kubectl.
    """
    return subprocess.run(
        [*_command(session), f"--request-timeout={seconds}s", *arguments],
        env=session.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def attach(session: Session, *arguments: str) -> int:
    """Run kubectl on the stack's context before the user's eyes, with the terminal as its own; return its exit status.

    Raises `MoorageError` where there is no kubectl.
    """
    return subprocess.run([*_command(session), *arguments], env=session.environment(), check=False).returncode


def _command(session: Session) -> list[str]:
    environment = session.environment()
    program = shutil.which("kubectl", path=environment["PATH"])
    if program is None:
        raise MoorageError.of(
            "kubectl is missing",
            where="PATH",
            why="it asks the cluster, with whatever credentials plugin yours needs",
            remedy="install it (https://kubernetes.io/docs/tasks/tools/), or run moorage/platform/bootstrap, which downloads it",
        )
    return [program, f"--kubeconfig={session.target.kubeconfig}", f"--context={session.target.context}"]


def items(session: Session, namespace: str, kinds: Sequence[str]) -> list[dict[str, Any]]:
    """Return the objects of ``kinds`` in a namespace; none where the cluster does not answer."""
    result = run(session, "get", ",".join(kinds), f"--namespace={namespace}", "--output=json")
    found: list[dict[str, Any]] = json.loads(result.stdout)["items"] if result.returncode == 0 else []
    return found
