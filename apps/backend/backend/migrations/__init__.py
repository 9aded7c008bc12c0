"""Applying the SQL files beside this one, each once and in order, also where several processes start at the same time."""

from __future__ import annotations

import hashlib
import logging
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LOCK = 0x6861_7262_6F75_72
"""Key of the advisory lock under which migrations run."""

_FILE_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")
_log = logging.getLogger(__name__)


class MigrationError(Exception):
    """The migrations do not fit the database; waiting does not help."""


@dataclass(frozen=True, kw_only=True)
class Migration:
    """One SQL file, run in a transaction of its own."""

    version: int
    name: str
    sql: str

    @property
    def digest(self) -> str:
        """SHA-256 of the file, by which a later edit of an applied migration is noticed."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def read_migrations(folder: Path | None = None) -> list[Migration]:
    """Return the migrations by version; raises `MigrationError` for a misnamed file or a gap in the versions."""
    migrations = []
    for path in sorted((folder or Path(__file__).parent).glob("*.sql")):
        match = _FILE_NAME.fullmatch(path.name)
        if match is None:
            raise MigrationError(f"{path.name} is misnamed; name it like 0002_add_pilots.sql")
        migrations.append(Migration(version=int(match[1]), name=path.name, sql=path.read_text(encoding="utf-8")))
    versions = [migration.version for migration in migrations]
    if versions != list(range(1, len(versions) + 1)):
        raise MigrationError(
            f"migrations must be numbered 1, 2, 3 and so on without gaps or repetitions, not {versions}"
        )
    return migrations


def pending(migrations: Sequence[Migration], applied: Mapping[int, str]) -> list[Migration]:
    """Return what is still to run, given the digests of what ran by version.

    Versions beyond those known here are left alone: during a rollout the newer backend may have migrated already.
    Raises `MigrationError` where an applied migration was edited afterwards.
    """
    for migration in migrations:
        if applied.get(migration.version, migration.digest) != migration.digest:
            raise MigrationError(
                f"{migration.name} was changed after it had been applied; restore it and write a new migration instead"
            )
    return [migration for migration in migrations if migration.version not in applied]


async def migrate(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    """Bring the database up to date; a second process waits for the first and then finds nothing to do."""
    migrations = read_migrations()
    await connection.execute("SELECT pg_advisory_lock($1)", LOCK)
    try:
        await connection.execute(
            "CREATE TABLE IF NOT EXISTS schema_migrations (version integer PRIMARY KEY, name text NOT NULL, "
            "digest text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        rows = await connection.fetch("SELECT version, digest FROM schema_migrations")
        for migration in pending(migrations, {row["version"]: row["digest"] for row in rows}):
            await _apply(connection, migration)
    finally:
        if not connection.is_closed():
            await connection.execute("SELECT pg_advisory_unlock($1)", LOCK)


async def _apply(connection: asyncpg.Connection[asyncpg.Record], migration: Migration) -> None:
    try:
        async with connection.transaction():
            await connection.execute(migration.sql)
            await connection.execute(
                "INSERT INTO schema_migrations (version, name, digest) VALUES ($1, $2, $3)",
                migration.version,
                migration.name,
                migration.digest,
            )
    except (asyncpg.SyntaxOrAccessError, asyncpg.IntegrityConstraintViolationError, asyncpg.DataError) as error:
        raise MigrationError(f"{migration.name} failed: {error}") from error
    _log.info("migration applied", extra={"migration": migration.name})
