"""One pod of a service that is being developed: its files are kept as new as the checkout, whatever happens to it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from websockets.exceptions import WebSocketException

from moorage.dev import frames
from moorage.dev.gateway import ERROR, STDERR, STDIN, STDOUT
from moorage.dev.tree import Entry, batches, operations

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

    from moorage.dev.gateway import Gateway
    from moorage.dev.tree import SourceTree

CONTAINER = "moorage-receiver"
_PROGRAM, _ROOT = "/moorage/bin/receiver", "/moorage"
_PART = 32 * 1024
_AGAIN_SECONDS = 0.2
_REFUSED_SECONDS = 2.0


class Listener(Protocol):
    """Who wants to know what a pod says."""

    def heard(self, link: Link, header: dict[str, Any], content: bytes) -> None:
        """Take one message of the receiver."""

    def settings(self) -> dict[str, Any]:
        """Return what each change tells the receiver: where the process answers, which folders come back."""


@dataclass(kw_only=True)
class Link:
    """The connection to one pod, made again until the pod is gone."""

    gateway: Gateway
    namespace: str
    pod: str
    tree: SourceTree
    listener: Listener
    have: dict[str, Entry] | None = None
    """What the pod has, or will have once it has read what was sent; None while it is not connected."""
    sent: int = 0
    """The revision that was sent last."""
    served: int = 0
    """The revision that its process answered with last."""
    _wanted: asyncio.Event = field(default_factory=asyncio.Event)
    _revision: int = 0

    def want(self, revision: int) -> None:
        """Bring the pod what the checkout has now."""
        self._revision = revision
        self._wanted.set()

    async def run(self) -> None:
        """Connect, keep the pod new, and connect again where the connection ends."""
        while True:
            try:
                connection = await self.gateway.run(
                    self.namespace, self.pod, CONTAINER, [_PROGRAM, "attach", _ROOT, _owner()]
                )
            except (OSError, WebSocketException, TimeoutError):
                await asyncio.sleep(_AGAIN_SECONDS)
                continue
            writing = asyncio.create_task(self._write(connection))
            try:
                await self._read(connection)
            except (OSError, WebSocketException, ValueError):
                pass
            finally:
                self.have = None
                writing.cancel()
                with contextlib.suppress(asyncio.CancelledError, OSError, WebSocketException):
                    await writing
                with contextlib.suppress(OSError, WebSocketException, asyncio.TimeoutError):
                    await asyncio.wait_for(connection.close(), 1)
            await asyncio.sleep(_AGAIN_SECONDS)

    async def _read(self, connection: ClientConnection) -> None:
        decoder = frames.Decoder()
        async for message in connection:
            if not isinstance(message, bytes) or not message:
                continue
            channel, part = message[0], message[1:]
            if channel == STDOUT:
                for header, content in decoder.feed(part):
                    self._heard(header, content)
                    if header["kind"] in {"refused", "busy"}:
                        # What the pod has is no longer known: it says it again when it is asked anew.
                        await asyncio.sleep(_REFUSED_SECONDS)
                        return
            elif channel == STDERR:
                self.listener.heard(self, {"kind": "error", "text": part.decode(errors="replace")}, b"")
            elif channel == ERROR:
                return

    def _heard(self, header: dict[str, Any], content: bytes) -> None:
        if header["kind"] == "hello":
            tree = header.get("tree") or {}
            self.have = {path: Entry(one["kind"], one["mode"], one["hash"]) for path, one in tree.items()}
            self._wanted.set()
        elif header["kind"] == "served":
            self.served = max(self.served, header["revision"])
        self.listener.heard(self, header, content)

    async def _write(self, connection: ClientConnection) -> None:
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            if self.have is None:
                continue
            found = list(batches(operations(self.have, self.tree)))
            revision = self._revision
            if found == [[]] and self.sent == revision:
                continue
            for number, batch in enumerate(found):
                header = {
                    "kind": "change",
                    "revision": revision,
                    "operations": [operation.header for operation in batch],
                    "last": number == len(found) - 1,
                    **self.listener.settings(),
                }
                await _send(connection, frames.encode(header, b"".join(one.content for one in batch)))
            self.have = dict(self.tree.entries)
            self.sent = revision


async def _send(connection: ClientConnection, message: bytes) -> None:
    for start in range(0, len(message), _PART):
        await connection.send(bytes([STDIN]) + message[start : start + _PART])


def _owner() -> str:
    return json.dumps({"host": socket.gethostname(), "pid": os.getpid()})
