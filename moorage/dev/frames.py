"""What `moorage dev` and the receiver say to each other: a length of four bytes, a header of JSON, then its content."""

from __future__ import annotations

import json
import struct
from typing import Any

_LENGTH = struct.Struct(">I")


def encode(header: dict[str, Any], content: bytes = b"") -> bytes:
    """Return one message."""
    text = json.dumps({**header, "size": len(content)}).encode()
    return _LENGTH.pack(len(text)) + text + content


class Decoder:
    """Takes bytes as they come and gives whole messages."""

    def __init__(self) -> None:
        """Begin between two messages."""
        self._bytes = bytearray()

    def feed(self, part: bytes) -> list[tuple[dict[str, Any], bytes]]:
        """Return the messages that are complete now: header and content.

        Raises `ValueError` for what is none.
        """
        self._bytes += part
        found = []
        while (message := self._next()) is not None:
            found.append(message)
        return found

    def _next(self) -> tuple[dict[str, Any], bytes] | None:
        start = _LENGTH.size
        if len(self._bytes) < start:
            return None
        (length,) = _LENGTH.unpack_from(self._bytes)
        if len(self._bytes) < start + length:
            return None
        header: dict[str, Any] = json.loads(bytes(self._bytes[start : start + length]))
        end = start + length + int(header.get("size", 0))
        if len(self._bytes) < end:
            return None
        content = bytes(self._bytes[start + length : end])
        del self._bytes[:end]
        return header, content
