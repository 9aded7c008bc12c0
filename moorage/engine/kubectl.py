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


def run(session: Session, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run kubectl on the stack's context, with a limit of `SECONDS` for each request.

    Raises `MoorageError` where there is no kubectl.
    """
    command, environment = _command(session, f"--request-timeout={SECONDS}s", *arguments)
    return subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )


def show(session: Session, *arguments: str) -> int:
    """Run kubectl on the stack's context for as long as it takes, its output going where ours goes; return its status.

    Raises `MoorageError` where there is no kubectl.
    """
    command, environment = _command(session, *arguments)
    return subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, check=False).returncode


def _command(session: Session, *arguments: str) -> tuple[list[str], dict[str, str]]:
    environment = session.environment()
    program = shutil.which("kubectl", path=environment["PATH"])
    if program is None:
        raise MoorageError.of(
            "kubectl is missing",
            where="PATH",
            why="it asks the cluster, with whatever credentials plugin yours needs",
            remedy="install it (https://kubernetes.io/docs/tasks/tools/), or run moorage/platform/bootstrap, which downloads it",
        )
    target = session.target
    return [program, f"--kubeconfig={target.kubeconfig}", f"--context={target.context}", *arguments], environment


def items(session: Session, namespace: str, kinds: Sequence[str]) -> list[dict[str, Any]]:
    """Return the objects of ``kinds`` in a namespace; none where the cluster does not answer."""
    result = run(session, "get", ",".join(kinds), f"--namespace={namespace}", "--output=json")
    found: list[dict[str, Any]] = json.loads(result.stdout)["items"] if result.returncode == 0 else []
    return found
