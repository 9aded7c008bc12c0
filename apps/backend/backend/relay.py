"""From the outbox in PostgreSQL to the stream in Redis.

An arrival and its event are written in one transaction; the relay publishes the event afterwards and only then forgets
it. So nothing is lost while Redis is away, and what is published twice is counted once by the worker. After a restart
of Redis, which may have cost it its last second, the arrivals that the totals lack are published again.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from harbour.backoff import Backoff
from harbour.connections import REDIS_FAILURES
from harbour.events import STREAM
from harbour.logs import describe
from harbour.totals import CHUNK, bitmap_key, uncounted

from backend import repository
from backend.errors import DependencyUnavailableError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from harbour.events import ArrivalRecorded
    from redis.asyncio import Redis

    from backend.database import Database

BATCH = 200
POLL_SECONDS = 2.0
"""How often the outbox is looked at for what other processes left."""
FLUSH_SECONDS = 3.0

_log = logging.getLogger(__name__)


class Relay:
    """Publishes the outbox; any number of processes may do so at the same time."""

    def __init__(self, database: Database, redis: Redis) -> None:
        self._database = database
        self._redis = redis
        self._wake = asyncio.Event()
        self._redis_run = ""

    def wake(self) -> None:
        """Publish soon, as something was just written."""
        self._wake.set()

    async def run(self) -> None:
        """Publish until cancelled, with growing pauses while PostgreSQL or Redis is away."""
        backoff = Backoff(first=0.1, most=5.0)
        failures = 0
        while True:
            self._wake.clear()
            try:
                await self._reconcile_after_restart()
                while await self.publish() == BATCH:
                    pass
            except (DependencyUnavailableError, *REDIS_FAILURES) as error:
                failures += 1
                if failures == 1:
                    _log.warning("events wait in the outbox", extra={"reason": describe(error)})
                await asyncio.sleep(backoff.delay(failures))
                continue
            if failures:
                _log.info("events are published again", extra={"failures": failures})
                failures = 0
            await self._pause()

    async def flush(self) -> None:
        """Publish what is left as the process ends; what fails here is left to the other processes or the next start."""
        try:
            async with asyncio.timeout(FLUSH_SECONDS):
                await self.publish()
        except (DependencyUnavailableError, *REDIS_FAILURES) as error:
            _log.warning("events stay in the outbox", extra={"reason": describe(error)})

    async def publish(self) -> int:
        """Publish one batch and return how many events it had."""
        async with self._database.connection() as connection, connection.transaction():
            events = await repository.claim_events(connection, limit=BATCH)
            if events:
                await self._add_to_stream(events)
                await repository.forget_events(connection, [event.arrival_id for event in events])
        return len(events)

    async def _add_to_stream(self, events: list[ArrivalRecorded]) -> None:
        async with self._redis.pipeline(transaction=True) as pipeline:
            for event in events:
                fields: dict[Any, Any] = {**event.to_fields()}
                pipeline.xadd(STREAM, fields)
            await pipeline.execute()

    async def _reconcile_after_restart(self) -> None:
        run = str((await self._redis.info("server"))["run_id"])
        if run != self._redis_run:
            await self._reconcile()
            self._redis_run = run

    async def _reconcile(self) -> None:
        """Queue every arrival that the totals do not contain."""
        queued = 0
        async with self._database.connection() as connection:
            newest = await repository.newest_arrival_id(connection)
            for first in range(0, newest + 1, CHUNK):
                ids = await repository.arrival_ids_between(connection, first, first + CHUNK)
                missing = uncounted(await self._bitmap(first), ids)
                await repository.queue_again(connection, missing)
                queued += len(missing)
        if queued:
            _log.info("arrivals that the totals lack are published", extra={"arrivals": queued})

    async def _bitmap(self, first: int) -> bytes:
        """Return the bits of the chunk that starts with arrival `first`, which are no text that could be decoded."""
        get: Callable[..., Awaitable[bytes | None]] = self._redis.execute_command
        return await get("GET", bitmap_key(first), NEVER_DECODE=True) or b""

    async def _pause(self) -> None:
        try:
            await asyncio.wait_for(self._wake.wait(), timeout=POLL_SECONDS)
        except TimeoutError:
            return
