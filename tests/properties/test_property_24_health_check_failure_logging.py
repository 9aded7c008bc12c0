"""Of each failed health check the watcher logs which check it was, what it asked, and why it failed; of others nothing."""

from __future__ import annotations

import datetime as dt
import re
import shlex
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moorage.observe.entry import CHECK_FAILED
from tests.properties.batch import BATCHED
from tests.properties.pods import Manifest, Node, node, pod, run_together
from tests.properties.watched import IMAGE, Watched, deadline, grouped, watching, well_formed

if TYPE_CHECKING:
    from collections.abc import Sequence

TOGETHER = 3
"""Containers of a pod. The kubelet reports 25 events of a pod at once, and the start of each container takes three."""
CHECKED = 2
"""Checks of each container that the kubelet has performed before it is judged."""
UP = 1
"""The port beside the service's own that is open once the process is up."""
REFUSED = "connection refused"
PROGRAM = r"""
use strict; use warnings; use IO::Socket::INET;
my ($way, $port, $status) = @ARGV;
sub listening { IO::Socket::INET->new(LocalPort => $_[0], Listen => 64, ReuseAddr => 1) or die "port $_[0]" }
my $server = $way eq 'refused' ? undef : listening($port);
my $up = listening($port + 1);
unless (fork) { while (my $caller = $up->accept) { close $caller } }
my @kept;
while (1) {
    my $caller = $server ? $server->accept : do { sleep 60; next };
    if ($way eq 'hang') { push @kept, $caller; next }
    my $asked = '';
    while ($asked !~ /\r\n\r\n/) { sysread($caller, $asked, 4096, length $asked) or last }
    syswrite($caller, "HTTP/1.1 $status Said\r\nContent-Length: 0\r\nConnection: close\r\n\r\n") if $way eq 'status';
    syswrite($caller, "what?\r\n\r\n") if $way eq 'garbage';
    close $caller;
}
"""


@dataclass(frozen=True, kw_only=True)
class Check:
    """One container's only check, and how it goes."""

    role: str
    """``startup``, ``liveness`` or ``readiness``."""
    kind: str
    """``http``, ``tcp`` or ``exec``."""
    way: str
    """What comes of it; `healthy` where that is well."""
    status: int
    path: str
    words: str
    port: int

    @property
    def healthy(self) -> bool:
        return self.way == "well" or ((self.kind, self.way) == ("http", "status") and self.status < 400)

    def command(self, port: int) -> list[str]:
        script = {
            "well": "exit 0",
            "status": f"echo {shlex.quote(self.words)}; exit {self.status % 255 + 1}",
            "hang": "exec sleep 60",
        }
        return (
            ["/no/such/program"] if self.way == "missing" else ["sh", "-c", script.get(self.way, "exit 0"), str(port)]
        )

    def expected(self, port: int) -> tuple[str, str, str]:
        """Return check, endpoint and reason as the watcher is to tell them."""
        asked = {
            "http": f"GET http://:{port}{self.path}",
            "tcp": f"tcp :{port}",
            "exec": f"exec {shlex.join(self.command(port))}",
        }[self.kind]
        said = " ".join(self.words.split())
        reasons = {
            "status": f"HTTP {self.status}",
            "refused": REFUSED,
            "hang": "no answer within 1 s",
            "closed": "connection closed without an answer",
            "garbage": "malformed HTTP answer",
            "missing": "the command could not be started: no such file or directory",
        }
        if self.kind == "exec" and self.way == "status":
            return self.role, asked, f"the command failed: {said}" if said else "the command failed"
        return self.role, asked, reasons[self.way]


WAYS = {
    "http": ("status", "status", "status", "refused", "hang", "closed", "garbage"),
    "tcp": ("well", "refused"),
    "exec": ("well", "status", "hang", "missing"),
}


@st.composite
def checks(draw: st.DrawFn) -> Check:
    """Any check of any kind, one in three of which succeeds."""
    kind = draw(st.sampled_from(sorted(WAYS)))
    healthy = draw(st.integers(0, 2)) == 0
    way = ("status" if kind == "http" else "well") if healthy else draw(st.sampled_from(WAYS[kind]))
    return Check(
        role=draw(st.sampled_from(["startup", "liveness", "readiness"])),
        kind=kind,
        way=way,
        status=draw(st.integers(200, 299) if healthy else st.integers(400, 599)),
        path=draw(st.from_regex(r"/([a-z0-9_-]{1,8}/?){0,3}", fullmatch=True)),
        words=draw(st.text("abc XYZ.,:-_'é", max_size=40)),
        port=draw(st.integers(1000, 6000)),
    )


@dataclass(frozen=True)
class Seen:
    """What was told of one container, and between which times."""

    told: list[dict[str, Any]]
    port: int
    space: str
    since: dt.datetime
    until: dt.datetime


def run(examples: Sequence[Check]) -> list[Seen]:
    numbered = [(number, _port(number, example), example) for number, example in enumerate(examples)]
    since = dt.datetime.now(dt.UTC)
    with node("property-24") as here, watching(here) as watched:
        here.start([_pod(index, group) for index, group in enumerate(grouped(numbered, TOGETHER))])
        _checked_often(here, examples)
        failing = [(number, example) for number, example in enumerate(examples) if not example.healthy]
        watched.settle(lambda: all(_told(watched, number) for number, _ in failing))
        until = dt.datetime.now(dt.UTC)
        return [Seen(_told(watched, number), port, here.space, since, until) for number, port, _ in numbered]


def _port(number: int, example: Check) -> int:
    """Return a port that no other container of the pod has."""
    return example.port * 10 + 2 * (number % TOGETHER)


def _name(number: int) -> str:
    return f"checks-{number // TOGETHER}"


def _told(watched: Watched, number: int) -> list[dict[str, Any]]:
    return watched.of(CHECK_FAILED, pod=_name(number), container=f"e{number}")


def _pod(index: int, group: Sequence[tuple[int, int, Check]]) -> Manifest:
    containers = [_container(*each) for each in group]
    return pod(f"checks-{index}", {"containers": containers, "restartPolicy": "Always"})


def _container(number: int, port: int, example: Check) -> Manifest:
    asked: dict[str, Manifest] = {
        "http": {"httpGet": {"path": example.path, "port": port}},
        "tcp": {"tcpSocket": {"port": port}},
        "exec": {"exec": {"command": example.command(port)}},
    }
    # Only what hangs is to run out of time, however busy the machine.
    probe = {
        **asked[example.kind],
        # The kubelet sends at most 50 events a second.
        "periodSeconds": 3,
        "timeoutSeconds": 1 if example.way == "hang" else 30,
        "failureThreshold": 10_000,
    }
    up = {"tcpSocket": {"port": port + UP}, "periodSeconds": 1, "failureThreshold": 10_000, "initialDelaySeconds": 1}
    program = example.way if example.kind != "exec" else "well"
    return {
        "name": f"e{number}",
        "image": IMAGE,
        "command": ["perl", "-e", PROGRAM, program, str(port), str(example.status)],
        "resources": {"requests": {"cpu": "1m", "memory": "4Mi"}, "limits": {"cpu": "1", "memory": "64Mi"}},
        **({} if example.role == "startup" else {"startupProbe": up}),
        f"{example.role}Probe": probe,
    }


def _checked_often(here: Node, examples: Sequence[Check]) -> None:
    """Wait until the kubelet counts several of each container's own check; a startup probe that succeeds is the last."""
    until = deadline()
    path = f"/api/v1/nodes/{_node_name(here)}/proxy/metrics/probes"
    counted = re.compile(
        rf'^prober_probe_total\{{container="e(\d+)",namespace="{here.space}".*probe_type="(\w+)".*\}} (\d+)',
        re.MULTILINE,
    )
    while True:
        found: dict[int, int] = {}
        for number, role, count in counted.findall(here.client.get(path).raise_for_status().text):
            if role.lower() == examples[int(number)].role:
                found[int(number)] = found.get(int(number), 0) + int(count)
        left = [
            number
            for number, example in enumerate(examples)
            if found.get(number, 0) < (1 if example.role == "startup" and example.healthy else CHECKED)
        ]
        if not left:
            return
        assert time.monotonic() < until, f"not checked: {left}"
        time.sleep(0.5)


def _node_name(here: Node) -> str:
    name: str = here.client.get("/api/v1/nodes").raise_for_status().json()["items"][0]["metadata"]["name"]
    return name


# Feature: optimized-container-infrastructure, Property 24: For any failed health check, the system should log detailed
# error information including the check type, endpoint, and failure reason.
@pytest.mark.property_test
@run_together(run)
@settings(BATCHED, max_examples=100)
@given(example=checks())
def test_a_failed_check_is_logged_with_its_kind_endpoint_and_reason_and_a_good_one_is_not(
    example: Check, outcome: Seen
) -> None:
    for told in outcome.told:
        well_formed(told, since=outcome.since, until=outcome.until, space=outcome.space)
    found = {(told["check"], told["endpoint"], told["reason"]) for told in outcome.told}
    # Before the process is up nothing answers; the startup probe is there to wait for that, and its failures are told.
    waited = {("startup", f"tcp :{outcome.port + UP}", REFUSED)}
    if example.role == "startup" and example.kind != "exec":
        _, asked, _ = example.expected(outcome.port) if not example.healthy else (*_asked(example, outcome.port), "")
        waited = {("startup", asked, REFUSED)}
    expected = set() if example.healthy else {example.expected(outcome.port)}
    assert expected <= found
    assert found - expected <= waited


def _asked(example: Check, port: int) -> tuple[str, str]:
    return example.role, f"GET http://:{port}{example.path}" if example.kind == "http" else f"tcp :{port}"
