"""What the sidecar's list says, as the commands read it."""

from __future__ import annotations

import datetime as dt

from moorage.engine.backups import parsed

LISTED = """\
data 20261201T020000Z-full full 20261201T020000Z 20261201T020004Z 24120
data 20261201T030000Z-incremental incremental 20261201T030000Z 20261201T030001Z 3072
wal true 16384
rehearsed 120
"""


def test_backups_are_read_with_their_times_and_sizes() -> None:
    found = parsed(LISTED)
    assert [one.name for one in found.kept] == ["20261201T020000Z-full", "20261201T030000Z-incremental"]
    full = found.kept[0]
    assert (full.volume, full.kind, full.kib) == ("data", "full", 24120)
    assert full.ended - full.began == dt.timedelta(seconds=4)
    assert full.began.tzinfo is dt.UTC
    assert (found.receiving, found.behind, found.rehearsed) == (True, 16384, 120)


def test_a_database_without_backups_yet_has_none() -> None:
    assert parsed("wal false 0\n").kept == ()
    assert not parsed("").receiving
    assert parsed("").rehearsed is None
