"""Every restart is told once, with why: how the last run ended, or what took the pod's place."""

from __future__ import annotations

from typing import Any

import pytest

from moorage.observe.entry import NEVER, Entry
from moorage.observe.observer import Observer
from moorage.observe.restarts import REASONS, changed
from tests.unit.observe_samples import (
    START,
    at,
    deployment,
    ended,
    event,
    leaving,
    moment,
    owned,
    pod,
    replica_set,
    template,
)

Thing = dict[str, Any]


def told(observer: Observer, *pods: Thing, now: float = 20) -> list[Entry]:
    """Return the restarts that an observer tells of when it sees these pods one after the other."""
    found: list[Entry] = []
    for each in pods:
        found += observer.pod(each, moment(now))
    found += observer.tick(moment(now + 60))
    return [entry for entry in found if entry.message == "container restarted"]


@pytest.mark.parametrize(
    ("terminated", "announced", "reason", "signal"),
    [
        ({"exitCode": 3}, "", "crash", None),
        ({"exitCode": 139}, "", "crash", "SIGSEGV"),
        ({"exitCode": 137, "reason": "OOMKilled"}, "", "oom", "SIGKILL"),
        ({"exitCode": 0, "reason": "Completed"}, "", "completed", None),
        ({"exitCode": 137}, "failed liveness probe, will be restarted", "liveness", "SIGKILL"),
        # A program that ends itself when asked to is not "completed" for that.
        ({"exitCode": 0, "reason": "Completed"}, "failed startup probe, will be restarted", "startup", None),
        ({"exitCode": 143}, "definition changed, will be restarted", "image", "SIGTERM"),
        ({"exitCode": 137, "reason": "ContainerStatusUnknown"}, "", "unknown", "SIGKILL"),
    ],
)
def test_a_restart_in_place_is_told_with_its_reason(
    terminated: Thing, announced: str, reason: str, signal: str | None
) -> None:
    observer, before = Observer(START), pod()
    assert told(observer, before) == []
    if announced:
        list(observer.event(event(before, "Killing", f"Container backend {announced}", time=9), moment(9)))
    (entry,) = told(observer, ended(before, **terminated))
    said = entry.as_dict()
    assert (said["reason"], said["time"], said["exitCode"]) == (reason, at(10)[:-1] + ".000Z", terminated["exitCode"])
    assert said["restarts"] == 1
    assert reason in REASONS
    if reason != "unknown":
        assert said.get("signal") == signal


def test_a_restart_is_told_once_and_the_next_one_again() -> None:
    observer, before = Observer(START), pod()
    after = ended(before)
    assert len(told(observer, before, after, after, ended(before, restarts=2, finished=30))) == 2


def test_the_announcement_of_a_restart_may_come_after_it() -> None:
    observer, before = Observer(START), pod()
    found = [*observer.pod(before, moment(0)), *observer.pod(ended(before, exitCode=137), moment(11))]
    found += observer.tick(moment(12))
    assert found == []
    list(
        observer.event(event(before, "Killing", "Container backend failed liveness probe, will be", time=9), moment(12))
    )
    (entry,) = observer.tick(moment(12.5))
    assert entry.fields["reason"] == "liveness"


def test_the_announcement_of_an_earlier_restart_does_not_explain_a_later_one() -> None:
    observer, before = Observer(START), pod()
    list(
        observer.event(event(before, "Killing", "Container backend failed liveness probe, will be", time=9), moment(9))
    )
    first, second = told(observer, before, ended(before), ended(before, restarts=2, finished=90), now=91)
    assert (first.fields["reason"], second.fields["reason"]) == ("liveness", "crash")


def test_what_ended_before_the_watcher_began_is_not_told() -> None:
    assert told(Observer(START), ended(pod(), finished=-30)) == []
    assert len(told(Observer(NEVER), ended(pod(), finished=-30))) == 1


def test_an_oom_kill_also_says_which_limit_was_exceeded() -> None:
    observer, before = Observer(START), pod()
    list(observer.pod(before, moment(0)))
    entries = list(observer.pod(ended(before, exitCode=137, reason="OOMKilled"), moment(11)))
    exceeded = next(entry.as_dict() for entry in entries if entry.message == "limit exceeded")
    assert (exceeded["resource"], exceeded["limit"], exceeded["level"]) == ("memory", "256Mi", "error")


@pytest.mark.parametrize(
    ("changes", "reason", "detail"),
    [
        ({"image": "i:2"}, "image", "backend: i:2"),
        ({"image": "i:2", "settings": "config-2"}, "image", "backend: i:2; ConfigMap config-2"),
        ({"settings": "config-2"}, "config change", "ConfigMap config-2"),
        ({"secret": "secret-2"}, "config change", "Secret secret-2"),
        ({"env": {"PASSWORD": "hunter2"}}, "config change", "backend: variable PASSWORD"),
        ({"args": ["--verbose"]}, "config change", "backend: command line"),
        ({"annotations": {"checksum/config": "2"}}, "config change", "annotation checksum/config"),
        ({"annotations": {"kubectl.kubernetes.io/restartedAt": "now"}}, "manual", "rollout restart"),
        ({"cpu": "2"}, "spec change", "containers"),
        ({"annotations": {"note": "2"}}, "spec change", "labels or annotations of the pod"),
    ],
)
def test_a_rollout_is_a_restart_for_the_reason_that_changed_the_template(
    changes: Thing, reason: str, detail: str
) -> None:
    observer = Observer(START)
    list(observer.replica_set(replica_set("backend-1", 1, template())))
    list(observer.deployment(deployment(1, complete=True, updated=-500), moment(0)))
    assert told(observer, pod("backend-1-a", owner=owned("backend-1"))) == []
    list(observer.replica_set(replica_set("backend-2", 2, template(**changes))))
    list(observer.deployment(deployment(2, complete=False), moment(1)))
    new = pod("backend-2-a", owner=owned("backend-2"), created=5)
    (entry,) = told(observer, new, new)
    assert entry.fields == {
        "pod": "backend-2-a",
        "container": "backend",
        "reason": reason,
        "detail": detail,
        "replaces": "backend-1",
    }
    assert entry.time == moment(6)


def test_pods_that_come_by_scaling_are_no_restarts() -> None:
    observer = Observer(START)
    list(observer.replica_set(replica_set("backend-1", 1, template())))
    list(observer.replica_set(replica_set("backend-2", 2, template(image="i:2"))))
    list(observer.deployment(deployment(2, complete=True, updated=1), moment(1)))
    assert told(observer, pod("backend-2-b", owner=owned("backend-2"), created=300), now=302) == []


def test_the_pod_that_comes_for_one_deleted_by_hand_is_a_manual_restart() -> None:
    observer, old = Observer(START), pod("backend-1-a", owner=owned("backend-1"))
    list(observer.replica_set(replica_set("backend-1", 1, template())))
    list(observer.deployment(deployment(1, complete=True, updated=-500), moment(0)))
    new = pod("backend-1-b", owner=owned("backend-1"), created=10)
    (entry,) = told(observer, old, leaving(old, 10), new)
    assert (entry.fields["reason"], entry.fields["replaces"]) == ("manual", "backend-1-a")
    # A third pod that comes much later is there for the load.
    assert told(observer, pod("backend-1-c", owner=owned("backend-1"), created=200), now=201) == []


def test_a_pod_that_its_node_put_out_is_an_eviction() -> None:
    condition = {"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI"}
    observer, old = Observer(START), pod("backend-1-a", owner=owned("backend-1"))
    new = pod("backend-1-b", owner=owned("backend-1"), created=10)
    (entry,) = told(observer, old, leaving(old, 10, conditions=[condition]), new)
    assert (entry.fields["reason"], entry.fields["detail"]) == ("eviction", "EvictionByEvictionAPI")


@pytest.mark.parametrize(
    ("revision", "image", "reason"), [("1", "registry/backend@sha256:1", "manual"), ("2", "i:2", "image")]
)
def test_a_stateful_pod_keeps_its_name_and_is_told_all_the_same(revision: str, image: str, reason: str) -> None:
    owner: Thing = {"kind": "StatefulSet", "uid": "uid-redis", "name": "redis", "controller": True}
    observer, old = Observer(START), pod("redis-0", owner=owner)
    new = pod("redis-0", owner=owner, created=40, image=image)
    old["metadata"]["labels"]["controller-revision-hash"] = "1"
    new["metadata"] |= {"uid": "another", "labels": {"controller-revision-hash": revision}}
    (entry,) = told(observer, old, leaving(old, 10), new, now=42)
    assert entry.fields["reason"] == reason


def test_no_value_of_a_variable_is_told() -> None:
    cause = changed(template(env={"PASSWORD": "old-secret"}), template(env={"PASSWORD": "new-secret"}))
    assert "secret" not in f"{cause}"
