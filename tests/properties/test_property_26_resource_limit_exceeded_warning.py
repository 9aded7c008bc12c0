"""Of a container that comes near a limit or exceeds it the watcher warns, with usage and limit; of others it does not."""

from __future__ import annotations

import datetime as dt
import re
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moorage.base.quantity import parse_quantity
from moorage.observe.entry import LIMIT_APPROACHED, LIMIT_EXCEEDED
from tests.properties.batch import BATCHED
from tests.properties.pods import Manifest, Node, container, node, pod, run_together
from tests.properties.watched import IMAGE, Watched, deadline, grouped, watching, well_formed

if TYPE_CHECKING:
    from collections.abc import Sequence

TOGETHER = 10
MI = 2**20
NEAR = 0.8
"""The share that is near, as the specification has it: high resource usage is more than 80 %."""
LOW, HIGH = 0.7, 0.88
"""What the sampling of cpu cannot tell from 80 % lies between these."""
METRICS = "/apis/metrics.k8s.io/v1beta1/namespaces/{}/pods"
PROGRAM = r"""
use strict; use warnings; use POSIX ();
my ($mark, $memory, $cpu) = @ARGV;
if (-e "/marks/$mark") { sleep 60 while 1 }
open(my $file, '>', "/marks/$mark") or die; close $file;
my $unified = -e '/sys/fs/cgroup/memory.current';
my $folder = $unified ? '/sys/fs/cgroup' : '/sys/fs/cgroup/memory';
sub text { open(my $file, '<', "$folder/$_[0]") or die; local $/; return <$file> }
sub held {
    my ($inactive) = text('memory.stat') =~ ($unified ? qr/^inactive_file (\d+)/m : qr/^total_inactive_file (\d+)/m);
    return text($unified ? 'memory.current' : 'memory.usage_in_bytes') - $inactive;
}
my @taken;
while (held() < $memory) { push @taken, 'x' x 262144 }
sub now { (POSIX::times())[0] / POSIX::sysconf(POSIX::_SC_CLK_TCK()) }
sub used { POSIX::clock() / POSIX::CLOCKS_PER_SEC() }
my ($began, $used) = (now(), used());
while (1) {
    if (used() - $used >= $cpu * (now() - $began)) { select(undef, undef, undef, 0.05); next }
    do { 1 for 1 .. 500 };
}
"""


@dataclass(frozen=True)
class Load:
    """A container's limits, and the share of each that it uses; more than 1 of memory cannot be had."""

    millicores: int
    memory: int
    cpu_share: float
    memory_share: float


@st.composite
def loads(draw: st.DrawFn) -> Load:
    """Any load, near the limits as often as far from them; one in six takes more memory than it may."""
    cpu = draw(st.floats(0.05, 0.6) | st.just(2.0))
    memory = draw(st.sampled_from(["low", "low", "low", "near", "near", "beyond"]))
    share = {"low": st.floats(0.3, 0.6), "near": st.floats(0.9, 0.95), "beyond": st.floats(1.2, 1.5)}[memory]
    return Load(draw(st.integers(10, 20)), draw(st.integers(32, 64)) * MI, cpu, draw(share))


@dataclass
class Seen:
    """What was told of a container, what metrics-server said of it, and how its last run ended."""

    told: list[dict[str, Any]]
    since: dt.datetime
    until: dt.datetime
    space: str
    killed: bool
    usages: dict[str, list[float]] = field(default_factory=lambda: {"cpu": [], "memory": []})
    """Each usage that was measured, by resource; in cores and bytes."""


def run(examples: Sequence[Load]) -> list[Seen]:
    since = dt.datetime.now(dt.UTC)
    with node("property-26") as here, watching(here) as watched, Sampler(here, len(examples)) as sampler:
        here.start([_pod(index, group) for index, group in enumerate(grouped([*enumerate(examples)], TOGETHER))])
        here.wait(lambda item: _settled(item, examples), "loaded")
        _measured(sampler, watched, examples)
        warned = [number for number, one in enumerate(examples) if one.memory_share > NEAR]
        watched.settle(lambda: all(_told(watched, number) for number in warned))
        ended = here.wait(lambda _: True, "there")
        until = dt.datetime.now(dt.UTC)
        statuses = {each["name"]: each for item in ended for each in item["status"]["containerStatuses"]}
        return [
            Seen(
                _told(watched, number),
                since,
                until,
                here.space,
                _killed(statuses[f"e{number}"]),
                sampler.usages[number],
            )
            for number in range(len(examples))
        ]


class Sampler:
    """Reads what metrics-server has of each container from the first on, as the watcher does."""

    def __init__(self, here: Node, count: int) -> None:
        self._here, self._count = here, count
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._times: dict[int, set[str]] = {number: set() for number in range(count)}
        self.usages: list[dict[str, list[float]]] = [{"cpu": [], "memory": []} for _ in range(count)]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def twice(self) -> bool:
        """Whether every container was measured twice."""
        return min(map(len, self._times.values())) >= 2

    def _run(self) -> None:
        while not self._over.wait(0.5):
            items = self._here.client.get(METRICS.format(self._here.space)).raise_for_status().json()["items"]
            for item in items:
                for one in item["containers"]:
                    number = int(one["name"][1:])
                    if item["timestamp"] not in self._times[number]:
                        for resource, values in self.usages[number].items():
                            values.append(float(parse_quantity(one["usage"][resource]) or 0))
                        self._times[number].add(item["timestamp"])


def _pod(index: int, group: Sequence[tuple[int, Load]]) -> Manifest:
    containers = [
        {
            "name": f"e{number}",
            "image": IMAGE,
            "command": [
                "perl",
                "-e",
                PROGRAM,
                f"e{number}",
                str(int(example.memory * example.memory_share)),
                str(example.cpu_share * example.millicores / 1000),
            ],
            "resources": container(IMAGE, cpu=f"{example.millicores}m", memory=str(example.memory))["resources"]
            | {"requests": {"cpu": f"{example.millicores}m", "memory": "1Mi"}},
            "volumeMounts": [{"name": "marks", "mountPath": "/marks"}],
        }
        for number, example in group
    ]
    volumes = [{"name": "marks", "emptyDir": {}}]
    return pod(f"loads-{index}", {"containers": containers, "volumes": volumes, "restartPolicy": "Always"})


def _told(watched: Watched, number: int) -> list[dict[str, Any]]:
    name = {"pod": f"loads-{number // TOGETHER}", "container": f"e{number}"}
    return [one for message in (LIMIT_APPROACHED, LIMIT_EXCEEDED) for one in watched.of(message, **name)]


def _killed(status: Manifest) -> bool:
    return (status.get("lastState", {}).get("terminated") or {}).get("reason") == "OOMKilled"


def _settled(item: Manifest, examples: Sequence[Load]) -> bool:
    """Whether all containers run, after having been killed where they take too much."""
    statuses = item["status"].get("containerStatuses", [])
    return bool(statuses) and all(
        "running" in one["state"] and (_killed(one) or examples[int(one["name"][1:])].memory_share <= 1)
        for one in statuses
    )


def _measured(sampler: Sampler, watched: Watched, examples: Sequence[Load]) -> None:
    """Wait until every container was measured twice, and until the watcher offers the newest figure of each."""
    until = deadline()
    while not (sampler.twice() and _offered(watched, examples, sampler.usages)):
        assert time.monotonic() < until, f"measured: {sampler.usages}"
        time.sleep(0.5)


def _offered(watched: Watched, examples: Sequence[Load], found: Sequence[dict[str, list[float]]]) -> bool:
    """Whether the watcher's gauges are the newest figures."""
    gauge = re.compile(
        r'^moorage_container_limit_share\{pod="[^"]+",container="e(\d+)",resource="memory"\} ([\d.]+)', re.MULTILINE
    )
    shares = {int(number): float(share) for number, share in gauge.findall(watched.figures())}
    return all(
        abs(shares.get(number, -1) - found[number]["memory"][-1] / one.memory) < 0.001
        for number, one in enumerate(examples)
    )


# Feature: optimized-container-infrastructure, Property 26: For any resource usage approaching or exceeding defined
# limits, the system should emit warning logs or metrics.
@pytest.mark.property_test
@run_together(run)
@settings(BATCHED, max_examples=100)
@given(example=loads())
def test_a_limit_that_is_near_or_exceeded_is_warned_of_and_no_other(example: Load, outcome: Seen) -> None:
    assert outcome.killed == (example.memory_share > 1)
    limits = {"cpu": example.millicores / 1000, "memory": float(example.memory)}
    for told in outcome.told:
        well_formed(told, since=outcome.since, until=outcome.until, space=outcome.space)
        assert told["level"] in ("warning", "error")
        assert float(parse_quantity(told["limit"]) or 0) == limits[told["resource"]]
    warned = {told["resource"] for told in outcome.told}
    if outcome.killed:
        assert [told["resource"] for told in outcome.told if told["level"] == "error"] == ["memory"]
    else:
        assert ("memory" in warned) == (example.memory_share > NEAR)
    # Of cpu a container gets what the machine has left: what it was measured to use is what counts.
    measured = max(outcome.usages["cpu"]) / limits["cpu"]
    if measured >= HIGH:
        assert "cpu" in warned
    if measured <= LOW:
        assert "cpu" not in warned
    for told in outcome.told:
        if "usage" in told:
            usage = float(parse_quantity(told["usage"]) or 0)
            seen = outcome.usages[told["resource"]]
            assert min(abs(usage - one) for one in seen) <= 0.02 * limits[told["resource"]] + 0.001
            assert told["share"] == pytest.approx(100 * usage / limits[told["resource"]], abs=6)
