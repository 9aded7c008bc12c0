"""``python -m worker``: count events until SIGTERM."""

from __future__ import annotations

import asyncio
import logging
import sys
from typing import TYPE_CHECKING

from harbour.connections import connect_redis
from harbour.health import HealthCheck
from harbour.health_server import CannotListenError, serve_health
from harbour.logs import set_up_logging
from harbour.settings import SettingsError
from harbour.shutdown import Shutdown

from worker.consumer import Consumer
from worker.settings import load_settings

if TYPE_CHECKING:
    from worker.settings import Settings

_log = logging.getLogger("worker")


def main() -> int:
    """Run the worker and return the process's exit code."""
    try:
        settings = load_settings()
    except SettingsError as error:
        sys.stderr.write(f"worker {error}\n")
        return 2
    set_up_logging(settings.common, "worker")
    try:
        asyncio.run(_work(settings))
    except CannotListenError as error:
        _log.critical("cannot start: %s; end what listens there, or set HEALTH_PORT to a free port", error)
        return 1
    _log.info("stopped")
    return 0


async def _work(settings: Settings) -> None:
    redis = connect_redis(settings.redis, name=f"worker-{settings.consumer}")
    consumer = Consumer(redis, settings.consumer)
    checks = (
        HealthCheck("liveness", "/health", {"loop": consumer.check_loop}),
        HealthCheck("readiness", "/health/ready", {"redis": consumer.check_redis}),
    )
    with Shutdown() as shutdown:
        async with serve_health(checks, host=settings.health_host, port=settings.health_port) as port:
            _log.info("started", extra={"consumer": settings.consumer, "health_port": port})
            await consumer.run(shutdown)
    await redis.aclose()


if __name__ == "__main__":
    sys.exit(main())
