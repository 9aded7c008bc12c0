"""Backups of a data store, and the backup that a store was restored from."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

from pydantic import Field

from moorage.base.errors import KeyPath, Problem
from moorage.config.fields import BytesQuantity, DnsLabel, Model, Text

if TYPE_CHECKING:
    from collections.abc import Iterator

FIRST_VOLUME = "data"
"""Name of the volume that a store begins with; each restore makes another."""

BackupName = Annotated[
    str,
    Text(
        pattern=r"[0-9]{8}T[0-9]{6}Z-(full|incremental)",
        rule="a backup is named by the time at which it began and its kind, as `moorage data list` shows it",
        example="20261201T020000Z-full",
    ),
]
Instant = Annotated[
    str,
    Text(
        pattern=r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})",
        rule="a time has date, T, time and zone, as RFC 3339 writes it",
        example="2026-12-01T14:30:00Z",
    ),
]


Endpoint = Annotated[
    str,
    Text(
        pattern=r"https?://[a-z0-9]([-a-z0-9.]*[a-z0-9])?(:[0-9]{1,5})?",
        rule="the address of an S3 store has scheme and host, a port where it is unusual, and no path",
        example="https://s3.eu-central-1.amazonaws.com",
    ),
]
BucketName = Annotated[
    str,
    Text(
        pattern=r"[a-z0-9][-a-z0-9.]{1,61}[a-z0-9]",
        rule="a bucket's name has 3 to 63 lower-case letters, digits, hyphens and dots",
        example="acme-backups",
    ),
]
RCLONE = "rclone"
"""The image that copies."""
OFFSITE_SECRETS = {
    "ACCESS_KEY": "offsiteAccessKey",
    "SECRET_KEY": "offsiteSecretKey",
    "PASSPHRASE": "offsitePassphrase",
}
"""Config keys of the secrets that copies elsewhere need, by the names of their files in the container."""
_PORTS = {"http": 80, "https": 443}


class Offsite(Model):
    """Where the backups are copied to, encrypted: a bucket of an S3 store.

    The stack's secrets ``offsiteAccessKey`` and ``offsiteSecretKey`` open it, ``offsitePassphrase`` encrypts what is in it.
    """

    example = "{endpoint: https://s3.eu-central-1.amazonaws.com, bucket: acme-backups}"

    endpoint: Endpoint
    """Address of the store."""
    bucket: BucketName
    """A bucket that exists."""
    prefix: DnsLabel | None = None
    """Below which the copies lie. Default: the stack's namespace."""
    region: Annotated[str, Field(min_length=1)] = "us-east-1"
    """Region of the bucket."""

    @property
    def port(self) -> int:
        """TCP port of the store."""
        found = urlsplit(self.endpoint)
        return found.port or _PORTS[found.scheme]


class Backup(Model):
    """Backups of PostgreSQL on a volume of their own: its WAL as it is written, and its files on time."""

    example = "{storage: 10Gi}"

    storage: BytesQuantity = "5Gi"
    """Size of the volume of the backups: room for the copies of all days, and for one more that is being checked."""
    storage_class: str | None = None
    """Default: the cluster's default StorageClass; one on other disks than the database's survives them."""
    full_every_hours: int = Field(default=24, ge=1, le=720)
    """Hours between two full backups."""
    incremental_every_hours: int = Field(default=1, ge=1, le=720)
    """Hours between two backups of what has changed since the last one."""
    keep_days: int = Field(default=7, ge=1, le=3650)
    """Any second of these days can be restored; what only older ones need is removed."""
    offsite: Offsite | None = None
    """Where everything is copied to as well. Default: nowhere."""

    def problems(self) -> Iterator[Problem]:
        """Yield incremental backups that are rarer than full ones."""
        if self.incremental_every_hours > self.full_every_hours:
            yield Problem(
                what=f"incremental backups every {self.incremental_every_hours} hours are rarer than full ones",
                why="an incremental backup is what has changed since the last backup, so that full ones can be rare",
                remedy=f"write incrementalEveryHours: {self.full_every_hours} or less",
                where=KeyPath.of("incrementalEveryHours"),
            )


class Restore(Model):
    """The volume that the database runs on, and what was restored into it: `moorage data restore` writes this.

    As long as the volume is empty, an update restores into it, and only then lets the database run on it. The volume
    before it is left alone.
    """

    example = "{volume: restored, at: '2026-12-01T14:30:00Z'}"

    volume: DnsLabel
    """Name of the new volume."""
    from_volume: DnsLabel = FIRST_VOLUME
    """The volume whose backups are used."""
    backup: BackupName | None = None
    """Default: the newest that had ended by then."""
    at: Instant | None = None
    """Everything that was committed by then. Default: everything that was received."""

    def problems(self) -> Iterator[Problem]:
        """Yield a time that no calendar has, and a volume that is restored from itself."""
        if self.volume == self.from_volume:
            yield Problem(
                what=f"volume {self.volume} is restored from its own backups",
                why="a restore goes into a new volume, so that the data before it is never lost",
                remedy="choose another name for volume",
                where=KeyPath.of("volume"),
            )
        if self.volume == FIRST_VOLUME:
            yield Problem(
                what=f"volume {FIRST_VOLUME} is the one that the database began with",
                why="a restore goes into a new volume, so that the data before it is never lost",
                remedy="choose another name for volume; to go back to the first volume, remove restore",
                where=KeyPath.of("volume"),
            )
        if self.at is not None:
            try:
                self.instant()
            except ValueError as error:
                yield Problem(
                    what=f"{self.at} is not a time",
                    why=str(error),
                    remedy="write for example 2026-12-01T14:30:00Z",
                    where=KeyPath.of("at"),
                )

    def instant(self) -> dt.datetime | None:
        """Return `at` in UTC; None for everything that was received."""
        return dt.datetime.fromisoformat(self.at).astimezone(dt.UTC) if self.at else None


def volume_of(restore: Restore | None) -> str:
    """Return the name of the volume that the database runs on."""
    return restore.volume if restore else FIRST_VOLUME
