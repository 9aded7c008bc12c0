"""The socket on which `harbour.reload` is told of changes, and says what became of them."""

from __future__ import annotations

import contextlib
import json
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

_SECONDS = 2.0
_MOST_BYTES = 64 * 1024 * 1024


@dataclass
class Request:
    """A change that somebody waits to hear about."""

    revision: int
    connection: socket.socket

    def answer(self, message: dict[str, Any]) -> None:
        """Say what became of it; the last thing that is said."""
        with contextlib.suppress(OSError):
            self.connection.sendall(json.dumps(message).encode() + b"\n")
        self.connection.close()


class Link:
    """Listens at a path in a folder that the service shares with Moorage's receiver.

    A request is a line ``{"revision": 7, "changed": ["0/api.py"]}``, an answer a line whose ``state`` is ``ready``,
    ``failed`` (with ``error``, and ``file`` and ``line`` where they are known) or ``superseded``.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        path.unlink(missing_ok=True)
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(str(path))
        self.server.listen(16)

    def revision(self) -> int:
        """Return the revision of the source that is there now."""
        try:
            return int((self._path.parent / "revision").read_text(encoding="ascii"))
        except (OSError, ValueError):
            return 0

    def accept(self) -> Request | None:
        """Take one request; None for what is none."""
        connection, _ = self.server.accept()
        connection.settimeout(_SECONDS)
        text = b""
        try:
            while not text.endswith(b"\n") and len(text) < _MOST_BYTES:
                part = connection.recv(1 << 16)
                if not part:
                    break
                text += part
            return Request(int(json.loads(text)["revision"]), connection)
        except (OSError, ValueError, KeyError, TypeError):
            connection.close()
            return None
