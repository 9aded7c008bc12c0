"""The worker's settings."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harbour.settings import Common, RedisSettings, open_reader, read_common, read_redis

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that the worker can be told from outside."""

    common: Common
    redis: RedisSettings
    consumer: str
    """This process's name in the consumer group; in a pod the pod's name, so that no two share one."""
    health_host: str
    health_port: int


def load_settings(environ: Mapping[str, str] | None = None, folder: Path | None = None) -> Settings:
    """Read the settings; raises `harbour.settings.SettingsError` with everything that is missing or wrong."""
    reader = open_reader(environ, folder)
    host_name = socket.gethostname()
    every_interface = "0.0.0.0"  # noqa: S104 - a pod's address is not known beforehand
    settings = Settings(
        common=read_common(reader),
        redis=read_redis(reader),
        consumer=reader.text("CONSUMER_NAME", development=host_name, production=host_name),
        health_host=reader.text("HEALTH_HOST", development="127.0.0.1", production=every_interface),
        health_port=reader.integer("HEALTH_PORT", default=8081, minimum=1024, maximum=65535),
    )
    reader.finish()
    return settings
