"""The one place that runs Pulumi: quietly, for what it answers, or before the user's eyes."""

from __future__ import annotations

import io
import random
import re
import signal
import subprocess
import sys
import threading
import time
from typing import IO, TYPE_CHECKING, TextIO

from moorage.base.console import Steps, out
from moorage.base.errors import MoorageError, Terminated
from moorage.engine import passphrase
from moorage.engine.display import Display

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from moorage.engine.session import Session

WATCH_SECONDS = 3.0
"""How often an update that is watched is looked at."""
LOCKED_SECONDS = 900.0
"""How long another update, on a machine that cannot be asked, is waited for."""
RETRY_SECONDS = 3.0
_LOCKED = re.compile(r"stack is currently locked by|Another update is currently in progress")
_LOCK_OWNER = re.compile(r"created by (?P<owner>\S+@\S+ \(pid \d+\))")
_LINES = 8
"""Of Pulumi's last lines that are shown."""


def run(
    session: Session, arguments: Sequence[str], *, variables: Mapping[str, str] | None = None, given: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run Pulumi without showing it, whatever its exit status; ``variables`` are set for it, ``given`` is its input."""
    return subprocess.run(
        [session.program("pulumi"), *arguments, "--non-interactive"],
        cwd=session.root,
        env=session.environment() | dict(variables or {}),
        **({"stdin": subprocess.DEVNULL} if given is None else {"input": given}),
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


def failed_before_the_user(session: Session, what: str, status: int) -> MoorageError:
    """Return the error for a run that was shown and failed."""
    return MoorageError.of(
        what,
        where=f"stack {session.stack}",
        why="it was interrupted" if status < 0 else "see Pulumi's output above",
        remedy="fix the errors above, then run the command again",
    )


def show(
    session: Session,
    arguments: Sequence[str],
    *,
    hopeless: Callable[[], bool] | None = None,
    variables: Mapping[str, str] | None = None,
) -> int:
    """Run Pulumi before the user's eyes and return its exit status; on a terminal its own live display is the progress.

    While another update has the stack locked, it is waited for. ``hopeless`` is asked meanwhile: where it is true,
    Pulumi, which would wait for minutes, is asked to end. ``variables`` are set for this run alone. Raises
    `MoorageError` for a wrong passphrase, and for a lock that stays.
    """
    deadline = time.monotonic() + LOCKED_SECONDS
    while True:
        status, errors = _shown_once(session, arguments, hopeless, variables or {})
        if status and passphrase.WRONG in errors:
            raise passphrase.wrong(session.stack, session.home)
        if not status or not _LOCKED.search(errors):
            return status
        if time.monotonic() >= deadline:
            raise _locked(session, errors)
        _wait_for_lock(session, errors)


def _shown_once(
    session: Session,
    arguments: Sequence[str],
    hopeless: Callable[[], bool] | None,
    variables: Mapping[str, str],
) -> tuple[int, str]:
    """Run Pulumi, and return its exit status and what it wrote to standard error."""
    watched = out.is_terminal
    process = subprocess.Popen(
        [session.program("pulumi"), *arguments, *([] if watched else ["--non-interactive"])],
        cwd=session.root,
        env=session.environment() | dict(variables),
        # Its live display goes to standard output; what it has to say of itself, such as a lock, to standard error.
        stdout=None if watched else subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    errors: list[str] = []
    readers = [threading.Thread(target=_pass_on_errors, args=(_text(process.stderr), errors), daemon=True)]
    display = Display(preview=arguments[0] == "preview")
    if not watched:
        readers.append(threading.Thread(target=_pass_on, args=(_text(process.stdout), display), daemon=True))
    for reader in readers:
        reader.start()
    status = _waited(process, hopeless)
    for reader in readers:
        reader.join()
    for line in display.end(failed=status != 0):
        sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
    return status, "".join(errors)


def _text(source: IO[bytes] | None) -> TextIO:
    """Return the text of a pipe; a carriage return, with which progress bars start over, does not end a line."""
    return io.TextIOWrapper(source or io.BytesIO(), encoding="utf-8", errors="replace", newline="\n")


def _waited(process: subprocess.Popen[bytes], hopeless: Callable[[], bool] | None) -> int:
    """Return the exit status, negative for a run that was interrupted and did not finish."""
    interrupted = False
    while True:
        try:
            status = process.wait(timeout=WATCH_SECONDS if hopeless else None)
            return -signal.SIGINT if status and interrupted else status
        except subprocess.TimeoutExpired:
            if hopeless and hopeless():
                out.print("[yellow]giving up[/] · a pod will not become ready; Pulumi finishes what is under way")
                process.terminate()
                hopeless = None
        except KeyboardInterrupt as stop:
            interrupted = True
            # Ctrl-C reached Pulumi as well; it ends in good order and releases the stack's lock.
            if isinstance(stop, Terminated):
                process.terminate()
            out.print("[yellow]interrupting[/] · Pulumi finishes what is under way")


def _pass_on(source: TextIO, display: Display) -> None:
    for line in source:
        for shown in display.lines(line.rstrip("\n")):
            sys.stdout.write(f"{shown}\n")
        sys.stdout.flush()


def _pass_on_errors(source: TextIO, heard: list[str]) -> None:
    """Show what Pulumi writes to standard error, but for what is answered here: a lock, a wrong passphrase."""
    answered = False
    for line in source:
        heard.append(line)
        # The lock's owners and what Pulumi would do about them follow in lines of the same message.
        answered = answered or bool(_LOCKED.search(line)) or passphrase.WRONG in line
        if not answered:
            sys.stderr.write(line)
            sys.stderr.flush()


def _wait_for_lock(session: Session, errors: str) -> None:
    owner = found["owner"] if (found := _LOCK_OWNER.search(errors)) else "another machine"
    with Steps().step(f"Another update of stack {session.stack}") as step:
        step.note(f"{owner}, waiting for it to finish")
        # Two that wait must not ask at the same moment again and again.
        time.sleep(RETRY_SECONDS * random.uniform(0.5, 1.5))  # noqa: S311  # nothing secret
        step.done("asking again")


def _locked(session: Session, errors: str) -> MoorageError:
    owner = found["owner"] if (found := _LOCK_OWNER.search(errors)) else "another machine"
    return MoorageError.of(
        f"stack {session.stack} is still locked",
        where=session.backend(),
        why=f"an update of {owner} has locked it for more than {LOCKED_SECONDS / 60:.0f} minutes",
        remedy=f"wait for it to finish; if it no longer runs: pulumi cancel --yes --stack {session.stack}",
    )
