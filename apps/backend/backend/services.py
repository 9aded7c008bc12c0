"""What lives as long as the process: the connections, the relay and the readiness check."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

from harbour.connections import connect_redis
from harbour.health import HealthCheck

from backend.database import Database
from backend.migrations import MigrationError
from backend.relay import Relay

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from backend.settings import Settings

_log = logging.getLogger(__name__)


class Services:
    """Everything that requests use."""

    def __init__(self, settings: Settings) -> None:
        self.database = Database(settings.database)
        self.redis = connect_redis(settings.redis, name="backend")
        self.relay = Relay(self.database, self.redis)
        self.readiness = HealthCheck(
            "readiness", "/health/ready", {"postgres": self.database.check, "redis": self._check_redis}
        )

    @contextlib.asynccontextmanager
    async def running(self, on_fatal: Callable[[], None]) -> AsyncIterator[None]:
        """Connect in the background, so that the process answers its liveness probe at once; close at the end.

        `on_fatal` is called when the database can never be used.
        """
        work = asyncio.create_task(self._work(on_fatal))
        try:
            yield
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            await self.relay.flush()
            await self.database.close()
            await self.redis.aclose()

    async def _work(self, on_fatal: Callable[[], None]) -> None:
        try:
            await self.database.start()
            await self.relay.run()
        except MigrationError as error:
            _log.critical("cannot start: %s", error)
            on_fatal()
        except Exception:  # noqa: BLE001 - a relay that ends for whatever reason must not go unnoticed
            _log.critical("the relay of events ended", exc_info=True)
            on_fatal()

    async def _check_redis(self) -> None:
        await self.redis.ping()
