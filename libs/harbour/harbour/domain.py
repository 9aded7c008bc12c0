"""What a harbour log speaks of."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


class VesselKind(StrEnum):
    """What a vessel is made for."""

    CONTAINER = "container"
    BULK = "bulk"
    TANKER = "tanker"
    FERRY = "ferry"
    CRUISE = "cruise"
    FISHING = "fishing"
    TUG = "tug"
    SAIL = "sail"


@dataclass(frozen=True, kw_only=True)
class Berth:
    """A place where a vessel moors."""

    code: str
    name: str
    length_metres: int
    depth_metres: float


@dataclass(frozen=True, kw_only=True)
class Vessel:
    """A vessel that called at the harbour at least once."""

    id: int
    name: str
    kind: VesselKind


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """One line of the log."""

    id: int
    vessel: Vessel
    berth: str
    cargo_tonnes: int
    note: str
    arrived_at: datetime
