"""Restarting at each change of the source, with real processes."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harbour.reload import changed, snapshot

_PROGRAM = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
print("version", {version}, flush=True)
time.sleep(60)
"""


def test_new_gone_and_different_files_are_changes_and_others_are_not(tmp_path: Path) -> None:
    for name in ("same.py", "gone.py", "different.sql", "notes.txt"):
        (tmp_path / name).write_text("1", encoding="utf-8")
    before = snapshot([tmp_path])
    (tmp_path / "gone.py").unlink()
    (tmp_path / "new.py").write_text("1", encoding="utf-8")
    os.utime(tmp_path / "different.sql", ns=(1, 1))
    os.utime(tmp_path / "notes.txt", ns=(1, 1))
    assert [path.name for path in changed(before, snapshot([tmp_path]))] == ["different.sql", "gone.py", "new.py"]
    assert changed(before, before) == []


@contextmanager
def _supervised(folder: Path) -> Iterator[subprocess.Popen[str]]:
    environment = {"PYTHONPATH": str(folder), "PYTHONUNBUFFERED": "1", "NO_COLOR": "1", "PATH": os.environ["PATH"]}
    command = [sys.executable, "-m", "harbour.reload", "berthing"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def _await_line(process: subprocess.Popen[str], text: str) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if text in line:
            return
    raise AssertionError(f"the process ended without printing {text!r}")


def test_a_change_restarts_the_program_and_a_signal_ends_both(tmp_path: Path) -> None:
    package = tmp_path / "berthing"
    package.mkdir()
    (package / "__init__.py").touch()
    main = package / "__main__.py"
    main.write_text(_PROGRAM.format(version=1), encoding="utf-8")
    with _supervised(tmp_path) as process:
        _await_line(process, "version 1")
        main.write_text("broken(", encoding="utf-8")
        _await_line(process, "waiting for a change of the source exit_code=1")
        main.write_text(_PROGRAM.format(version=2), encoding="utf-8")
        _await_line(process, "version 2")
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 7
