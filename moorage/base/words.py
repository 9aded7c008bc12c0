"""What messages are made of: the nearest known word, lists as people read them, lines and pieces of a file."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from moorage.base.errors import Location

_CUTOFF = 0.6
"""How alike two words must be (0 to 1) for one to be taken as a slip of the other."""
_SHORTEST_BEGINNING = 3
"""Characters of a word's beginning that can stand for it: ``prod`` for ``production``."""
_WIDEST = 160
"""Characters of a line that are shown."""
_BEFORE = 60
"""Of these, in a longer line, before the place that is meant."""


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word most like ``word``, or the only one that begins with it; None where none is near.

    Case, hyphens and underscores do not count.
    """
    plain = {_plain(candidate): candidate for candidate in known}
    found = difflib.get_close_matches(_plain(word), plain, n=1, cutoff=_CUTOFF)
    if not found and len(_plain(word)) >= _SHORTEST_BEGINNING:
        beginning = [candidate for candidate in plain if candidate.startswith(_plain(word))]
        found = beginning if len(beginning) == 1 else []
    return plain[found[0]] if found else None


def listed(words: Iterable[str], last: str = "and") -> str:
    """Return ``a, b and c``; ``none`` for no words."""
    words = list(words)
    if len(words) <= 1:
        return words[0] if words else "none"
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def did_you_mean(word: str, known: Iterable[str], otherwise: str) -> str:
    """Return the question after the nearest known word, else ``otherwise``."""
    near = nearest(word, known)
    return f"did you mean {near}?" if near else otherwise


def _plain(word: str) -> str:
    return word.lower().replace("-", "").replace("_", "")


def quoted_line(lines: Sequence[str], where: Location) -> tuple[str, ...]:
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
