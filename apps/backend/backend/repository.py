"""The SQL of the harbour log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harbour.domain import Arrival, Berth, Vessel, VesselKind
from harbour.events import ArrivalRecorded

if TYPE_CHECKING:
    import uuid
    from collections.abc import Sequence
    from datetime import datetime

    import asyncpg

    from backend.database import Connection

_ARRIVAL = """
    SELECT arrivals.id, vessel_id, vessels.name, kind, berth, cargo_tonnes, note, arrived_at
    FROM arrivals JOIN vessels ON vessels.id = vessel_id
"""


async def list_berths(connection: Connection) -> list[Berth]:
    """Return all berths by code."""
    rows = await connection.fetch("SELECT code, name, length_metres, depth_metres FROM berths ORDER BY code")
    return [
        Berth(
            code=row["code"],
            name=row["name"],
            length_metres=row["length_metres"],
            depth_metres=float(row["depth_metres"]),
        )
        for row in rows
    ]


async def list_vessels(connection: Connection, *, limit: int) -> list[Vessel]:
    """Return vessels by name."""
    rows = await connection.fetch("SELECT id, name, kind FROM vessels ORDER BY lower(name) LIMIT $1", limit)
    return [Vessel(id=row["id"], name=row["name"], kind=VesselKind(row["kind"])) for row in rows]


async def list_arrivals(connection: Connection, *, limit: int, before: int | None) -> list[Arrival]:
    """Return the newest entries of the log first, below the id `before` where one is given."""
    query = _ARRIVAL + " WHERE $2::bigint IS NULL OR arrivals.id < $2 ORDER BY arrivals.id DESC LIMIT $1"
    return [_arrival(row) for row in await connection.fetch(query, limit, before)]


async def find_by_request(connection: Connection, request_id: uuid.UUID) -> Arrival | None:
    """Return the arrival that an earlier request with this id recorded."""
    row = await connection.fetchrow(_ARRIVAL + " WHERE request_id = $1", request_id)
    return None if row is None else _arrival(row)


async def record_arrival(
    connection: Connection,
    *,
    request_id: uuid.UUID,
    vessel: str,
    kind: VesselKind,
    berth: str,
    cargo_tonnes: int,
    note: str,
    arrived_at: datetime,
) -> Arrival | None:
    """Write an arrival, its vessel where it is new, and the event to publish, all or nothing.

    Returns None where an arrival with this `request_id` exists already. Raises
    `asyncpg.ForeignKeyViolationError` where there is no such berth.
    """
    async with connection.transaction():
        found = await connection.fetchrow(
            "INSERT INTO vessels (name, kind) VALUES ($1, $2) "
            "ON CONFLICT (lower(name)) DO UPDATE SET kind = excluded.kind RETURNING id, name",
            vessel,
            kind,
        )
        if found is None:
            raise LookupError(f"PostgreSQL returned no row for vessel {vessel!r}")
        arrival_id = await connection.fetchval(
            "INSERT INTO arrivals (request_id, vessel_id, berth, cargo_tonnes, note, arrived_at) "
            "VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (request_id) DO NOTHING RETURNING id",
            request_id,
            found["id"],
            berth,
            cargo_tonnes,
            note,
            arrived_at,
        )
        if arrival_id is None:
            return None
        await connection.execute("INSERT INTO outbox (arrival_id) VALUES ($1)", arrival_id)
    return Arrival(
        id=arrival_id,
        vessel=Vessel(id=found["id"], name=found["name"], kind=kind),
        berth=berth,
        cargo_tonnes=cargo_tonnes,
        note=note,
        arrived_at=arrived_at,
    )


async def claim_events(connection: Connection, *, limit: int) -> list[ArrivalRecorded]:
    """Return events still to be published, locked for this transaction; those of other transactions are skipped."""
    rows = await connection.fetch(
        "SELECT arrivals.id, vessel_id, berth, cargo_tonnes FROM outbox JOIN arrivals ON arrivals.id = arrival_id "
        "ORDER BY arrival_id LIMIT $1 FOR UPDATE OF outbox SKIP LOCKED",
        limit,
    )
    return [
        ArrivalRecorded(
            arrival_id=row["id"], vessel_id=row["vessel_id"], berth=row["berth"], cargo_tonnes=row["cargo_tonnes"]
        )
        for row in rows
    ]


async def forget_events(connection: Connection, arrival_ids: Sequence[int]) -> None:
    """Remove events that were published."""
    await connection.execute("DELETE FROM outbox WHERE arrival_id = ANY($1::bigint[])", arrival_ids)


async def queue_again(connection: Connection, arrival_ids: Sequence[int]) -> None:
    """Let events be published once more."""
    await connection.execute(
        "INSERT INTO outbox (arrival_id) SELECT unnest($1::bigint[]) ON CONFLICT DO NOTHING", arrival_ids
    )


async def newest_arrival_id(connection: Connection) -> int:
    """Return the highest id of an arrival, 0 where there is none."""
    return int(await connection.fetchval("SELECT coalesce(max(id), 0) FROM arrivals"))


async def arrival_ids_between(connection: Connection, first: int, end: int) -> list[int]:
    """Return the ids of arrivals from `first` up to but not including `end`."""
    rows = await connection.fetch("SELECT id FROM arrivals WHERE id >= $1 AND id < $2 ORDER BY id", first, end)
    return [row["id"] for row in rows]


def _arrival(row: asyncpg.Record) -> Arrival:
    return Arrival(
        id=row["id"],
        vessel=Vessel(id=row["vessel_id"], name=row["name"], kind=VesselKind(row["kind"])),
        berth=row["berth"],
        cargo_tonnes=row["cargo_tonnes"],
        note=row["note"],
        arrived_at=row["arrived_at"],
    )
