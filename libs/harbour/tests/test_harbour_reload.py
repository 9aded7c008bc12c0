"""Restarting at each change of the source, with real processes."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
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


def _package(folder: Path, main: str) -> Path:
    package = folder / "berthing"
    package.mkdir()
    (package / "__init__.py").touch()
    path = package / "__main__.py"
    path.write_text(main, encoding="utf-8")
    return path


def test_a_change_starts_a_newer_process_and_a_signal_ends_both(tmp_path: Path) -> None:
    main = _package(tmp_path, _PROGRAM.format(version=1))
    with _supervised(tmp_path) as process:
        _await_line(process, "version 1")
        _await_line(process, "started")
        main.write_text("broken(", encoding="utf-8")
        _await_line(process, "the old process serves on, waiting for a change of the source exit_code=1")
        main.write_text(_PROGRAM.format(version=2), encoding="utf-8")
        _await_line(process, "version 2")
        _await_line(process, "reloaded")
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 7


_SERVER = """
import http.server, os, signal, threading
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("X-Moorage-Revision", os.environ["MOORAGE_REVISION"])
        self.end_headers()
        self.wfile.write(b"{answer}")
    def log_message(self, *_): pass

server = http.server.HTTPServer(("127.0.0.1", {port}), Handler)
server.serve_forever()
"""


@dataclass
class _Session:
    """A server under reload, told of changes by the socket as `moorage dev` does."""

    control: Path
    main: Path
    port: int
    revision: int = 0

    def save(self, source: str) -> dict[str, object]:
        """Change the program and return what the supervisor says of it."""
        self.main.write_text(source, encoding="utf-8")
        self.revision += 1
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(20)
            link.connect(str(self.control / "reload.sock"))
            link.sendall(json.dumps({"revision": self.revision}).encode() + b"\n")
            answer: dict[str, object] = json.loads(link.makefile().readline())
        return answer

    def ask(self) -> tuple[str, str]:
        """Return revision and text of one answer, on a connection of its own."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=5) as answer:
            return answer.headers["X-Moorage-Revision"], answer.read().decode()


@pytest.fixture
def session(tmp_path: Path) -> Iterator[_Session]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    control = tmp_path / "control"
    control.mkdir()
    main = _package(tmp_path, _SERVER.replace("{port}", str(port)).replace("{answer}", "first"))
    environment = {
        "PYTHONPATH": str(tmp_path),
        "MOORAGE_RELOAD_SOCKET": str(control / "reload.sock"),
        "PATH": os.environ["PATH"],
        "NO_COLOR": "1",
    }
    with subprocess.Popen([sys.executable, "-m", "harbour.reload", "berthing"], env=environment) as process:
        found = _Session(control, main, port)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                found.ask()
                break
            time.sleep(0.02)
        yield found
        process.terminate()
        assert process.wait(timeout=10) == 0


def test_the_answer_changes_without_a_refused_request(session: _Session) -> None:
    source = session.main.read_text(encoding="utf-8")
    done = threading.Event()
    failures: list[OSError] = []

    def ask_on() -> None:
        while not done.is_set():
            try:
                session.ask()
            except OSError as error:
                failures.append(error)

    asking = threading.Thread(target=ask_on)
    asking.start()
    for number in range(5):
        assert session.save(source.replace("first", f"edit {number}"))["state"] == "ready"
    done.set()
    asking.join()
    assert failures == []
    assert session.ask() == ("5", "edit 4")


def test_a_mistake_is_told_with_its_place_and_the_old_process_serves_on(session: _Session) -> None:
    source = session.main.read_text(encoding="utf-8")
    broken = session.save(source.replace("import http.server", "import http.server\nclass:\n"))
    assert (broken["state"], broken["file"], broken["line"]) == ("failed", str(session.main), 3)
    assert "SyntaxError" in str(broken["error"])
    assert session.ask() == ("0", "first")
    crash = session.save(source.replace("class Handler", "1 / 0\nclass Handler"))
    assert (crash["state"], crash["line"]) == ("failed", 5)
    assert "ZeroDivisionError" in str(crash["error"])
    assert session.save(source.replace("first", "cured"))["state"] == "ready"
    assert session.ask() == ("3", "cured")


def test_a_library_that_starts_threads_makes_each_process_begin_from_the_beginning(session: _Session) -> None:
    (session.control.parent / "threads.py").write_text(
        "import threading, time\nthreading.Thread(target=time.sleep, args=(999,), daemon=True).start()\n",
        encoding="utf-8",
    )
    source = session.main.read_text(encoding="utf-8")
    for number in range(3):
        edited = "import threads\n" + source.replace("first", f"edit {number}")
        assert session.save(edited)["state"] == "ready"
        assert session.ask() == (str(number + 1), f"edit {number}")
