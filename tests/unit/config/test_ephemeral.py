"""Environments for a while: what a stack says of them, and how small they are."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.base.errors import MoorageError
from moorage.config.ephemeral import Ephemeral, duration, label_of, moment, moment_of_label, parsed, valid_ttl

if TYPE_CHECKING:
    from tests.unit.config_samples import Monorepo

LIVES = "  moorage:ephemeral: {stack: dev, expiresAt: 2030-01-31T12:00:00Z}\n"


def test_an_environment_has_one_small_pod_of_each_service_and_no_autoscaler(monorepo: Monorepo) -> None:
    monorepo.change("apps/backend/service.yaml", "  path: /api\n", "  path: /api\n  host: api.example.com\n")
    usual = monorepo.load()
    monorepo.add("Pulumi.dev.yaml", LIVES.replace("2030-01-31T12:00:00Z", '"2030-01-31T12:00:00Z"'))
    small = monorepo.load()
    assert {name: service.replicas for name, service in usual.services.items()} == {"backend": 2, "worker": 1}
    assert {service.replicas for service in small.services.values()} == {1}
    assert all(service.scaling is None for service in small.services.values())
    requests = small.services["backend"].resources.requests
    assert (requests.cpu, requests.memory) == ("100m", "205Mi")
    assert small.services["backend"].resources.limits == usual.services["backend"].resources.limits
    route = small.services["backend"].route
    assert route is not None
    assert route.host == "dev.api.example.com"


def test_data_stores_of_an_environment_hold_a_gibibyte_at_most(monorepo: Monorepo) -> None:
    monorepo.add("Pulumi.dev.yaml", LIVES.replace("2030-01-31T12:00:00Z", '"2030-01-31T12:00:00Z"'))
    monorepo.add("Pulumi.dev.yaml", "  moorage:postgres: {storage: 20Gi}\n  moorage:redis: {storage: 100Mi}\n")
    settings = monorepo.load().settings
    assert (settings.postgres.storage, settings.redis.storage) == ("1Gi", "100Mi")
    assert settings.postgres.resources.requests.cpu == "20m"


def test_what_a_stack_says_of_environments_changes_nothing_of_itself(monorepo: Monorepo) -> None:
    usual = monorepo.load()
    monorepo.add("Pulumi.dev.yaml", "  moorage:ephemeral: {ttl: 5h, requestFactor: 0.1}\n")
    assert monorepo.load().services == usual.services


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{ttl: 91d}", "ttl 91d is longer than 90d"),
        ("{ttl: 3 days}", "a time to live is a number of minutes, hours or days"),
        ("{stack: dev}", "stack and expiresAt belong together"),
        ('{expiresAt: "2030-01-31T12:00:00Z"}', "stack and expiresAt belong together"),
        ("{stack: dev, expiresAt: soon}", "a moment is a date and a time in UTC"),
        ("{seed: {service: backend, command: []}}", "command"),
        ("{seeds: {}}", "seed"),
    ],
)
def test_a_mistake_is_one_clear_error(text: str, said: str, monorepo: Monorepo) -> None:
    monorepo.add("Pulumi.dev.yaml", f"  moorage:ephemeral: {text}\n")
    with pytest.raises(MoorageError) as raised:
        monorepo.load()
    (problem,) = raised.value.problems
    assert said in str(problem)


@given(st.integers(0, 7_000_000_000))
def test_a_moment_survives_the_file_and_the_label(seconds: int) -> None:
    when = dt.datetime.fromtimestamp(seconds, dt.UTC)
    assert parsed(moment(when)) == moment_of_label(label_of(when)) == when
    assert Ephemeral(stack="dev", expires_at=moment(when)).label == label_of(when)


def test_no_other_label_is_a_moment() -> None:
    assert [moment_of_label(text) for text in ("", "soon", "2030")] == [None, None, None]


def test_times_to_live_are_minutes_hours_and_days() -> None:
    assert duration("90m") == dt.timedelta(minutes=90)
    assert duration("72h") == duration("3d")
    assert [valid_ttl(ttl) for ttl in ("90d", "91d", "0h", "", "-1h", "1w")] == [
        True,
        False,
        False,
        False,
        False,
        False,
    ]
