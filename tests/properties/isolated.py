"""Runs a service in a network of its own, where its default ports are free and no other server can be met.

``python -m tests.properties.isolated MODULE URL`` reads the service's whole environment from standard input, as JSON,
waits for the URL to answer, ends the service and prints how it went, as JSON.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 30.0


def run(module: str, url: str, environ: dict[str, str], folder: Path) -> dict[str, Any]:
    """Return the ``health`` status that the service answered (None where it ended first), its ``status`` and ``errors``."""
    enter = ["unshare", "--net", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    result = subprocess.run(
        [*enter, "--", sys.executable, "-m", "tests.properties.isolated", module, url, str(folder)],
        cwd=ROOT,
        input=json.dumps(environ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def _main(module: str, url: str, folder: str) -> None:
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    command = [sys.executable, "-m", module]
    with subprocess.Popen(
        command,
        cwd=folder,
        env=json.load(sys.stdin),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        health = _await(url, process)
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=SECONDS)
    sys.stdout.write(json.dumps({"health": health, "status": process.returncode, "errors": errors}))


def _await(url: str, process: subprocess.Popen[str]) -> int | None:
    deadline = time.monotonic() + SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                status: int = answer.status
                return status
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.05)
    return None


if __name__ == "__main__":
    _main(*sys.argv[1:])
