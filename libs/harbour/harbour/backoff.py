"""Waiting longer after each failure, without all processes knocking at the same moment."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Backoff:
    """Delays in seconds: `first`, then twice as long each time up to `most`, each shortened by up to a third."""

    first: float = 0.1
    most: float = 5.0

    def delay(self, attempt: int) -> float:
        """Return the seconds to wait after failed attempt number `attempt`, counted from 1."""
        # The exponent is bounded because 2.0 ** 1024 overflows, and a database may well stay away that long.
        longest = min(self.most, self.first * 2.0 ** min(attempt - 1, 32))
        return longest * (1 - random.random() / 3)  # noqa: S311 - spreads load, guards nothing
