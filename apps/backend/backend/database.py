"""PostgreSQL: connecting with patience, migrating once, and a readiness check of its own."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

import asyncpg
from harbour.backoff import Backoff
from harbour.logs import describe

from backend.errors import DependencyUnavailableError
from backend.migrations import migrate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from asyncpg.pool import PoolConnectionProxy
    from harbour.settings import DatabaseSettings

    Connection = PoolConnectionProxy[asyncpg.Record]

CONNECT_TIMEOUT_SECONDS = 5.0
COMMAND_TIMEOUT_SECONDS = 10.0
ACQUIRE_TIMEOUT_SECONDS = 5.0

FAILURES = (OSError, EOFError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""What a PostgreSQL that cannot be used raises in asyncpg; ``OSError`` includes ``TimeoutError``."""

_OUTAGES = ("08", "25006", "28", "3D", "53", "57", "58", "XX")
"""Beginnings of the SQLSTATEs that say that the server cannot serve, whatever it was asked: connection, a standby that
takes no writes, login, no such database, no resources, shut down or restarting, its files, its own failure."""
_log = logging.getLogger(__name__)


class Database:
    """A pool for requests and one connection for the readiness check, so that busy requests do not look like an outage."""

    def __init__(self, settings: DatabaseSettings) -> None:
        self._settings = settings
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self._check_connection: asyncpg.Connection[asyncpg.Record] | None = None
        self._reason = "not connected yet"

    async def start(self) -> None:
        """Connect and migrate, trying again with growing pauses for as long as PostgreSQL cannot be used.

        Raises `backend.migrations.MigrationError` where a migration itself is wrong, as no waiting heals that.
        """
        backoff = Backoff(first=0.1, most=3.0)
        attempt = 0
        while True:
            attempt += 1
            try:
                await self._prepare()
            except FAILURES as error:
                self._reason = describe(error)
                delay = backoff.delay(attempt)
                _log.warning(
                    "postgres cannot be used yet",
                    extra={"reason": self._reason, "attempt": attempt, "retry_in_seconds": round(delay, 2)},
                )
                await asyncio.sleep(delay)
            else:
                _log.info("postgres is ready", extra={"attempts": attempt})
                return

    async def _prepare(self) -> None:
        connection = await self._connect()
        try:
            await migrate(connection)
        finally:
            await connection.close(timeout=CONNECT_TIMEOUT_SECONDS)
        settings = self._settings
        self._pool = await asyncpg.create_pool(
            host=settings.host,
            port=settings.port,
            database=settings.name,
            user=settings.user,
            password=settings.password,
            min_size=0,  # else the pool knocks by itself while PostgreSQL is away, with a traceback each time
            max_size=settings.pool_size,
            timeout=CONNECT_TIMEOUT_SECONDS,
            command_timeout=COMMAND_TIMEOUT_SECONDS,
            server_settings={"application_name": "backend"},
        )

    async def _connect(self) -> asyncpg.Connection[asyncpg.Record]:
        settings = self._settings
        return await asyncpg.connect(
            host=settings.host,
            port=settings.port,
            database=settings.name,
            user=settings.user,
            password=settings.password,
            timeout=CONNECT_TIMEOUT_SECONDS,
            server_settings={"application_name": "backend-check"},
        )

    @contextlib.asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Give a connection of the pool; raises `DependencyUnavailableError` where PostgreSQL is or goes away."""
        if self._pool is None:
            raise DependencyUnavailableError("postgres", self._reason)
        ours = False
        try:
            async with self._pool.acquire(timeout=ACQUIRE_TIMEOUT_SECONDS) as connection:
                try:
                    yield connection
                except Exception as error:
                    # Asked while the connection is ours: the pool answers no more for one that it has back.
                    ours = not (connection.is_closed() or _is_outage(error))
                    raise
        except Exception as error:
            if ours:
                raise
            raise DependencyUnavailableError("postgres", describe(error)) from error

    async def check(self) -> None:
        """Return when PostgreSQL answers and is migrated; raise what is in the way otherwise."""
        if self._pool is None:
            raise DependencyUnavailableError("postgres", self._reason)
        connection, self._check_connection = self._check_connection, None
        if connection is None or connection.is_closed():
            connection = await self._connect()
        try:
            await connection.execute("SELECT 1")
        except BaseException:
            connection.terminate()  # also where the check ran out of time, as its answer would confuse the next one
            raise
        self._check_connection = connection

    async def close(self) -> None:
        """Close all connections; those still busy after a few seconds are cut."""
        if self._check_connection is not None:
            self._check_connection.terminate()
        if self._pool is not None:
            try:
                await asyncio.wait_for(self._pool.close(), timeout=5)
            except TimeoutError:
                self._pool.terminate()


def _is_outage(error: Exception) -> bool:
    """Whether an error on an open connection is the server's state, rather than what was asked of it."""
    if isinstance(error, asyncpg.PostgresError):
        return str(error.sqlstate).startswith(_OUTAGES)
    return isinstance(error, OSError | EOFError | asyncpg.InternalClientError)
