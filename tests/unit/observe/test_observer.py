"""The watcher's other entries: limits, rollouts, pulls, and what is told only once."""

from __future__ import annotations

from typing import Any

import pytest

from moorage.observe.entry import FIELDS, LEVELS
from moorage.observe.observer import Observer
from tests.unit.observe_samples import START, at, deployment, event, moment, pod

Thing = dict[str, Any]


def measured(cpu: str, memory: str, time: float = 5) -> list[Thing]:
    """Return what metrics-server says of the sample pod."""
    containers = [{"name": "backend", "usage": {"cpu": cpu, "memory": memory}}]
    return [{"metadata": {"name": "backend-5f-x"}, "timestamp": at(time), "containers": containers}]


def watched(*, since: float = 0) -> Observer:
    """Return an observer that knows the sample pod."""
    observer = Observer(moment(since))
    list(observer.pod(pod(), moment(0)))
    return observer


@pytest.mark.parametrize(
    ("cpu", "memory", "expected"),
    [
        ("399m", "204Mi", []),
        ("400m", "10Mi", [("limit approached", "cpu", "400m", "500m", 80)]),
        ("10m", "205Mi", [("limit approached", "memory", "205Mi", "256Mi", 80)]),
        ("500m", "0", [("limit exceeded", "cpu", "500m", "500m", 100)]),
        (
            "450000000n",
            "262144Ki",
            [("limit approached", "cpu", "450m", "500m", 90), ("limit exceeded", "memory", "256Mi", "256Mi", 100)],
        ),
    ],
)
def test_a_limit_that_is_near_or_exceeded_is_told_with_usage_and_limit(
    cpu: str, memory: str, expected: list[tuple[Any, ...]]
) -> None:
    entries = [entry.as_dict() for entry in watched().usage(measured(cpu, memory), moment(6))]
    found = [tuple(one[key] for key in ("message", "resource", "usage", "limit", "share")) for one in entries]
    assert found == expected
    assert all((one["time"], one["level"]) == ("2026-11-29T03:00:05.000Z", "warning") for one in entries)


def test_a_limit_is_told_once_until_it_was_left_or_ten_minutes_have_passed() -> None:
    observer = watched()
    steps = [
        (0, "450m"),
        (15, "450m"),
        (30, "390m"),
        (45, "450m"),
        (600, "450m"),
        (615, "300m"),
        (630, "300m"),
        (645, "450m"),
    ]
    told = [[one.message for one in observer.usage(measured(cpu, "0"), moment(time))] for time, cpu in steps]
    assert told == [
        ["limit approached"],
        [],
        [],
        [],
        ["limit approached"],
        ["back within limit"],
        [],
        ["limit approached"],
    ]


def test_a_container_without_limits_or_figures_is_told_nothing_of() -> None:
    observer = Observer(START)
    list(observer.pod(pod(resources={}), moment(0)))
    assert list(observer.usage(measured("9", "9Gi"), moment(6))) == []
    assert list(watched().usage([{"metadata": {"name": "gone"}, "containers": []}], moment(6))) == []


def test_a_rollout_is_told_when_it_starts_and_when_it_is_complete() -> None:
    observer = Observer(START)
    states = [
        (deployment(1, complete=True, updated=-500), 0),
        (deployment(2, complete=False), 1),
        (deployment(2, complete=False), 2),
        (deployment(2, complete=True, updated=9), 9),
        (deployment(2, complete=False), 20),  # scaled, or a pod is not ready for a moment
        (deployment(3, complete=False), 30),
        (deployment(3, complete=False, reason="ProgressDeadlineExceeded"), 90),
    ]
    entries = [entry for state, time in states for entry in observer.deployment(state, moment(time))]
    assert [(one.message, one.fields["revision"]) for one in entries] == [
        ("deployment started", "2"),
        ("deployment complete", "2"),
        ("deployment started", "3"),
        ("deployment failed", "3"),
    ]
    assert entries[1].fields["seconds"] == 8
    assert entries[1].fields["images"] == ["i@sha256:2"]
    assert (entries[3].level, entries[3].fields["reason"]) == ("error", "has timed out progressing")


def test_pulls_schedules_and_readiness_are_told_with_their_times() -> None:
    observer, new = Observer(START), pod("backend-new", created=1)
    ready = {**new, "status": {**new["status"], "conditions": [_ready(at(4))]}}
    text = 'Successfully pulled image "registry/a@sha256:1" in 1.25s (2s including waiting). Image size: 3 bytes.'
    entries = [
        *observer.pod(new, moment(2)),
        *observer.event(event(new, "Pulled", text), moment(3)),
        *observer.event(event(new, "Pulled", 'Container image "x" already present on machine'), moment(3)),
        *observer.event(event(new, "Failed", 'Failed to pull image "x": not found'), moment(3)),
        *observer.event(event(new, "FailedScheduling", "0/1 nodes are available"), moment(3)),
        *observer.pod(ready, moment(4)),
        *observer.pod(ready, moment(5)),
    ]
    assert [(one.message, one.fields.get("seconds")) for one in entries] == [
        ("image pulled", 1.25),
        ("image pull failed", None),
        ("pod not scheduled", None),
        ("pod ready", 3.0),
    ]
    for one in entries:
        assert set(one.fields) <= set(FIELDS[one.message])
        assert one.level in LEVELS


def test_an_event_that_comes_before_its_pod_waits_for_it() -> None:
    observer, about = Observer(START), pod()
    failed = event(about, "Unhealthy", "Liveness probe failed: HTTP probe failed with statuscode: 500")
    assert list(observer.event(failed, moment(5))) == []
    assert [one.message for one in observer.pod(about, moment(6))] == ["health check failed"]


def test_an_event_is_told_each_time_that_it_is_counted_and_not_when_it_is_listed_again() -> None:
    observer, about = watched(), pod()
    text = "Liveness probe failed: HTTP probe failed with statuscode: 500"
    events = [
        event(about, "Unhealthy", text, time=time, count=count) for time, count in ((5, 1), (5, 1), (15, 2), (-9, 9))
    ]
    assert [len(list(observer.event(one, moment(20)))) for one in events] == [1, 0, 1, 0]


def _ready(time: str) -> Thing:
    return {"type": "Ready", "status": "True", "lastTransitionTime": time}
