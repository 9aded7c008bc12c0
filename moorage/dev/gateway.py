"""The way to the cluster: `kubectl proxy` on a socket that only this user can reach, with the credentials of any cluster."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlencode

import httpx
from websockets.asyncio.client import unix_connect
from websockets.typing import Subprotocol

from moorage.base.errors import MoorageError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from websockets.asyncio.client import ClientConnection

    from moorage.engine.session import Session

_PROTOCOL = Subprotocol("v5.channel.k8s.io")
_START_SECONDS = 20.0
_DEATH_SIGNAL = 1
_PREFIX = "moorage-session-"
STDIN, STDOUT, STDERR, ERROR = 0, 1, 2, 3
"""Channels of an exec stream."""


class Gateway:
    """Requests to the API server of a session's cluster."""

    def __init__(self, session: Session) -> None:
        """Start nothing yet."""
        self._session = session
        _sweep()
        self._folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))
        self._socket = self._folder / "api"
        self._process: subprocess.Popen[bytes] | None = None
        self._client = httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(uds=str(self._socket)), base_url="http://localhost", timeout=20
        )

    async def __aenter__(self) -> Self:
        """Start the proxy and wait until it listens.

        Raises `MoorageError` where it does not.
        """
        session = self._session
        errors = self._folder / "errors"
        with errors.open("wb") as file:
            self._process = subprocess.Popen(  # noqa: ASYNC220 - it is only started here
                [
                    session.program("kubectl"),
                    f"--kubeconfig={session.target.kubeconfig}",
                    f"--context={session.target.context}",
                    "proxy",
                    f"--unix-socket={self._socket}",
                    # By default it refuses exec, as others of the machine could reach its port; the socket is ours alone.
                    "--reject-paths=^$",
                ],
                env=session.environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=file,
                # Ctrl-C is for the command, which ends the proxy when it is done with it; killed, it takes the proxy along.
                start_new_session=True,
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509
            )
        deadline = asyncio.get_running_loop().time() + _START_SECONDS
        while not self._socket.exists():
            if self._process.poll() is not None or asyncio.get_running_loop().time() > deadline:
                text = errors.read_text().strip().splitlines()[-4:]
                await self.__aexit__()
                raise MoorageError.of(
                    "the cluster cannot be reached",
                    where=f"context {session.target.context}",
                    why="kubectl proxy, through which pods are reached, did not start",
                    remedy="`moorage doctor` checks the prerequisites",
                    detail=text,
                )
            await asyncio.sleep(0.01)
        return self

    async def __aexit__(self, *_: object) -> None:
        """End the proxy and everything that goes through it."""
        await self._client.aclose()
        if self._process:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(2)
            if self._process.poll() is None:
                self._process.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    async def pods(self, namespace: str, selector: str) -> AsyncIterator[dict[str, Any] | None]:
        """Yield pods as they are and change, one of phase ``Gone`` where it was deleted; None where all are known anew."""
        query = {"labelSelector": selector}
        while True:
            try:
                answer = await self._client.get(f"/api/v1/namespaces/{namespace}/pods", params=query)
                answer.raise_for_status()
                found = answer.json()
                yield None
                for pod in found["items"]:
                    yield pod
                version = found["metadata"]["resourceVersion"]
                async for event in self._watched(namespace, {**query, "watch": "true", "resourceVersion": version}):
                    if event["type"] == "ERROR":
                        break
                    pod = event["object"]
                    if event["type"] == "DELETED":
                        pod["status"]["phase"] = "Gone"
                    if event["type"] != "BOOKMARK":
                        yield pod
            except (httpx.HTTPError, ValueError, KeyError):
                # The cluster may be away for a while; the namespace may not be there yet.
                await asyncio.sleep(0.5)

    async def _watched(self, namespace: str, query: dict[str, str]) -> AsyncIterator[dict[str, Any]]:
        path = f"/api/v1/namespaces/{namespace}/pods"
        async with self._client.stream("GET", path, params=query, timeout=httpx.Timeout(20, read=None)) as answer:
            if answer.is_success:
                async for line in answer.aiter_lines():
                    yield json.loads(line)

    async def log(self, namespace: str, pod: str, container: str, query: dict[str, str]) -> AsyncIterator[str]:
        """Yield the lines of a container's log; ends where the container ends or does not run yet."""
        path = f"/api/v1/namespaces/{namespace}/pods/{pod}/log"
        with contextlib.suppress(httpx.HTTPError):
            async with self._client.stream(
                "GET", path, params={"container": container, **query}, timeout=httpx.Timeout(20, read=None)
            ) as answer:
                if answer.is_success:
                    async for line in answer.aiter_lines():
                        yield line

    async def run(self, namespace: str, pod: str, container: str, command: Sequence[str]) -> ClientConnection:
        """Start a command in a container and return the connection: its messages begin with the channel's number.

        Raises `OSError` or `websockets.WebSocketException` where that cannot be.
        """
        streams = [("container", container), ("stdin", "true"), ("stdout", "true"), ("stderr", "true")]
        query = urlencode([*streams, *(("command", word) for word in command)])
        return await unix_connect(
            str(self._socket),
            f"ws://localhost/api/v1/namespaces/{namespace}/pods/{pod}/exec?{query}",
            subprotocols=[_PROTOCOL],
            compression=None,
            max_size=None,
            ping_interval=None,
        )


def _sweep() -> None:
    """Remove the folders of sessions that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        pid = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if pid.isdigit() and not Path("/proc", pid).exists() and folder.stat().st_uid == os.getuid():
            shutil.rmtree(folder, ignore_errors=True)


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_DEATH_SIGNAL, signal.SIGTERM)
