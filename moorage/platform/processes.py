"""Long-running processes without a supervisor: a record of each, proof that it is still the same one, its log.

A record names the process id together with its start time, because ids are used again; what is left of an earlier
run is recognised, and never is a process ended that was not started here.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from moorage.base.errors import MoorageError
from moorage.base.files import write_atomic
from moorage.platform.layout import NAMESPACE, RUNTIME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

RECORDS = RUNTIME / "processes"
STOP_SECONDS = 10.0
POLL_SECONDS = 0.05
_LOG_LIMIT_BYTES = 20_000_000


@dataclass(frozen=True, kw_only=True)
class Program:
    """A process to run: ``command`` with ``env`` added, on the host's network or the node's."""

    name: str
    command: tuple[str, ...]
    on_node: bool = True
    env: dict[str, str] = field(default_factory=dict)
    inputs: tuple[Path, ...] = ()
    """Files whose change asks for a restart: configuration, certificates."""

    @property
    def digest(self) -> str:
        """Digest of everything that decides how the process runs."""
        total = hashlib.sha256(json.dumps([self.command, self.on_node, self.env], sort_keys=True).encode())
        for path in self.inputs:
            total.update(path.read_bytes())
        return total.hexdigest()


@dataclass(frozen=True, kw_only=True)
class Record:
    """What is known of a started process; ``start_ticks`` is field 22 of ``/proc/PID/stat``."""

    name: str
    pid: int
    start_ticks: int
    digest: str
    log: str

    @property
    def alive(self) -> bool:
        """Whether this very process still runs."""
        return start_ticks(self.pid) == self.start_ticks


def start_ticks(pid: int) -> int | None:
    """Return when a process began, in clock ticks since boot; None where it is gone or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (OSError, ValueError):
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def records() -> dict[str, Record]:
    """Return the records of processes started here, alive or not, by name."""
    found = {}
    for path in sorted(RECORDS.glob("*.json")):
        try:
            found[path.stem] = Record(**json.loads(path.read_text()))
        except (ValueError, TypeError):
            path.unlink(missing_ok=True)
    return found


def ensure(program: Program, log: Path) -> bool:
    """Start ``program`` unless it already runs just so; return whether it was started.

    One that runs otherwise (changed flags or files) is ended first.
    """
    known = records().get(program.name)
    if known and known.alive:
        if known.digest == program.digest:
            return False
        stop(known)
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > _LOG_LIMIT_BYTES:
        log.rename(log.with_suffix(".log.1"))
    enter = ("nsenter", f"--net=/run/netns/{NAMESPACE}", "--") if program.on_node else ()
    with log.open("ab") as output:
        try:
            process = subprocess.Popen(
                [*enter, *program.command],
                env=_environment(program),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise _not_startable(program, error) from None
    _reap_later(process)
    began = start_ticks(process.pid)
    if began is None:
        raise died(program.name, log)
    record = Record(name=program.name, pid=process.pid, start_ticks=began, digest=program.digest, log=str(log))
    write_atomic(RECORDS / f"{program.name}.json", json.dumps(asdict(record)))
    return True


def _environment(program: Program) -> dict[str, str]:
    """Return the process's environment; nothing on the node goes through a proxy of the outside."""
    own = {key: value for key, value in os.environ.items() if not (program.on_node and key.lower().endswith("_proxy"))}
    return own | program.env


def _reap_later(process: subprocess.Popen[bytes]) -> None:
    """Keep Python from warning about a child that is meant to outlive it; `start_ticks` sees through zombies."""
    process.returncode = 0


def stop(record: Record, *, seconds: float = STOP_SECONDS) -> None:
    """End a process by SIGTERM, after ``seconds`` by SIGKILL, and forget it."""
    end([record.pid] if record.alive else [], seconds=seconds)
    (RECORDS / f"{record.name}.json").unlink(missing_ok=True)


def end(pids: Iterable[int], *, seconds: float = STOP_SECONDS) -> None:
    """End processes by SIGTERM, those that remain after ``seconds`` by SIGKILL, and wait until they are gone."""
    known = {pid: ticks for pid in pids if (ticks := start_ticks(pid)) is not None}
    for number, patience in ((signal.SIGTERM, seconds), (signal.SIGKILL, STOP_SECONDS)):
        for pid in known:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue
        deadline = time.monotonic() + patience
        while known and time.monotonic() < deadline:
            for pid in list(known):
                _reap(pid)
            known = {pid: ticks for pid, ticks in known.items() if start_ticks(pid) == ticks}
            if known:
                time.sleep(POLL_SECONDS)
        if not known:
            return


def _reap(pid: int) -> None:
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return


def wait_until(
    condition: Callable[[], bool], *, seconds: float, what: str, programs: Iterable[str] = (), remedy: str | None = None
) -> None:
    """Wait until ``condition`` holds.

    Raises `MoorageError` after ``seconds``, or at once when one of ``programs`` has died, with the end of its log.
    """
    deadline = time.monotonic() + seconds
    watched = tuple(programs)
    while not condition():
        for name in watched:
            record = records().get(name)
            if record and not record.alive:
                raise died(name, Path(record.log))
        if time.monotonic() > deadline:
            logs = [line for name in watched if (record := records().get(name)) for line in tail(Path(record.log), 6)]
            raise MoorageError.of(
                f"{what} was not ready after {seconds:.0f} s",
                where="embedded platform",
                why="see the end of its log below",
                remedy=remedy
                or "`moorage platform logs` shows all of it; `moorage platform reset` starts from nothing",
                detail=logs,
            )
        time.sleep(POLL_SECONDS)


def _not_startable(program: Program, error: OSError) -> MoorageError:
    return MoorageError.of(
        f"{program.name} cannot be started",
        where=program.command[0],
        why=error.strerror or str(error),
        remedy="run `moorage up` again: it builds and links what is missing; `moorage doctor` shows what is missing",
    )


def died(name: str, log: Path) -> MoorageError:
    """Return the error for a process that has exited."""
    return MoorageError.of(
        f"{name} has exited",
        where=str(log),
        why="see the last lines of its log",
        remedy=f"fix the cause and start again; `moorage platform logs {name}` shows the whole log",
        detail=tail(log, 8),
    )


def tail(log: Path, lines: int) -> list[str]:
    """Return the last lines of a log."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 100_000))
            return [line[:400] for line in file.read().decode(errors="replace").splitlines()[-lines:]]
    except OSError:
        return []
