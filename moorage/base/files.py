"""Files that are whole or not there, whatever interrupts their writing."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_READABLE = 0o666


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
