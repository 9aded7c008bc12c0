"""The watcher beside a namespace of the platform: what it told, line by line, while a test's pods lived."""

from __future__ import annotations

import datetime as dt
import json
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx

from moorage.observe.entry import FIELDS, LEVELS
from moorage.platform.addon_images import SEED_NAME, SEED_TAG
from moorage.platform.layout import Layout
from tests.properties.pods import PATIENCE
from tests.support.stack import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.properties.pods import Node

Told = dict[str, Any]
IMAGE = f"{Layout.of(ROOT).registry}/{SEED_NAME}:{SEED_TAG}"
"""An image with Perl, which is on the platform's node in any case."""
SETTLED_SECONDS = 60.0
"""How long the watcher's last lines are waited for once everything has happened: a busy kubelet sends events late."""
USAGE_SECONDS = 2.0


@dataclass
class Watched:
    """A watcher that runs."""

    port: int
    told: list[Told] = field(default_factory=list)
    """Its lines in their order."""

    def of(self, message: str, *, pod: str, container: str) -> list[Told]:
        """Return what was told of one container."""
        return [
            one
            for one in self.told
            if (one["message"], one.get("pod"), one.get("container")) == (message, pod, container)
        ]

    def settle(self, done: Callable[[], bool]) -> None:
        """Wait until ``done``; what is still missing then is for the judge to say."""
        deadline = time.monotonic() + SETTLED_SECONDS
        while not done() and time.monotonic() < deadline:
            time.sleep(0.2)

    def figures(self) -> str:
        """Return what it offers to be scraped."""
        return httpx.get(f"http://127.0.0.1:{self.port}/metrics", trust_env=False, timeout=10).raise_for_status().text


@contextmanager
def watching(node: Node) -> Iterator[Watched]:
    """Have the product's watcher follow the node's namespace through the API server."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "moorage.observe.watcher", "--namespace", node.space, "--port", str(port)]
    command += ["--server", str(node.client.base_url), "--usage-seconds", str(USAGE_SECONDS)]
    watched = Watched(port)
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:

        def read() -> None:
            assert process.stdout
            for line in process.stdout:
                watched.told.append(json.loads(line))

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        try:
            yield watched
        finally:
            process.terminate()
            reader.join()
            assert process.stderr
            errors = process.stderr.read()
    # It says so where the API server or metrics-server was away for a moment, and goes on.
    assert all(json.loads(line)["message"] == "watcher" for line in errors.splitlines()), errors


def well_formed(told: Told, *, since: dt.datetime, until: dt.datetime, space: str) -> None:
    """Check what every line is to be: known words, known fields, and a time between two others."""
    assert set(told) <= {"time", "level", "message", "namespace", "service", *FIELDS[told["message"]]}
    assert told["level"] in LEVELS
    assert told["namespace"] == space
    # The API's times are whole seconds.
    assert since - dt.timedelta(seconds=1) <= dt.datetime.fromisoformat(told["time"]) <= until


def grouped(items: Sequence[Any], size: int) -> list[list[Any]]:
    """Return items in groups of at most ``size``."""
    return [list(items[start : start + size]) for start in range(0, len(items), size)]


def deadline() -> float:
    """Return when a test has waited long enough."""
    return time.monotonic() + PATIENCE
