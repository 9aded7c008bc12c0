"""The backend's settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harbour.settings import (
    Common,
    DatabaseSettings,
    RedisSettings,
    open_reader,
    read_common,
    read_database,
    read_redis,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that the backend can be told from outside."""

    common: Common
    database: DatabaseSettings
    redis: RedisSettings
    host: str
    port: int


def load_settings(environ: Mapping[str, str] | None = None, folder: Path | None = None) -> Settings:
    """Read the settings; raises `harbour.settings.SettingsError` with everything that is missing or wrong."""
    reader = open_reader(environ, folder)
    every_interface = "0.0.0.0"  # noqa: S104 - a pod's address is not known beforehand
    settings = Settings(
        common=read_common(reader),
        database=read_database(reader),
        redis=read_redis(reader),
        host=reader.text("HTTP_HOST", development="127.0.0.1", production=every_interface),
        port=reader.integer("HTTP_PORT", default=8000, minimum=1024, maximum=65535),
    )
    reader.finish()
    return settings
