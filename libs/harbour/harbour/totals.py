"""The totals that the worker keeps in Redis, and how to tell which arrivals they contain."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

TOTALS = "harbour:totals"
"""Hash of all totals."""
VESSELS = "harbour:totals:vessels"
"""Set of the ids of vessels counted."""
CHUNK = 2**16
"""Arrivals per bitmap: one bit each tells whether it is counted, so a bitmap takes at most 8 KiB."""

_BERTH = "berth:"


@dataclass(frozen=True, kw_only=True)
class Totals:
    """Everything counted so far."""

    arrivals: int = 0
    vessels: int = 0
    cargo_tonnes: int = 0
    by_berth: Mapping[str, int]
    """Arrivals by the berth's code."""
    updated_at: datetime | None = None
    """When the worker last counted something; None before the first time."""

    @classmethod
    def from_hash(cls, values: Mapping[str, str]) -> Self:
        """Read the hash at `TOTALS`; an empty one means that nothing was counted yet."""
        updated = values.get("updated_at")
        return cls(
            arrivals=int(values.get("arrivals", 0)),
            vessels=int(values.get("vessels", 0)),
            cargo_tonnes=int(values.get("cargo_tonnes", 0)),
            by_berth={
                name.removeprefix(_BERTH): int(count) for name, count in values.items() if name.startswith(_BERTH)
            },
            updated_at=datetime.fromtimestamp(int(updated) / 1000, UTC) if updated else None,
        )


def berth_field(code: str) -> str:
    """Return the field of `TOTALS` that counts a berth's arrivals."""
    return f"{_BERTH}{code}"


def bitmap_key(arrival_id: int) -> str:
    """Return the key of the bitmap in which an arrival has its bit."""
    return f"harbour:totals:applied:{arrival_id // CHUNK}"


def bitmap_offset(arrival_id: int) -> int:
    """Return an arrival's bit within its bitmap."""
    return arrival_id % CHUNK


def uncounted(bitmap: bytes, arrival_ids: Iterable[int]) -> list[int]:
    """Return those of one chunk's arrivals whose bit is not set. Redis counts bits from each byte's highest."""
    missing = []
    for arrival_id in arrival_ids:
        byte, bit = divmod(bitmap_offset(arrival_id), 8)
        if byte >= len(bitmap) or not bitmap[byte] >> (7 - bit) & 1:
            missing.append(arrival_id)
    return missing
