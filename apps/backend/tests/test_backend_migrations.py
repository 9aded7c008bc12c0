"""Which migrations run, decided without a database."""

from pathlib import Path

import pytest
from backend.migrations import Migration, MigrationError, pending, read_migrations
from hypothesis import given
from hypothesis import strategies as st


def _migrations(count: int) -> list[Migration]:
    return [
        Migration(version=version, name=f"{version:04}_x.sql", sql=f"SELECT {version}")
        for version in range(1, count + 1)
    ]


def test_the_shipped_migrations_can_be_read() -> None:
    migrations = read_migrations()
    assert migrations[0].name == "0001_harbour.sql"
    assert "CREATE TABLE arrivals" in migrations[0].sql


@given(count=st.integers(min_value=0, max_value=20), ran=st.sets(st.integers(min_value=1, max_value=25)))
def test_exactly_the_migrations_that_did_not_run_are_pending(count: int, ran: set[int]) -> None:
    migrations = _migrations(count)
    applied = {version: migrations[version - 1].digest if version <= count else "of a newer release" for version in ran}
    assert [migration.version for migration in pending(migrations, applied)] == [
        version for version in range(1, count + 1) if version not in ran
    ]


def test_an_edited_migration_is_refused() -> None:
    with pytest.raises(MigrationError, match=r"0001_x\.sql was changed after it had been applied"):
        pending(_migrations(2), {1: "another digest"})


@pytest.mark.parametrize("names", [["0001_a.sql", "0003_b.sql"], ["0001_a.sql", "0001_b.sql"], ["0002_a.sql"]])
def test_gaps_and_repetitions_are_refused(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        (tmp_path / name).write_text("SELECT 1", encoding="utf-8")
    with pytest.raises(MigrationError, match="without gaps or repetitions"):
        read_migrations(tmp_path)


def test_a_misnamed_migration_is_refused_with_an_example(tmp_path: Path) -> None:
    (tmp_path / "1_Pilots.sql").write_text("SELECT 1", encoding="utf-8")
    with pytest.raises(MigrationError, match=r"1_Pilots\.sql is misnamed; name it like 0002_add_pilots\.sql"):
        read_migrations(tmp_path)
