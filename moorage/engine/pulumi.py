"""The one place that runs Pulumi: quietly, for what it answers, or on the user's terminal."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from moorage.base.console import out
from moorage.base.errors import MoorageError, Terminated
from moorage.engine import passphrase

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from moorage.engine.session import Session

WATCH_SECONDS = 5.0
"""How often an update that is watched is looked at."""
_LINES = 8
"""Of Pulumi's last lines that are shown."""


def run(session: Session, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run Pulumi without showing it, whatever its exit status."""
    return subprocess.run(
        [session.program("pulumi"), *arguments, "--non-interactive"],
        cwd=session.root,
        env=session.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def output(session: Session, arguments: Sequence[str]) -> str:
    """Run Pulumi without showing it and return what it printed.

    Raises `MoorageError` where it fails.
    """
    result = run(session, arguments)
    if result.returncode:
        raise failure(session, arguments, result)
    return result.stdout


def failure(session: Session, arguments: Sequence[str], result: subprocess.CompletedProcess[str]) -> MoorageError:
    """Return the error for a run that failed."""
    if passphrase.WRONG in result.stderr:
        return passphrase.wrong(session.stack, session.home)
    return MoorageError.of(
        f"pulumi {' '.join(arguments)} failed",
        where=session.backend(),
        why="see Pulumi's output",
        remedy="`moorage doctor` checks the prerequisites",
        detail=(result.stdout + result.stderr).strip().splitlines()[-_LINES:],
    )


def show(
    session: Session,
    arguments: Sequence[str],
    *,
    hopeless: Callable[[], bool] | None = None,
    variables: Mapping[str, str] | None = None,
) -> int:
    """Run Pulumi on the user's terminal, so that its own live display is the progress; return its exit status.

    ``hopeless`` is asked meanwhile: where it is true, Pulumi, which would wait for minutes, is asked to end.
    ``variables`` are set for this run alone.
    """
    interactive = [] if out.is_terminal else ["--non-interactive"]
    command = [session.program("pulumi"), *arguments, *interactive]
    process = subprocess.Popen(command, cwd=session.root, env=session.environment() | dict(variables or {}))
    while True:
        try:
            return process.wait(timeout=WATCH_SECONDS if hopeless else None)
        except subprocess.TimeoutExpired:
            if hopeless and hopeless():
                out.print("[yellow]giving up[/] · a pod will not become ready; Pulumi finishes what is under way")
                process.terminate()
                hopeless = None
        except KeyboardInterrupt as stop:
            # Ctrl-C reached Pulumi as well; it ends in good order and releases the stack's lock.
            if isinstance(stop, Terminated):
                process.terminate()
            out.print("[yellow]interrupting[/] · Pulumi finishes what is under way")
