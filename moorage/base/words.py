"""Small helps for messages: the nearest known word, and lists as people read them."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_CUTOFF = 0.6
"""How alike two words must be (0 to 1) for one to be taken as a slip of the other."""


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word most like ``word``, ignoring case, hyphens and underscores; None where none is near."""
    plain = {_plain(candidate): candidate for candidate in known}
    found = difflib.get_close_matches(_plain(word), plain, n=1, cutoff=_CUTOFF)
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
