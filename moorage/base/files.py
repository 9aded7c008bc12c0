"""Files that are whole or not there, whatever interrupts their writing; and what is remembered between runs."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

_READABLE = 0o666
_SEALED = 65
"""Bytes of the line that stands before what is remembered."""


def write_atomic(path: Path, content: str | bytes, *, mode: int | None = None) -> None:
    """Write a file aside and rename it: who reads it meanwhile, or after a crash, finds the old content or the new.

    Folders above it are made. ``mode`` holds from the first byte on, and is what the umask leaves where it is None.
    Raises OSError, and then leaves nothing behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    aside.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    descriptor = os.open(aside, flags, _READABLE if mode is None else mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if mode is not None:
                os.fchmod(descriptor, mode)
            file.write(content.encode() if isinstance(content, str) else content)
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


def write_cache(path: Path, kind: str, data: Any) -> None:
    """Remember data for the next run; where that cannot be written, the next run takes a little longer.

    ``kind`` says what is kept: only who asks for the same reads it back.
    """
    payload = json.dumps(data, separators=(",", ":")).encode("ascii")
    with suppress(OSError):
        write_atomic(path, _seal(kind, payload) + payload)


def read_cache(path: Path, kind: str) -> Any:
    """Return what `write_cache` kept under the same kind.

    None for a file that is missing, unreadable, torn, changed by anyone else or of another kind.
    """
    try:
        content = path.read_bytes()
    except OSError:
        return None
    # These files are megabytes long, so none of it is copied.
    payload = memoryview(content)[_SEALED:]
    return json.loads(str(payload, "ascii")) if content[:_SEALED] == _seal(kind, payload) else None


def _seal(kind: str, payload: bytes | memoryview) -> bytes:
    digest = hashlib.sha256(kind.encode(errors="surrogateescape") + b"\0")
    digest.update(payload)
    return digest.hexdigest().encode() + b"\n"
