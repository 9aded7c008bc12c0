"""``python -m harbour.reload MODULE``: run a module, and a newer process of it after each change of its or our source.

For development only. A process that has imported everything but that source is kept, and each new process is a fork of
it: it starts in a tenth of the time. The old process serves until the new one listens, and goes on serving where the new
one fails. Both have the same listening socket, so that no request is refused in between.

``MOORAGE_RELOAD_SOCKET`` is a socket on which `moorage dev` says that it has changed files; without it the files are
looked at, as changes that come by a mount or a copy raise no events. ``docs/development.md`` describes what is said.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import os
import selectors
import signal
import socket
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from harbour.logs import set_up_logging
from harbour.reload_link import Link, Request
from harbour.reload_process import Process, start
from harbour.settings import Common, Environment, LogLevel

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

LOOK_EVERY_SECONDS = 0.25
STOP_SECONDS = 30.0
SETTLED_SECONDS = 1.0
"""After which a process that listens nowhere counts as started."""
SUFFIXES = frozenset({".py", ".sql"})

_log = logging.getLogger("harbour.reload")


def snapshot(folders: Iterable[Path]) -> dict[Path, tuple[int, int]]:
    """Return when each source file below `folders` was changed, in nanoseconds, and its size in bytes.

    Both, as clocks of file systems are too coarse to tell a file that was just emptied from the one then written.
    """
    found = {}
    for folder in folders:
        for path in folder.rglob("*"):
            if path.suffix in SUFFIXES:
                try:
                    status = path.stat()
                except FileNotFoundError:  # an editor replaces files
                    continue
                found[path] = status.st_mtime_ns, status.st_size
    return found


def changed(before: Mapping[Path, tuple[int, int]], after: Mapping[Path, tuple[int, int]]) -> list[Path]:
    """Return the files that are new, gone or different."""
    return sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))


class Supervisor:
    """Keeps one process running that is as new as its source."""

    def __init__(self, module: str, folders: tuple[Path, ...], link: Link | None = None, revision: int = 0) -> None:
        self._module = module
        self._folders = folders
        self._link = link
        self._revision = revision
        self._selector = selectors.DefaultSelector()
        self._sockets: dict[str, socket.socket] = {}
        self._serving: Process | None = None
        self._starting: Process | None = None
        self._retiring: list[Process] = []
        self._seen = snapshot(folders) if link is None else {}
        self._warm: set[str] = set()
        self._forks = True
        self._stop = False
        self._exit_code = 0

    def run(self) -> int:
        """Run until SIGTERM or SIGINT and return the process's last exit code."""
        wake, woken = socket.socketpair()
        wake.setblocking(False)
        signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._selector.register(woken, selectors.EVENT_READ, lambda: woken.recv(4096))
        if self._link:
            self._selector.register(self._link.server, selectors.EVENT_READ, self._link_asked)
        self._begin(None)
        while not self._stop:
            for key, _ in self._selector.select(LOOK_EVERY_SECONDS):
                key.data()
            self._reap()
            if self._link is None:
                self._look()
        signal.set_wakeup_fd(-1)
        return self._end()

    def _on_signal(self, *_: object) -> None:
        self._stop = True

    def _look(self) -> None:
        now = snapshot(self._folders)
        if files := changed(self._seen, now):
            _log.info("source changed, reloading", extra={"files": ", ".join(path.name for path in files)})
            self._seen = now
            self._begin(None)

    def _link_asked(self) -> None:
        assert self._link is not None  # noqa: S101 - only a link asks
        request = self._link.accept()
        if request is not None:
            self._revision = request.revision
            self._begin(request)

    def _begin(self, request: Request | None) -> None:
        """Start a process of the source as it is now; one that was about to start is too old already."""
        if self._starting:
            self._starting.answer({"state": "superseded"})
            self._starting.kill()
            self._retire(self._starting)
        self._starting = start(
            self._module,
            folders=self._folders,
            sockets=self._sockets,
            revision=self._revision,
            request=request,
            forks=self._forks,
        )
        process = self._starting
        self._selector.register(process.channel, selectors.EVENT_READ, lambda: self._heard(process))

    def _heard(self, process: Process) -> None:
        """Take what a process says of itself."""
        messages, sockets = process.receive()
        for message in messages:
            if message["kind"] == "listening":
                self._sockets |= sockets
                self._is_ready(process)
                self._preload(message["modules"])
            elif message["kind"] == "failed":
                process.failure = message
        if process.closed:
            self._selector.unregister(process.channel)
            process.channel.close()

    def _is_ready(self, process: Process) -> None:
        if process is not self._starting:
            return
        old, self._serving, self._starting = self._serving, process, None
        if old:
            old.terminate()
            self._retire(old)
        _log.info("reloaded" if old else "started", extra={"milliseconds": round(process.seconds * 1000)})
        process.answer({"state": "ready", "seconds": round(process.seconds, 3)})

    def _retire(self, process: Process) -> None:
        process.stopped = time.monotonic()
        self._retiring.append(process)

    def _preload(self, names: list[str]) -> None:
        """Import what a process needs beside its source, so that the next one has it already."""
        for name in names:
            if name not in self._warm and self._forks:
                self._warm.add(name)
                try:
                    importlib.import_module(name)
                except Exception:  # noqa: BLE001, S112 - it will be imported where it is needed, or fail there
                    continue
        if self._forks and len(os.listdir("/proc/self/task")) > 1:
            # A fork has only the thread that made it: what others held would be held for ever.
            self._forks = False
            _log.warning("a library starts threads when it is imported: each reload starts Python from the beginning")

    def _reap(self) -> None:
        """Notice which processes have ended, and which have started without listening anywhere."""
        for process in (self._starting, self._serving, *self._retiring):
            if process and process.ended():
                if not process.closed and process.channel.fileno() >= 0:
                    self._heard(process)
                self._ended(process)
        if self._starting and self._starting.seconds > SETTLED_SECONDS and not self._sockets:
            self._is_ready(self._starting)
        for process in self._retiring:
            if time.monotonic() - process.stopped > STOP_SECONDS:
                process.kill()

    def _ended(self, process: Process) -> None:
        self._exit_code = process.exit_code
        if process is self._starting:
            self._starting = None
            what = process.failure or {"error": f"it ended with exit status {process.exit_code}"}
            process.answer({**what, "state": "failed", "seconds": round(process.seconds, 3)})
            serves = ", the old process serves on" if self._serving else ""
            extra = {"exit_code": process.exit_code}
            _log.warning("failed to start%s, waiting for a change of the source", serves, extra=extra)
        elif process is self._serving:
            self._serving = None
            _log.warning("ended, waiting for a change of the source", extra={"exit_code": process.exit_code})
        else:
            self._retiring.remove(process)

    def _end(self) -> int:
        """End every process and return the exit code of the one that served."""
        last = self._serving or self._starting
        for process in filter(None, (self._starting, self._serving)):
            process.terminate()
            self._retire(process)
        deadline = time.monotonic() + STOP_SECONDS
        for process in self._retiring:
            process.wait(max(0.0, deadline - time.monotonic()))
        return last.exit_code if last else self._exit_code


def _folder_of(module: str) -> Path:
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise SystemExit(f"harbour.reload: there is no module {module}; name one that python -m would run")
    return Path(spec.origin).parent


def main() -> int:
    """Run the module that the command line names and return its last exit code."""
    if len(sys.argv) != 2:
        raise SystemExit("usage: python -m harbour.reload MODULE")
    set_up_logging(Common(environment=Environment.DEVELOPMENT, log_level=LogLevel.INFO), "reload")
    sys.dont_write_bytecode = True
    module = sys.argv[1]
    folders = tuple(dict.fromkeys((_folder_of(module), _folder_of("harbour"))))
    path = os.environ.get("MOORAGE_RELOAD_SOCKET")
    link = Link(Path(path)) if path and Path(path).parent.is_dir() else None
    return Supervisor(module, folders, link, link.revision() if link else 0).run()


if __name__ == "__main__":
    sys.exit(main())
