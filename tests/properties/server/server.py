"""A service for tests: its checks succeed some time after its start, and it tells what it was given.

Its only argument is JSON: ``checks``, a list of what is to succeed ``after`` how many seconds (the ``path`` of a GET, a
``port``, a ``file``), and ``writes``, folders that it needs to write to. It reports on a port of its own, at any path.
"""

from __future__ import annotations

import json
import os
import signal
import socketserver
import sys
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

REPORT_PORT = 9999
SECRETS = Path("/run/secrets/moorage")
STARTED = time.time()
opened: dict[str | bytes | int, float] = {}
"""Since when each path, port and file is there."""
healthy_since: dict[str, float] = {}
"""Since when each check succeeds."""


class Checked(BaseHTTPRequestHandler):
    """Answers 200 at the paths that are healthy, 503 elsewhere."""

    def do_GET(self) -> None:
        """Answer a probe."""
        self.answer(200 if meant(self.path.encode("latin-1")) in opened else 503, b"")

    def answer(self, status: int, body: bytes) -> None:
        """Send one response."""
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing: a hundred of these are probed every second."""


class Reporting(Checked):
    """Answers everything with the report."""

    def do_GET(self) -> None:
        """Answer with what the process sees of itself."""
        self.answer(200, json.dumps(report()).encode())


def report() -> dict[str, Any]:
    """Return the process's environment and secrets, what the kernel says of it, and when its checks succeeded."""
    return {
        "environment": {_text(key): _text(value) for key, value in os.environb.items()},
        "secrets": {file.name: _text(file.read_bytes()) for file in SECRETS.glob("[!.]*")},
        "status": dict(line.split(":\t", 1) for line in Path("/proc/1/status").read_text().splitlines()),
        "pid": os.getpid(),
        "started": STARTED,
        "healthySince": healthy_since,
    }


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def meant(path: str | bytes) -> bytes:
    """Return a path without escapes: the kubelet writes those of service.yaml in its own way."""
    return urllib.parse.unquote_to_bytes(path)


def listen(port: int, handler: type[Checked]) -> None:
    """Serve `port` in a thread of its own."""
    server = socketserver.ThreadingTCPServer(("", port), handler, bind_and_activate=False)
    server.allow_reuse_address = server.daemon_threads = True
    server.server_bind()
    server.server_activate()
    threading.Thread(target=server.serve_forever, args=[3600], daemon=True).start()


def open_up(way: str, value: Any) -> None:
    """Let the checks of one path, port or file succeed."""
    if way == "file":
        Path(value).touch()
    if way == "port":
        listen(value, Checked)


def become_healthy(checks: list[dict[str, Any]]) -> None:
    """Let each check succeed at its time."""
    for check in sorted(checks, key=lambda check: check["after"]):
        time.sleep(max(0, STARTED + check["after"] - time.time()))
        parts = {way: check[way] for way in ("path", "port", "file") if way in check}
        if "path" in parts:
            parts["path"] = meant(parts["path"])
        for way, value in parts.items():
            if value not in opened:
                opened[value] = time.time()
                open_up(way, value)
        healthy_since[check["name"]] = max(opened[value] for value in parts.values())


def main() -> None:
    """Become healthy, and end when asked to."""
    # Before any thread starts, so that none takes the signal; the first process of a container would ignore it.
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    settings = json.loads(sys.argv[1])
    for folder in settings["writes"]:
        (Path(folder) / "written").write_text("by the test")
    listen(REPORT_PORT, Reporting)
    threading.Thread(target=become_healthy, args=[settings["checks"]], daemon=True).start()
    signal.sigwait([signal.SIGTERM])
    os._exit(0)


if __name__ == "__main__":
    main()
