"""Reads the stream as a member of its consumer group and counts what it gets."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from harbour.backoff import Backoff
from harbour.connections import REDIS_FAILURES
from harbour.events import DEAD_KEPT, DEAD_STREAM, GROUP, STREAM, ArrivalRecorded, MalformedEventError
from harbour.logs import describe
from redis.exceptions import ResponseError

from worker.counting import COUNT, script_arguments, script_keys

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from harbour.shutdown import Shutdown
    from redis.asyncio import Redis
    from redis.asyncio.client import Pipeline

    Entry = tuple[str, Mapping[str, str]]

BATCH = 100
BLOCK_MILLISECONDS = 1000
"""How long Redis holds back an empty answer; bounds how long the worker takes to notice that it is to stop."""
STALE_MILLISECONDS = 15_000
"""Entries that another consumer took this long ago and has not counted are taken over."""
CLAIM_EVERY_SECONDS = 5.0
FORGOTTEN_MILLISECONDS = 3_600_000
"""Consumers without entries that were not seen for this long are removed from the group: pods come and go."""
STUCK_SECONDS = 30.0

_log = logging.getLogger(__name__)


class StuckError(Exception):
    """The loop does not turn any more."""


class Consumer:
    """One member of the consumer group."""

    def __init__(self, redis: Redis, name: str) -> None:
        self._redis = redis
        self._name = name
        self._turned = time.monotonic()
        self._claimed = float("-inf")
        self._has_group = False

    async def run(self, shutdown: Shutdown) -> None:
        """Count until asked to stop; what was read is counted first. While Redis is away, try with growing pauses."""
        backoff = Backoff(first=0.1, most=5.0)
        failures = 0
        while not shutdown.asked:
            self._turned = time.monotonic()
            try:
                await self._turn()
            except REDIS_FAILURES as error:
                self._has_group = False  # a Redis that lost its data lost the group as well
                failures += 1
                if failures == 1:
                    _log.warning("redis cannot be used, trying again", extra={"reason": describe(error)})
                await shutdown.pause(backoff.delay(failures))
                continue
            if failures:
                _log.info("redis can be used again", extra={"failures": failures})
                failures = 0

    async def check_loop(self) -> None:
        """Liveness: raise `StuckError` where the loop has not turned for too long. Redis being away is no reason."""
        idle = time.monotonic() - self._turned
        if idle > STUCK_SECONDS:
            raise StuckError(f"the loop has not turned for {idle:.0f} s")

    async def check_redis(self) -> None:
        """Readiness: return when Redis answers."""
        await self._redis.ping()

    async def _turn(self) -> None:
        if not self._has_group:
            await self._join_group()
        if time.monotonic() - self._claimed >= CLAIM_EVERY_SECONDS:
            await self._count(await self._claim())
            self._claimed = time.monotonic()
        await self._count(await self._read())

    async def _join_group(self) -> None:
        """Create the group where it is missing, from the stream's start, and remove members long gone."""
        try:
            await self._redis.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
            _log.info("consumer group created", extra={"stream": STREAM, "group": GROUP})
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise
        for consumer in await self._redis.xinfo_consumers(STREAM, GROUP):
            member = {_text(name): value for name, value in consumer.items()}
            if member["pending"] == 0 and member["idle"] > FORGOTTEN_MILLISECONDS:
                await self._redis.xgroup_delconsumer(STREAM, GROUP, _text(member["name"]))
        self._has_group = True

    async def _read(self) -> list[Entry]:
        answer: Any = await self._redis.xreadgroup(
            GROUP, self._name, {STREAM: ">"}, count=BATCH, block=BLOCK_MILLISECONDS
        )
        return [entry for _, entries in answer or [] for entry in entries]

    async def _claim(self) -> list[Entry]:
        """Take over entries whose consumer ended before it counted them, our own earlier self included."""
        answer = await self._redis.xautoclaim(STREAM, GROUP, self._name, STALE_MILLISECONDS, count=BATCH)
        entries: list[Entry] = [entry for entry in answer[1] if entry[1]]
        if entries:
            _log.info("entries taken over", extra={"entries": len(entries)})
        return entries

    async def _count(self, entries: Sequence[Entry]) -> None:
        if not entries:
            return
        async with self._redis.pipeline(transaction=False) as pipeline:
            run: Callable[..., Awaitable[object]] = pipeline.eval
            for entry, fields in entries:
                try:
                    event = ArrivalRecorded.from_fields(fields)
                except MalformedEventError as error:
                    _set_aside(pipeline, entry, fields, str(error))
                else:
                    keys = script_keys(event)
                    run(COUNT, len(keys), *keys, *script_arguments(event, entry))
            await pipeline.execute()
        _log.debug("entries counted", extra={"entries": len(entries)})


def _set_aside(pipeline: Pipeline, entry: str, fields: Mapping[str, str], reason: str) -> None:
    """Move an entry that nobody can read to the stream of dead ones, so that it does not come back for ever."""
    _log.error("entry cannot be read", extra={"entry": entry, "reason": reason})
    kept: dict[Any, Any] = {**fields, "entry": entry, "reason": reason}
    pipeline.xadd(DEAD_STREAM, kept, maxlen=DEAD_KEPT)
    pipeline.xack(STREAM, GROUP, entry)
    pipeline.xdel(STREAM, entry)


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
