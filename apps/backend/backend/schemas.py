"""What the API takes and gives, in camelCase."""

import datetime as dt
from collections.abc import Mapping
from typing import Annotated, Self

from harbour.domain import Arrival, Berth, Vessel, VesselKind
from harbour.totals import Totals
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

MOST_CARGO_TONNES = 600_000
"""Above what the largest vessel ever built could carry."""
_CLOCK_SKEW = dt.timedelta(minutes=5)


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must not contain control characters")
    return text


def _not_in_the_future(moment: dt.datetime) -> dt.datetime:
    if moment > dt.datetime.now(dt.UTC) + _CLOCK_SKEW:
        raise ValueError("must not be in the future")
    return moment


class _Schema(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)


class NewArrival(_Schema):
    """An arrival to record. A vessel that is not known yet becomes known."""

    vessel: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60), AfterValidator(_printable)
    ]
    kind: VesselKind
    berth: Annotated[str, StringConstraints(pattern=r"^[A-Z][0-9]{1,2}$")]
    cargo_tonnes: Annotated[int, Field(ge=0, le=MOST_CARGO_TONNES)] = 0
    note: Annotated[str, StringConstraints(strip_whitespace=True, max_length=280), AfterValidator(_printable)] = ""
    arrived_at: Annotated[AwareDatetime, AfterValidator(_not_in_the_future)] | None = None
    """Default: now."""


class ArrivalView(_Schema):
    """One line of the log."""

    id: int
    vessel: str
    kind: VesselKind
    berth: str
    cargo_tonnes: int
    note: str
    arrived_at: dt.datetime

    @classmethod
    def of(cls, arrival: Arrival) -> Self:
        """Return an arrival as clients see it."""
        return cls(
            id=arrival.id,
            vessel=arrival.vessel.name,
            kind=arrival.vessel.kind,
            berth=arrival.berth,
            cargo_tonnes=arrival.cargo_tonnes,
            note=arrival.note,
            arrived_at=arrival.arrived_at,
        )


class ArrivalPage(_Schema):
    """A part of the log, newest entry first; `next_before` asks for the part after it and is null on the last."""

    items: list[ArrivalView]
    next_before: int | None


class BerthView(_Schema):
    """A place where a vessel moors."""

    code: str
    name: str
    length_metres: int
    depth_metres: float

    @classmethod
    def of(cls, berth: Berth) -> Self:
        """Return a berth as clients see it."""
        return cls(code=berth.code, name=berth.name, length_metres=berth.length_metres, depth_metres=berth.depth_metres)


class VesselView(_Schema):
    """A vessel that called before."""

    id: int
    name: str
    kind: VesselKind

    @classmethod
    def of(cls, vessel: Vessel) -> Self:
        """Return a vessel as clients see it."""
        return cls(id=vessel.id, name=vessel.name, kind=vessel.kind)


class TotalsView(_Schema):
    """What the worker counted so far."""

    arrivals: int
    vessels: int
    cargo_tonnes: int
    by_berth: Mapping[str, int]
    updated_at: dt.datetime | None

    @classmethod
    def of(cls, totals: Totals) -> Self:
        """Return totals as clients see them."""
        return cls(
            arrivals=totals.arrivals,
            vessels=totals.vessels,
            cargo_tonnes=totals.cargo_tonnes,
            by_berth=totals.by_berth,
            updated_at=totals.updated_at,
        )
