"""How a stack is: which services have all their pods, why they restarted, and how near they are to their limits."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from moorage.observe.status import Objects, StackStatus, status_of
from tests.unit.observe_samples import at, deployment, ended, event, moment, owned, pod, replica_set, template

Thing = dict[str, Any]


def looked(now: float = 60, expected: tuple[str, ...] = ("backend",), **objects: Any) -> StackStatus:
    """Return the status of the sample namespace."""
    fields = {"deployments": [deployment(1, complete=True)], "pods": [pod()], **objects}
    recent = dt.timedelta(minutes=15)
    return status_of(Objects(**fields), namespace="harbour-dev", expected=expected, now=moment(now), recent=recent)


def test_a_stack_whose_services_have_all_their_pods_is_healthy() -> None:
    found = looked()
    assert found.healthy
    assert [(one.name, one.ready, one.wanted, one.restarts) for one in found.services] == [("backend", 1, 1, 0)]


@pytest.mark.parametrize(
    "changes",
    [
        {"deployments": [deployment(2, complete=False)]},
        {"deployments": []},
        {"deployments": [], "pods": []},
        {"expected": ("backend", "worker")},
    ],
)
def test_a_service_that_is_missing_or_has_too_few_pods_makes_it_unhealthy(changes: dict[str, Any]) -> None:
    found = looked(**changes)
    assert not found.healthy
    assert found.as_dict()["healthy"] is False


def test_pods_of_an_older_rollout_do_not_count_as_healthy() -> None:
    stale = deployment(2, complete=True)
    stale["status"]["observedGeneration"] = 1
    assert not looked(deployments=[stale]).healthy


def test_the_last_restart_is_told_with_its_reason_also_when_only_the_pod_remembers_it() -> None:
    sick = ended(pod(), exitCode=137, finished=30, restarts=4)
    killing = event(sick, "Killing", "Container backend failed liveness probe, will be restarted", time=29)
    (one,) = looked(pods=[sick], events=[killing]).services
    assert one.restarts == 4
    assert one.last_restart
    assert one.last_restart.fields["reason"] == "liveness"
    assert looked(pods=[sick], events=[killing]).recent[-1].fields["reason"] == "liveness"
    assert looked(now=3600, pods=[sick], events=[killing]).recent == ()


def test_a_rollout_is_the_last_restart_of_its_pods() -> None:
    sets = [replica_set("backend-1", 1, template()), replica_set("backend-2", 2, template(settings="config-2"))]
    new = pod("backend-2-a", owner=owned("backend-2"), created=10)
    (one,) = looked(pods=[new], replica_sets=sets, deployments=[deployment(2, complete=True, updated=12)]).services
    assert one.last_restart
    assert (one.last_restart.fields["reason"], one.restarts) == ("config change", 0)


def test_usage_is_that_of_the_pod_nearest_to_its_limit() -> None:
    usage = [
        {"metadata": {"name": name}, "timestamp": at(50), "containers": [{"name": "backend", "usage": used}]}
        for name, used in (("a", {"cpu": "100m", "memory": "250Mi"}), ("b", {"cpu": "200m", "memory": "10Mi"}))
    ]
    (one,) = looked(pods=[pod("a"), pod("b")], usage=usage).services
    assert one.as_dict()["usage"] == {
        "cpu": {"usage": "200m", "limit": "500m", "share": 40},
        "memory": {"usage": "250Mi", "limit": "256Mi", "share": 98},
    }
    assert one.near_limit == ("memory",)
