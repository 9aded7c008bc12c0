"""``python -m harbour.reload MODULE``: run a module, and start it again at each change of its or our source.

For development only. Files are looked at instead of watched, as changes that come by a mount or a copy raise no events.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from harbour.logs import set_up_logging
from harbour.settings import Common, Environment, LogLevel

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

LOOK_EVERY_SECONDS = 0.25
STOP_SECONDS = 10.0
SUFFIXES = frozenset({".py", ".sql"})

_log = logging.getLogger(__name__)


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

    def __init__(self, module: str, folders: tuple[Path, ...]) -> None:
        self._command = [sys.executable, "-m", module]
        self._folders = folders
        self._stop = False

    def run(self) -> int:
        """Run until SIGTERM or SIGINT and return the process's last exit code."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        seen = snapshot(self._folders)
        process = self._start()
        told = False
        while not self._stop:
            time.sleep(LOOK_EVERY_SECONDS)
            now = snapshot(self._folders)
            if files := changed(seen, now):
                _log.info("source changed, restarting", extra={"files": ", ".join(path.name for path in files)})
                seen, told = now, False
                self._end(process)
                process = self._start()
            elif process.poll() is not None and not told:
                told = True
                _log.warning("ended, waiting for a change of the source", extra={"exit_code": process.returncode})
        return self._end(process)

    def _start(self) -> subprocess.Popen[bytes]:
        # Bytecode is matched to its source by size and whole seconds, which two quick edits can have in common.
        return subprocess.Popen(self._command, env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"})

    def _on_signal(self, *_: object) -> None:
        self._stop = True

    def _end(self, process: subprocess.Popen[bytes]) -> int:
        process.terminate()
        try:
            return process.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()


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
    module = sys.argv[1]
    folders = tuple(dict.fromkeys((_folder_of(module), _folder_of("harbour"))))
    return Supervisor(module, folders).run()


if __name__ == "__main__":
    sys.exit(main())
