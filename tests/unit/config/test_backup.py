"""The settings of backups and restores: what is refused, and how a time is read."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from moorage.config.backup import Backup, Offsite, Restore
from moorage.config.stack import Postgres


def refusals(model: type, **values: object) -> list[tuple[str, str]]:
    """Return what is refused of some values and where."""
    with pytest.raises(ValidationError) as caught:
        model.model_validate(values)  # type: ignore[attr-defined]
    problems = [problem for error in caught.value.errors() for problem in error["ctx"]["problems"]]
    assert all(problem.remedy for problem in problems)
    return [(problem.what, str(problem.where or "")) for problem in problems]


def test_incremental_backups_that_are_rarer_than_full_ones_are_refused() -> None:
    assert refusals(Backup, fullEveryHours=2, incrementalEveryHours=3) == [
        ("incremental backups every 3 hours are rarer than full ones", "incrementalEveryHours")
    ]


@pytest.mark.parametrize(("volume", "source"), [("second", "second"), ("data", "second")])
def test_a_restore_into_a_volume_with_data_is_refused(volume: str, source: str) -> None:
    assert refusals(Restore, volume=volume, fromVolume=source)[0][1] == "volume"


@pytest.mark.parametrize("at", ["2026-12-01", "yesterday", "2026-12-01 14:30:00", "2026-12-01T14:30:00"])
def test_a_time_without_its_zone_is_refused(at: str) -> None:
    assert refusals(Restore, volume="second", at=at)


def test_a_time_that_no_calendar_has_is_refused() -> None:
    assert refusals(Restore, volume="second", at="2026-02-30T14:30:00Z")[0][1] == "at"


def test_a_backup_is_named_as_the_list_shows_it() -> None:
    assert refusals(Restore, volume="second", backup="yesterday")
    assert Restore(volume="second", backup="20261201T020000Z-incremental").backup


def test_a_restore_without_backups_is_refused() -> None:
    assert refusals(Postgres, restore={"volume": "second"})[0][1] == "restore"


@pytest.mark.parametrize(("endpoint", "port"), [("https://s3.example.com", 443), ("http://store:7480", 7480)])
def test_the_port_of_a_store_is_that_of_its_address(endpoint: str, port: int) -> None:
    assert Offsite(endpoint=endpoint, bucket="acme-backups").port == port


@pytest.mark.parametrize("endpoint", ["s3.example.com", "https://s3.example.com/acme", "ftp://s3.example.com"])
def test_an_address_of_a_store_has_scheme_and_host_alone(endpoint: str) -> None:
    assert refusals(Offsite, endpoint=endpoint, bucket="acme-backups")
