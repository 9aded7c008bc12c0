"""One measured figure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from moorage.base import console


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A value with its unit and, where there is one, its target; ``rival_of`` names the figure it is compared with."""

    name: str
    value: float
    unit: Literal["s", "B", "ms"]
    target: float | None = None
    rival_of: str | None = None

    def shown(self) -> str:
        """Return the value as people read it."""
        return _shown(self.value, self.unit)

    def shown_target(self) -> str:
        """Return the target as people read it; empty where there is none."""
        return "" if self.target is None else f"< {_shown(self.target, self.unit)}"


def _shown(value: float, unit: str) -> str:
    if unit == "B":
        return console.size(value)
    return f"{value:.1f} ms" if unit == "ms" else f"{value:.2f} s"
