"""Why a pod is not ready, as its status says it, and what the user is told of it."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest

from moorage.engine import failure
from moorage.engine.pods import Trouble, causes_first, hopeless, problem, trouble
from tests.unit.session_samples import session

if TYPE_CHECKING:
    from tests.unit.config_samples import Monorepo

NOT_READY = {"type": "Ready", "status": "False"}
UNSCHEDULABLE = {
    "type": "PodScheduled",
    "status": "False",
    "reason": "Unschedulable",
    "message": "0/1 nodes are available: 1 Insufficient cpu.",
}
OOM = {"reason": "OOMKilled", "exitCode": 137}


def pod(*containers: dict[str, Any], init: tuple[dict[str, Any], ...] = (), **status: Any) -> dict[str, Any]:
    named = [{"name": f"c{index}", "ready": False, **container} for index, container in enumerate(containers)]
    started = [{"name": f"i{index}", "ready": False, **container} for index, container in enumerate(init)]
    full = {"phase": "Running", "conditions": [NOT_READY], "containerStatuses": named, "initContainerStatuses": started}
    return {"metadata": {"name": "backend-1"}, "status": full | status}


def waiting(reason: str, message: str = "") -> dict[str, Any]:
    return {"state": {"waiting": {"reason": reason, "message": message}}}


def running(**fields: Any) -> dict[str, Any]:
    return {"state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}, **fields}


def ended(reason: str | None, status: int) -> dict[str, Any]:
    return {"state": {"terminated": {"exitCode": status} | ({"reason": reason} if reason else {})}}


@pytest.mark.parametrize(
    ("given", "container", "reason", "said"),
    [
        (pod(waiting("ImagePullBackOff", "Back-off pulling x")), "c0", "ImagePullBackOff", "Back-off pulling x"),
        (pod(waiting("CreateContainerConfigError", 'secret "s" not found')), "c0", "CreateContainerConfigError", "s"),
        (
            pod({**waiting("CrashLoopBackOff"), "lastState": {"terminated": {"exitCode": 2}}, "restartCount": 4}),
            "c0",
            "CrashLoopBackOff",
            "it ended with exit status 2, 4 restarts",
        ),
        (pod({**waiting("CrashLoopBackOff"), "lastState": {"terminated": OOM}}), "c0", "OOMKilled", "memory limit"),
        (pod({**running(), "lastState": {"terminated": OOM}}), "c0", "OOMKilled", "memory limit"),
        (pod({"state": {"terminated": OOM}}), "c0", "OOMKilled", "memory limit"),
        (pod(ended("Error", 3)), "c0", "Error", "exit status 3"),
        (pod(ended(None, 3)), "c0", "Error", "exit status 3"),
        (pod(ended("Completed", 0)), "c0", "Completed", "exit status 0"),
        (pod(running(started=False)), "c0", "NotStarted", "startup probe"),
        (pod(running(started=True)), "c0", "NotReady", "readiness probe"),
        (pod(running(ready=True), running(started=True)), "c1", "NotReady", "readiness probe"),
        (
            pod({**running(ready=True), "lastState": {"terminated": OOM}}, waiting("ErrImagePull", "refused")),
            "c1",
            "ErrImagePull",
            "refused",
        ),
        (pod(waiting("PodInitializing"), init=(waiting("ErrImagePull", "no"),)), "i0", "ErrImagePull", "no"),
        (
            pod(waiting("PodInitializing"), init=({**ended("Completed", 0), "ready": True}, ended("Error", 1))),
            "i1",
            "Error",
            "exit status 1",
        ),
        (pod(waiting("ContainerCreating"), phase="Pending"), None, "Pending", "no container has started yet"),
        (pod(phase="Pending", conditions=[UNSCHEDULABLE, NOT_READY]), None, "Unschedulable", "Insufficient cpu"),
        (pod(phase="Pending", conditions=[{"type": "PodScheduled", "status": "False"}]), None, "Unschedulable", ""),
        (
            pod(phase="Failed", reason="Evicted", message="The node was low on resource: memory."),
            None,
            "Evicted",
            "low on resource",
        ),
        (
            pod(
                running(ready=True),
                conditions=[{**NOT_READY, "message": "the status of pod readiness gate is unknown"}],
            ),
            None,
            "Running",
            "readiness gate",
        ),
        ({"metadata": {"name": "backend-1"}}, None, "Unknown", "no container has started yet"),
    ],
)
def test_a_status_is_told_in_its_own_words(
    given: dict[str, Any], container: str | None, reason: str, said: str
) -> None:
    found = trouble(given)
    assert found is not None
    assert (found.pod, found.container, found.reason) == ("backend-1", container, reason)
    assert said in found.message


@pytest.mark.parametrize(
    "given",
    [
        pod(running(ready=True), conditions=[{"type": "Ready", "status": "True"}]),
        pod(ended("Completed", 0), phase="Succeeded"),
        {**pod(running()), "metadata": {"name": "backend-0", "deletionTimestamp": "2026-01-01T00:00:00Z"}},
    ],
    ids=["ready", "succeeded", "leaving"],
)
def test_a_pod_that_is_well_or_on_its_way_out_is_no_trouble(given: dict[str, Any]) -> None:
    assert trouble(given) is None


def test_the_user_is_told_pod_container_reason_and_the_last_lines() -> None:
    found = Trouble(pod="backend-1", container="backend", reason="CrashLoopBackOff", message="it ended")
    told = problem(found, "harbour-dev", ["no such table"])
    assert told.what == "a pod is not ready: CrashLoopBackOff"
    assert told.where == "harbour-dev/backend-1, container backend"
    assert told.detail == ("no such table",)
    assert "last lines" in str(told.remedy)


def test_an_unheard_of_reason_still_comes_with_a_command() -> None:
    told = problem(Trouble(pod="p", container=None, reason="Novel", message=""), "quay")
    assert told.remedy == "kubectl describe pod p --namespace quay shows its events"
    assert told.why == "Novel"


@pytest.mark.parametrize(("status", "what"), [(1, "the update failed"), (-2, "the update did not finish")])
def test_an_update_that_fails_for_another_reason_than_its_pods_is_told_as_such(
    monorepo: Monorepo, status: int, what: str
) -> None:
    (told,) = failure.explain(
        session(monorepo.root, embedded=False), monorepo.load(), status, dt.datetime.now(dt.UTC)
    ).problems
    assert told.what == what
    assert told.remedy


def crashing(
    restarts: int, *, reason: str = "CrashLoopBackOff", created: str = "2026-01-01T00:00:10Z", message: str = ""
) -> dict[str, Any]:
    waiting_ = {"waiting": {"reason": reason, "message": message}}
    status = {"name": "c", "ready": False, "restartCount": restarts, "state": waiting_}
    return {
        "metadata": {"name": "p", "creationTimestamp": created},
        "status": {"phase": "Running", "containerStatuses": [status]},
    }


@pytest.mark.parametrize(
    ("pod", "seconds", "expected"),
    [
        (crashing(1), 300, False),
        (crashing(2), 20, True),
        (crashing(9, created="2025-12-31T23:00:00Z"), 60, False),
        (crashing(0, reason="ImagePullBackOff"), 20, False),
        (crashing(0, reason="ImagePullBackOff"), 60, True),
        (crashing(0, reason="ImagePullBackOff", message="registry/x: not found"), 21, True),
        (crashing(0, reason="ImagePullBackOff", message="registry/x: not found"), 19, False),
        (crashing(0, reason="ContainerCreating"), 300, False),
    ],
    ids=[
        "few crashes",
        "many crashes",
        "of an earlier update",
        "just refused",
        "refused for long",
        "an image that is not there",
        "an image that was just asked for",
        "on its way",
    ],
)
def test_a_pod_is_given_up_only_when_waiting_is_of_no_use(pod: dict[str, Any], seconds: int, expected: bool) -> None:
    since = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    assert hopeless(pod, since, since + dt.timedelta(seconds=seconds)) is expected


def test_causes_are_told_before_what_follows_from_them() -> None:
    troubles = [
        Trouble(pod=name, workload=name.partition("-")[0], container=None, reason="NotReady", message="")
        for name in ("backend-1", "frontend-1", "alien-1", "postgres-0", "worker-1", "backend-0")
    ]
    order = ["postgres", "redis", "backend", "worker", "frontend"]
    told = [one.pod for one in causes_first(troubles, order)]
    assert told == ["postgres-0", "backend-0", "backend-1", "worker-1", "frontend-1", "alien-1"]


def test_a_pods_workload_is_read_from_its_labels() -> None:
    given = pod(running(started=True))
    given["metadata"]["labels"] = {"app.kubernetes.io/name": "backend"}
    found = trouble(given)
    assert found is not None
    assert found.workload == "backend"
