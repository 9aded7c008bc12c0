"""What the sidecar's list says, as the commands read it."""

from __future__ import annotations

import datetime as dt

from moorage.config.backup import Backup
from moorage.engine.backups import parsed, troubles

LISTED = """\
data 20261201T020000Z-full full 20261201T020000Z 20261201T020004Z 24120
data 20261201T030000Z-incremental incremental 20261201T030000Z 20261201T030001Z 3072
wal true 16384
rehearsed 120
copied 5
"""


def test_backups_are_read_with_their_times_and_sizes() -> None:
    found = parsed(LISTED)
    assert [one.name for one in found.kept] == ["20261201T020000Z-full", "20261201T030000Z-incremental"]
    full = found.kept[0]
    assert (full.volume, full.kind, full.kib) == ("data", "full", 24120)
    assert full.ended - full.began == dt.timedelta(seconds=4)
    assert full.began.tzinfo is dt.UTC
    assert (found.receiving, found.behind, found.rehearsed) == (True, 16384, 120)
    assert found.copied == 5


def test_a_database_without_backups_yet_has_none() -> None:
    assert parsed("wal false 0\n").kept == ()
    assert not parsed("").receiving
    assert parsed("").rehearsed is None


def test_a_late_backup_and_a_log_that_is_not_received_are_told() -> None:
    settings, began = Backup(), dt.datetime(2026, 12, 1, 3, tzinfo=dt.UTC)
    good = parsed(LISTED)
    assert troubles(good, settings, "data", began + dt.timedelta(hours=2)) == []
    assert troubles(good, settings, "data", began + dt.timedelta(hours=3)) == [
        "the newest backup is older than 2 hours"
    ]
    assert troubles(good, settings, "second", began) == ["there is no backup yet"]
    silent = parsed(LISTED.replace("wal true", "wal false"))
    assert troubles(silent, settings, "data", began) == ["the log of the database is not being received"]


def test_copies_elsewhere_that_are_late_are_told() -> None:
    settings = Backup.model_validate({"offsite": {"endpoint": "https://s3.example.com", "bucket": "acme-backups"}})
    now = dt.datetime(2026, 12, 1, 3, tzinfo=dt.UTC)
    assert troubles(parsed(LISTED), settings, "data", now) == []
    late = parsed(LISTED.replace("copied 5", "copied 660"))
    assert troubles(late, settings, "data", now) == ["the backups were last copied to acme-backups 11 minutes ago"]
    assert len(troubles(parsed(LISTED.replace("copied 5\n", "")), settings, "data", now)) == 1
