"""The Redis client as all processes use it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

if TYPE_CHECKING:
    from harbour.settings import RedisSettings

CONNECT_TIMEOUT_SECONDS = 2.0
ANSWER_TIMEOUT_SECONDS = 5.0
"""Must exceed the time for which a worker lets Redis hold back the answer to a blocking read."""

REDIS_FAILURES = (RedisError, OSError, EOFError, ValueError)
"""What a Redis that cannot be used raises; the client meets an answer that is not Redis' with a ``ValueError``."""


def connect_redis(settings: RedisSettings, *, name: str) -> Redis:
    """Return a client that opens connections as they are needed, called `name` in Redis' client list.

    A command on a connection that Redis has closed meanwhile is tried once more; beyond that callers decide.
    """
    return Redis(
        host=settings.host,
        port=settings.port,
        password=settings.password,
        client_name=name,
        decode_responses=True,
        socket_connect_timeout=CONNECT_TIMEOUT_SECONDS,
        socket_timeout=ANSWER_TIMEOUT_SECONDS,
        health_check_interval=15,
        retry=Retry(NoBackoff(), 1),
        protocol=2,
    )
