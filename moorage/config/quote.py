"""A line of a file as it is shown beside an error, and a short piece of a text within a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from moorage.base.errors import Location

_WIDEST = 160
"""Characters of a line that are shown."""
_BEFORE = 60
"""Of these, in a longer line, before the place that is meant."""


def quote(lines: tuple[str, ...], where: Location) -> tuple[str, ...]:
    """Return a line with its number and a caret below the column; nothing where ``where`` lies outside ``lines``."""
    if not 1 <= where.line <= len(lines):
        return ()
    line, start, gutter = lines[where.line - 1], 0, f"{where.line:>4} | "
    if len(line) > _WIDEST:
        start = max(0, where.column - 1 - _BEFORE)
        line = f"{line[start : start + _WIDEST]}…"
    text = "".join(map(_visible, line))
    return (f"{gutter}{text}", " " * (len(gutter) + where.column - 1 - start) + "^")


def _visible(character: str) -> str:
    if character == "\t":
        return "→"
    return character if character.isprintable() else "·"


def excerpt(text: str, index: int = 0, around: int = 12) -> str:
    """Return the part of a text around a place, quoted and with escapes for what is not printable."""
    start, end = max(0, index - around), index + around
    return f"{'…' if start else ''}{text[start:end]!r}{'…' if end < len(text) else ''}"
