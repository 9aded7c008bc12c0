"""A container gets no more cpu than its limit, whatever it tries, and one that takes more memory than its limit is killed."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moorage.platform.addon_images import SEED_NAME, SEED_TAG
from moorage.platform.layout import Layout
from tests.properties.batch import BATCHED
from tests.properties.pods import Manifest, container, node, pod, run_together
from tests.support.quiet import quiet
from tests.support.stack import ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence

IMAGE = f"{Layout.of(ROOT).registry}/{SEED_NAME}:{SEED_TAG}"
MI = 2**20
PAGE = 4096
OWN_MEMORY = 12 * MI
"""More than the program below needs itself."""
PODS = 5
"""As many burn at the same time: in each pod one container after the other, so that two cores are enough for all."""
PERIOD = 0.1
"""Seconds for which the kernel hands out cpu."""
LOOSE = 0.02
"""Seconds of cpu by which a container may exceed its quota, once: each processor takes 5 ms of it at a time."""
PROGRAM = r"""
use strict; use warnings; use Fcntl qw(:flock); use POSIX ();
my ($memory, $seconds) = @ARGV;
sub now { (POSIX::times())[0] / POSIX::sysconf(POSIX::_SC_CLK_TCK()) }
sub used { POSIX::clock() / POSIX::CLOCKS_PER_SEC() }
sub text { open(my $file, '<', "/sys/fs/cgroup/$_[0]") or return ''; local $/; return <$file> }
my $unified = -e '/sys/fs/cgroup/cpu.max';
sub throttled { return text($unified ? 'cpu.stat' : 'cpu/cpu.stat') =~ /^nr_throttled (\d+)/m ? $1 : 0 }
my $quota = $unified ? text('cpu.max') : text('cpu/cpu.cfs_quota_us') . ' ' . text('cpu/cpu.cfs_period_us');
my $most = text($unified ? 'memory.max' : 'memory/memory.limit_in_bytes');

open(my $turn, '>', '/turn/taken') or die;
flock($turn, LOCK_EX) or die;
my ($began, $used, $before) = (now(), used(), throttled());
do { 1 for 1 .. 20000 } until now() - $began > $seconds or (now() - $began > .4 and throttled() - $before > 2);
my @seen = (now() - $began, used() - $used, throttled() - $before);
flock($turn, LOCK_UN);

open(my $report, '>', '/dev/termination-log') or die;
$report->autoflush(1);
print $report join(' ', @seen, split(' ', "$quota $most"));
my $taken = 'x' x $memory;
print $report ' ', length $taken;
"""
SECONDS_TO_BURN = 5
"""Where other processes leave a container too little cpu to ever be held back."""


@dataclass(frozen=True)
class Limits:
    """What a container may use, and how many bytes of memory it takes: fewer than fit beside it, or too many."""

    millicores: int
    memory: int
    takes: int

    @property
    def cores(self) -> float:
        return self.millicores / 1000

    @property
    def exceeds(self) -> bool:
        return self.takes >= self.memory


@st.composite
def limits(draw: st.DrawFn) -> Limits:
    """Any limits that a hundred containers can have on a small machine."""
    memory = draw(st.integers(24 * MI, 64 * MI))
    takes = draw(st.integers(0, memory - OWN_MEMORY) | st.integers(memory, memory + 32 * MI))
    return Limits(draw(st.integers(50, 300)), memory, takes)


@dataclass(frozen=True)
class Seen:
    """What a container reports of itself, and how it ended."""

    seconds: float
    used: float
    """Seconds of cpu."""
    throttled: int
    """Periods in which it was held back."""
    quota: int
    period: int
    """Both in microseconds."""
    memory: int
    """Bytes that the kernel lets it have."""
    taken: int | None
    """None where it did not live to tell."""
    status: int
    reason: str


def run(examples: Sequence[Limits]) -> list[Seen]:
    with quiet(), node("property-16") as here:
        here.start([_pod(index, examples) for index in range(PODS)])
        found = here.wait(lambda item: item["status"].get("phase") in {"Succeeded", "Failed"}, "ended")
    ended = {item["name"]: item["state"]["terminated"] for one in found for item in one["status"]["containerStatuses"]}
    return [_seen(ended[f"e{number}"]) for number in range(len(examples))]


def _pod(index: int, examples: Sequence[Limits]) -> Manifest:
    containers = [
        {
            "name": f"e{number}",
            "image": IMAGE,
            "command": ["perl", "-e", PROGRAM, str(examples[number].takes), str(SECONDS_TO_BURN)],
            "resources": container(IMAGE, cpu=f"{examples[number].millicores}m", memory=str(examples[number].memory))[
                "resources"
            ],
            "volumeMounts": [{"name": "turn", "mountPath": "/turn"}],
        }
        for number in range(index, len(examples), PODS)
    ]
    return pod(
        f"limits-{index}-{os.getpid()}", {"containers": containers, "volumes": [{"name": "turn", "emptyDir": {}}]}
    )


def _seen(ended: dict[str, Any]) -> Seen:
    words = ended.get("message", "").split()
    assert len(words) in {6, 7}, ended
    seconds, used, *numbers = words
    throttled, quota, period, memory, *taken = (int(number) for number in numbers)
    return Seen(
        float(seconds),
        float(used),
        throttled,
        quota,
        period,
        memory,
        taken[0] if taken else None,
        ended["exitCode"],
        ended["reason"],
    )


# Feature: optimized-container-infrastructure, Property 16: For any container with defined CPU or memory limits, the
# container runtime should enforce these limits and prevent resource usage beyond specified thresholds.
@pytest.mark.property_test
@run_together(run)
@settings(BATCHED, max_examples=100)
@given(example=limits())
def test_a_container_is_held_to_its_cpu_and_killed_where_it_takes_more_memory(example: Limits, outcome: Seen) -> None:
    assert outcome.quota / outcome.period == pytest.approx(example.cores)
    assert outcome.used <= example.cores * (outcome.seconds + 2 * PERIOD) + LOOSE
    assert outcome.throttled or outcome.used < example.cores * outcome.seconds
    assert outcome.memory == example.memory // PAGE * PAGE
    ended = (outcome.status, outcome.reason, outcome.taken)
    assert ended == ((137, "OOMKilled", None) if example.exceeds else (0, "Completed", example.takes))
