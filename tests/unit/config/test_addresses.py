"""An address of a service that is not in ``needs``: told, whatever form it has, with the needs to write."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from moorage.config.addresses import monorepo_warnings
from moorage.config.monorepo import read_monorepo
from tests.unit.config_samples import BACKEND

if TYPE_CHECKING:
    from moorage.base.errors import Problem
    from tests.unit.config_samples import Monorepo

PAYMENTS = BACKEND.replace("name: backend", "name: payments").replace("path: /api\n", "path: /pay\n")
MAILER = PAYMENTS.replace("name: payments", "name: mail-er").replace("path: /pay\n", "path: /mail\n")
ADDRESSES = [
    "http://payments:8080",
    "https://payments/charge?x=1",
    "http://user:secret@payments:8080/",
    "payments:8080",
    "payments:80,other.example.com:80",
    "first.example.com:9092,payments:9092",
    "payments.harbour-dev.svc.cluster.local",
    "http://payments.harbour-dev.svc:8080",
    "grpc://payments.harbour-dev:50051",
    '{"url": "http://payments:8080"}',
    "jdbc:postgresql://payments:5432/app",
    "HTTP://PAYMENTS:8080",
]
HARMLESS = [
    "payments",
    "payments.example.com",
    "https://payments.example.com",
    "https://example.com/payments",
    "http://payments-eu:8080",
    "http://payments.other.svc.cluster.local",
    "x-payments:8080",
    "payments:2",
    "payments:10%",
    "a payments: 8080",
    "payments:8080.1",
]


@pytest.fixture
def payments(monorepo: Monorepo) -> Monorepo:
    for name, text in (("payments", PAYMENTS), ("mail-er", MAILER)):
        monorepo.write(f"apps/{name}/service.yaml", text)
        monorepo.write(f"apps/{name}/Dockerfile", "FROM scratch\n")
    return monorepo


def set_env(monorepo: Monorepo, name: str, value: str) -> None:
    monorepo.change("apps/backend/service.yaml", "LOG_LEVEL: INFO", f"LOG_LEVEL: INFO\n  {name}: '{value}'")


def stackless(monorepo: Monorepo) -> list[Problem]:
    found, _ = read_monorepo(monorepo.root, [])
    return list(monorepo_warnings(found))


@pytest.mark.parametrize("value", ADDRESSES)
def test_an_address_without_a_need_is_told_with_the_needs_to_write(payments: Monorepo, value: str) -> None:
    set_env(payments, "SETTING", value)
    (problem,) = payments.load().warnings
    assert problem.what == "backend is told the address of payments, which it does not need"
    assert payments.place(problem) == "apps/backend/service.yaml:23:12"
    assert "needs: [postgres, redis, payments]" in str(problem.remedy)
    payments.change("apps/backend/service.yaml", "needs: [postgres, redis]", "needs: [postgres, redis, payments]")
    assert payments.load().warnings == ()


@pytest.mark.parametrize("value", HARMLESS)
def test_what_is_no_address_of_the_stack_is_not(payments: Monorepo, value: str) -> None:
    set_env(payments, "SETTING", value)
    assert payments.load().warnings == ()


@pytest.mark.parametrize("name", ["PAYMENTS_HOST", "UPSTREAM", "api_url", "KAFKA_SERVERS"])
def test_a_bare_name_counts_where_the_variable_is_for_a_host(payments: Monorepo, name: str) -> None:
    set_env(payments, name, "payments")
    assert len(payments.load().warnings) == 1


@pytest.mark.parametrize(
    ("need", "value", "tells"),
    [
        ("postgres", "postgres://app@postgres:5432/app", "DATABASE_HOST"),
        ("redis", "redis://redis:6379/0", "REDIS_HOST"),
        ("redis", "redis-0.redis-headless.harbour-dev.svc.cluster.local:6379", "REDIS_HOST"),
        ("mail-er", "smtp://mail-er:2525", "MAIL_ER_HOST"),
    ],
)
def test_stores_and_others_are_told_alike(payments: Monorepo, need: str, value: str, tells: str) -> None:
    payments.change("apps/backend/service.yaml", "needs: [postgres, redis]", "needs: []")
    set_env(payments, "SETTING", value)
    for (problem,) in (payments.load().warnings, stackless(payments)):
        assert f"needs: [{need}]" in str(problem.remedy)
        assert tells in str(problem.remedy)


def test_arguments_and_the_stack_s_own_variables_are_looked_at_too(payments: Monorepo) -> None:
    payments.add("apps/backend/service.yaml", "args: [--api, 'http://payments:8080']\n")
    payments.change("Pulumi.dev.yaml", "LOG_LEVEL: DEBUG", "MAIL: 'mail-er:2525'")
    places = sorted(payments.place(problem) for problem in payments.load().warnings)
    assert [place.split(":")[0] for place in places] == ["Pulumi.dev.yaml", "apps/backend/service.yaml"]
    assert len(stackless(payments)) == 1


def test_a_worker_has_no_address(payments: Monorepo) -> None:
    set_env(payments, "SETTING", "http://worker:8000")
    (problem,) = payments.load().warnings
    assert problem.remedy == "remove it: the worker worker listens nowhere"


def test_an_open_network_drops_nothing(payments: Monorepo) -> None:
    set_env(payments, "SETTING", "http://payments:8080")
    payments.change("Pulumi.dev.yaml", "config:\n", "config:\n  moorage:networkPolicies: false\n")
    assert payments.load().warnings == ()
