"""What a cluster cannot do of a change to a data store: nodes and claims as kubectl prints them."""

from __future__ import annotations

from typing import Any

import pytest

from moorage.config.stack import Postgres, Redis
from moorage.engine import store_changes

WHERE = "Pulumi.dev.yaml, moorage:postgres"
CLASSES: dict[str, Any] = {
    "slow": {"metadata": {"annotations": {"storageclass.kubernetes.io/is-default-class": "true"}}},
    "growing": {"metadata": {}, "allowVolumeExpansion": True},
}


def node(cpu: str, memory: str, *, cordoned: bool = False) -> dict[str, Any]:
    return {"spec": {"unschedulable": cordoned}, "status": {"allocatable": {"cpu": cpu, "memory": memory}}}


def claim(size: str, storage_class: str | None = "growing") -> dict[str, Any]:
    spec = {"resources": {"requests": {"storage": size}}}
    return {
        "metadata": {"name": "data-postgres-0"},
        "spec": spec | ({"storageClassName": storage_class} if storage_class else {}),
    }


def store(cpu: str, memory: str) -> Postgres:
    amounts = {"cpu": cpu, "memory": memory}
    return Postgres.model_validate({"resources": {"requests": amounts, "limits": amounts}})


@pytest.mark.parametrize(
    ("cpu", "memory", "fits"),
    [("1900m", "4Gi", True), ("2", "4Gi", False), ("500m", "9Gi", False), ("3", "1Gi", False), ("1", "8Gi", True)],
)
def test_a_store_must_fit_onto_one_node(cpu: str, memory: str, fits: bool) -> None:
    nodes = [node("1900m", "8Gi"), node("500m", "8388608Ki"), node("64", "512Gi", cordoned=True)]
    problems = list(store_changes.too_large("postgres", store(cpu, memory), nodes, WHERE))
    assert (problems == []) == fits
    assert all("1900m cpu" in str(problem.why) for problem in problems)


def test_nothing_is_said_where_nodes_cannot_be_listed() -> None:
    assert list(store_changes.too_large("postgres", store("900", "4Gi"), [], WHERE)) == []


def test_a_volume_that_has_its_size_fits_however_it_is_written() -> None:
    assert store_changes.misfit(claim("1Gi", "slow"), "1024Mi", CLASSES, WHERE) is None


def test_a_volume_grows_where_its_class_lets_it() -> None:
    assert store_changes.misfit(claim("1Gi"), "2Gi", CLASSES, WHERE) is None


@pytest.mark.parametrize("storage_class", ["slow", None])
def test_a_volume_that_cannot_grow_is_named_with_its_class(storage_class: str | None) -> None:
    problem = store_changes.misfit(claim("1Gi", storage_class), "2Gi", CLASSES, WHERE)
    assert problem is not None
    assert "cannot grow to 2Gi" in problem.what
    assert "StorageClass slow" in str(problem.why)
    assert problem.where == f"{WHERE}.storage"


def test_no_volume_shrinks() -> None:
    problem = store_changes.misfit(claim("2Gi"), "1Gi", CLASSES, WHERE)
    assert problem is not None
    assert "storage: 2Gi" in str(problem.remedy)


def test_the_claims_are_those_that_the_database_runs_on() -> None:
    restored = Postgres.model_validate(
        {"backup": {"storage": "9Gi"}, "restore": {"volume": "second"}, "storage": "3Gi"}
    )
    assert dict(store_changes.wanted("postgres", restored)) == {"postgres-second": "3Gi", "postgres-backups": "9Gi"}
    assert dict(store_changes.wanted("redis", Redis())) == {"data-redis-0": "256Mi"}
