"""A file of this checkout in another state for a while, as the shipped stack is what is measured."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def changed(path: Path, old: str, new: str) -> Iterator[None]:
    """Change a text in a file for a while."""
    before = path.read_text()
    assert old in before
    path.write_text(before.replace(old, new, 1))
    try:
        yield
    finally:
        path.write_text(before)
