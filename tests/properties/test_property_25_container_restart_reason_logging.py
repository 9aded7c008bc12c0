"""Each restart is logged once, with its reason and its time: how the last run ended, or what took the pod's place."""

from __future__ import annotations

import datetime as dt
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings

from moorage.observe.entry import RESTARTED
from tests.properties.batch import BATCHED
from tests.properties.lives import TOGETHER, Life, apply, change, configuration, lives, number_of, owned, plain_pod
from tests.properties.pods import Manifest, Node, node, run_together
from tests.properties.watched import Watched, grouped, watching, well_formed

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Seen:
    """What was told of a container, how often the cluster started it again, and when."""

    told: list[dict[str, Any]]
    restarts: int
    times: set[str]
    """When its last run ended, or when its new pods' containers started."""
    since: dt.datetime
    until: dt.datetime
    space: str


def run(examples: Sequence[Life]) -> list[Seen]:
    since = dt.datetime.now(dt.UTC)
    plain = [(number, one) for number, one in enumerate(examples) if not one.replaced]
    replaced = [(number, one) for number, one in enumerate(examples) if one.replaced]
    with node("property-25") as here, watching(here) as watched:
        apply(here, [*configuration(), *(owned(number, one) for number, one in replaced)])
        here.start([plain_pod(index, group) for index, group in enumerate(grouped(plain, TOGETHER))])
        here.wait(_ready(examples), "ready")
        before = {item["metadata"]["name"] for item in here.wait(lambda _: True, "there")}
        for number, one in replaced:
            change(here, number, one)
        _rolled_out(here, examples, before)
        watched.settle(lambda: all(_told(watched, number) for number, one in enumerate(examples) if one.expected))
        items = here.wait(lambda _: True, "there")
        until = dt.datetime.now(dt.UTC)
        return [
            Seen(_told(watched, number), *_restarts(number, items, before), since, until, here.space)
            for number in range(len(examples))
        ]


def _told(watched: Watched, number: int) -> list[dict[str, Any]]:
    return [one for one in watched.told if one["message"] == RESTARTED and one.get("container") == f"e{number}"]


def _ready(examples: Sequence[Life]) -> Any:
    """Return whether a pod's containers all run, those of plain pods for the second time where they end."""

    def done(item: Manifest) -> bool:
        statuses = item["status"].get("containerStatuses", [])
        return bool(statuses) and all(
            one["ready"]
            and (
                examples[number_of(one["name"])].replaced
                or one["restartCount"] > 0
                or examples[number_of(one["name"])].way == "none"
            )
            for one in statuses
        )

    return done


def _rolled_out(here: Node, examples: Sequence[Life], before: set[str]) -> None:
    """Wait until each Deployment has only the pods that it should have now."""
    again = [number for number, one in enumerate(examples) if one.replaced]

    def done(item: Manifest) -> bool:
        number = number_of(_service(item))
        if number < 0:
            return True
        ready = all(one["ready"] for one in item["status"].get("containerStatuses", [{"ready": False}]))
        old = item["metadata"]["name"] in before and examples[number].way != "scale"
        return ready and not old and "deletionTimestamp" not in item["metadata"]

    while True:
        items = here.wait(done, "rolled out")
        names = [_service(item) for item in items]
        wanted = {number: 2 if examples[number].way == "scale" else 1 for number in again}
        if all(names.count(f"e{number}") == count for number, count in wanted.items()):
            return


def _service(item: Manifest) -> str:
    """Return the name of the Deployment that a pod belongs to; ``e-1`` for a plain pod."""
    name: str = item["metadata"].get("labels", {}).get("app.kubernetes.io/name", "e-1")
    return name


def _restarts(number: int, items: Sequence[Manifest], before: set[str]) -> tuple[int, set[str]]:
    """Return how often a container was started again as the cluster has it, and when."""
    count, times = 0, set()
    for item in items:
        for one in item["status"]["containerStatuses"]:
            if one["name"] != f"e{number}":
                continue
            count += one["restartCount"]
            if last := one.get("lastState", {}).get("terminated"):
                times.add(last["finishedAt"])
            elif item["metadata"]["name"] not in before:
                count += 1
                times.add(one["state"]["running"]["startedAt"])
    return count, times


# Feature: optimized-container-infrastructure, Property 25: For any container restart event, the system should log the
# restart reason (crash, OOM, manual, config change) with timestamp.
@pytest.mark.property_test
@run_together(run)
@settings(BATCHED, max_examples=100)
@given(example=lives())
def test_each_restart_is_logged_once_with_its_reason_and_its_time(example: Life, outcome: Seen) -> None:
    for told in outcome.told:
        well_formed(told, since=outcome.since, until=outcome.until, space=outcome.space)
        assert "secret-blue" not in f"{told}"
    if example.expected is None:
        assert outcome.told == []
        return
    assert len(outcome.told) == outcome.restarts
    first, last = outcome.told[0], outcome.told[-1]
    assert first["reason"] == example.expected
    assert last["time"].replace(".000Z", "Z") in outcome.times
    if example.way == "exit":
        number = example.code - 128
        name = signal.Signals(number).name if number in set(signal.Signals) else None
        assert (first["exitCode"], first.get("signal")) == (example.code, name)
    elif not example.replaced:
        assert first["exitCode"] == (137 if example.way == "memory" else example.code)
    else:
        assert first["replaces"].startswith(f"e{number_of(first['container'])}-")
