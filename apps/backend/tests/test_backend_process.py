"""The backend as a process: what it says when it cannot start, and how it ends."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path


def test_it_says_everything_that_is_missing_and_exits_with_2(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "backend"],
        env={"ENVIRONMENT": "production", "HTTP_PORT": "80"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
    named = [line.split()[0] for line in ended.stderr.splitlines()[1:]]
    assert named == [
        "DATABASE_HOST",
        "DATABASE_NAME",
        "DATABASE_USER",
        "DATABASE_PASSWORD",
        "REDIS_HOST",
        "REDIS_PASSWORD",
        "HTTP_PORT",
    ]


def test_it_logs_json_in_production_and_ends_with_0_on_sigterm(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    needed = {f"DATABASE_{name}": "127.0.0.1" for name in ("HOST", "NAME", "USER", "PASSWORD")}
    environment = needed | {
        "ENVIRONMENT": "production",
        "DATABASE_PORT": "9",
        "REDIS_HOST": "127.0.0.1",
        "REDIS_PASSWORD": "x",
        "HTTP_HOST": "127.0.0.1",
        "HTTP_PORT": str(port),
        "PATH": os.environ["PATH"],
    }
    command = [sys.executable, "-u", "-m", "backend"]
    with subprocess.Popen(command, env=environment, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        while "Uvicorn running" not in process.stdout.readline():
            assert process.poll() is None
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
            assert answer.status == 200
        start = time.monotonic()
        process.send_signal(signal.SIGTERM)
        rest, _ = process.communicate(timeout=10)
    assert process.returncode == 0
    assert time.monotonic() - start < 5
    assert json.loads(rest.splitlines()[-1])["message"] == "stopped"


def test_a_port_that_is_taken_is_said_with_what_to_do(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = subprocess.run(
            [sys.executable, "-m", "backend"],
            env={"HTTP_PORT": str(port)},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    assert f"end what listens on port {port}, or set HTTP_PORT to a free port" in ended.stdout.splitlines()[-1]
