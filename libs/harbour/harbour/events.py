"""The stream of events between backend and worker: its names, and what an entry holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

STREAM = "harbour:events"
"""Redis stream of events that are not yet applied; an entry is deleted as it is applied."""
GROUP = "totals"
"""Consumer group that the workers share."""
DEAD_STREAM = "harbour:events:dead"
"""Entries that no worker could read, kept for a person to look at."""
DEAD_KEPT = 1000

_ARRIVAL_RECORDED = "arrival.recorded"
_MOST_ID = 2**53 - 1


class MalformedEventError(ValueError):
    """An entry of the stream that is no event known here."""


@dataclass(frozen=True, kw_only=True)
class ArrivalRecorded:
    """An arrival was written to the log; may be published more than once, so `arrival_id` tells repetitions."""

    arrival_id: int
    vessel_id: int
    berth: str
    cargo_tonnes: int

    def to_fields(self) -> dict[str, str]:
        """Return the entry's fields as Redis holds them."""
        return {
            "type": _ARRIVAL_RECORDED,
            "arrival_id": str(self.arrival_id),
            "vessel_id": str(self.vessel_id),
            "berth": self.berth,
            "cargo_tonnes": str(self.cargo_tonnes),
        }

    @classmethod
    def from_fields(cls, fields: Mapping[str, str]) -> Self:
        """Read an entry; fields that are not known here are ignored, so that a newer backend may add some.

        Raises `MalformedEventError` naming the field that is missing or wrong.
        """
        if fields.get("type") != _ARRIVAL_RECORDED:
            raise MalformedEventError(f"type is {fields.get('type')!r}, not {_ARRIVAL_RECORDED!r}")
        return cls(
            arrival_id=_natural(fields, "arrival_id"),
            vessel_id=_natural(fields, "vessel_id"),
            berth=_text(fields, "berth"),
            cargo_tonnes=_natural(fields, "cargo_tonnes"),
        )


def _text(fields: Mapping[str, str], name: str) -> str:
    value = fields.get(name)
    if not value:
        raise MalformedEventError(f"{name} is missing")
    return value


def _natural(fields: Mapping[str, str], name: str) -> int:
    text = _text(fields, name)
    if not (text.isascii() and text.isdigit() and len(text) <= 16 and int(text) <= _MOST_ID):
        raise MalformedEventError(f"{name} is {text!r}, not a whole number up to {_MOST_ID}")
    return int(text)
