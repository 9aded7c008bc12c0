"""Each restart is logged once, with its reason and its time: how the last run ended, or what took the pod's place."""

from __future__ import annotations

import copy
import datetime as dt
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.labels import Labels, Role
from components.manifests.deployment import DeploymentParts, deployment
from moorage.config.service import Service
from moorage.observe.entry import RESTARTED
from tests.properties.batch import BATCHED
from tests.properties.pods import Manifest, Node, node, pod, run_together
from tests.properties.watched import IMAGE, Watched, grouped, watching, well_formed

if TYPE_CHECKING:
    from collections.abc import Sequence

TOGETHER = 2
"""Containers of a pod: the kubelet reports 25 events of a pod at once, and a container that starts twice takes ten."""
MI = 2**20
IN_PLACE = ("exit", "exit", "exit", "done", "memory", "liveness", "startup", "none")
REPLACED = ("settings", "secret", "variable", "image", "restart", "delete", "resources", "scale")
PROGRAM = r"""
use strict; use warnings; use IO::Socket::INET;
my ($way, $mark, $code, $port) = @ARGV;
$SIG{TERM} = sub { exit $code };
my $again = -e "/marks/$mark" || $way eq 'none';
open(my $file, '>', "/marks/$mark") or die; close $file;
if (!$again) {
    exit $code if $way eq 'exit' or $way eq 'done';
    if ($way eq 'memory') { my @taken; push @taken, 'x' x 1048576 while 1 }
    sleep 60 while 1;
}
my $server = IO::Socket::INET->new(LocalPort => $port, Listen => 64, ReuseAddr => 1) or die;
while (1) { my $caller = $server->accept or next; close $caller }
"""


@dataclass(frozen=True, kw_only=True)
class Life:
    """What happens to one container."""

    way: str
    """One of `IN_PLACE` or `REPLACED`."""
    code: int
    """What it ends with, where it ends by itself or is asked to."""
    limit: int
    """Of memory, in bytes."""

    @property
    def replaced(self) -> bool:
        return self.way in REPLACED

    @property
    def expected(self) -> str | None:
        """The reason; None where nothing is to be told."""
        return {
            "exit": "crash",
            "done": "completed",
            "memory": "oom",
            "liveness": "liveness",
            "startup": "startup",
            "settings": "config change",
            "secret": "config change",
            "variable": "config change",
            "image": "image",
            "restart": "manual",
            "delete": "manual",
            "resources": "spec change",
        }.get(self.way)


@st.composite
def lives(draw: st.DrawFn) -> Life:
    """Any way to be started again, or not; more of those within a pod, which cost less."""
    way = draw(st.sampled_from(IN_PLACE) | st.sampled_from(IN_PLACE) | st.sampled_from(REPLACED))
    code = 0 if way == "done" else draw(st.integers(1, 255)) if way == "exit" else draw(st.integers(0, 255))
    return Life(way=way, code=code, limit=draw(st.integers(32, 64)) * MI)


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
    owned = [(number, one) for number, one in enumerate(examples) if one.replaced]
    with node("property-25") as here, watching(here) as watched:
        _apply(here, [*_settings(), *(_deployment(number, one) for number, one in owned)])
        here.start([_pod(index, group) for index, group in enumerate(grouped(plain, TOGETHER))])
        here.wait(_ready(examples), "ready")
        before = {item["metadata"]["name"] for item in here.wait(lambda _: True, "there")}
        for number, one in owned:
            _change(here, number, one)
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


def _pod(index: int, group: Sequence[tuple[int, Life]]) -> Manifest:
    containers = [_container(number, one, 7000 + place) for place, (number, one) in enumerate(group)]
    volumes = [{"name": "marks", "emptyDir": {}}]
    return pod(f"lives-{index}", {"containers": containers, "volumes": volumes, "restartPolicy": "Always"})


def _container(number: int, one: Life, port: int) -> Manifest:
    # A second run answers within these, the first one never.
    probe = {"tcpSocket": {"port": port}, "periodSeconds": 1, "timeoutSeconds": 1, "initialDelaySeconds": 3}
    probes = {f"{one.way}Probe": {**probe, "failureThreshold": 3}} if one.way in ("liveness", "startup") else {}
    return {
        "name": f"e{number}",
        "image": IMAGE,
        "command": ["perl", "-e", PROGRAM, one.way, f"e{number}", str(one.code), str(port)],
        "resources": {"requests": {"cpu": "1m", "memory": "4Mi"}, "limits": {"cpu": "1", "memory": str(one.limit)}},
        "volumeMounts": [{"name": "marks", "mountPath": "/marks"}],
        "readinessProbe": {"tcpSocket": {"port": port}, "periodSeconds": 1, "failureThreshold": 60},
        **probes,
    }


def _deployment(number: int, one: Life) -> Manifest:
    """Return a Deployment as the product makes a service's, around the same program."""
    probe: Manifest = {"tcpSocket": {}, "periodSeconds": 1, "failureThreshold": 60}
    service = Service.model_validate(
        {
            "name": f"e{number}",
            "kind": "web",
            "port": 7000,
            "command": ["perl", "-e", PROGRAM, "none", "mark", str(one.code)],
            "args": ["7000"],
            "startupProbe": probe,
            "livenessProbe": probe,
            "readinessProbe": probe,
            "resources": {"requests": {"cpu": "1m", "memory": "4Mi"}, "limits": {"cpu": "1", "memory": str(one.limit)}},
            "writablePaths": ["/marks"],
            "preStopSleepSeconds": 0,
            "terminationGracePeriodSeconds": 1,
        }
    )
    labels = Labels(application="lives", instance="lives-dev", name=f"e{number}", role=Role.WEB)
    made = deployment(service, labels, DeploymentParts(image=IMAGE, config_map="settings-1", secret="secret-1"))
    made["spec"]["template"]["spec"]["serviceAccountName"] = "default"
    return made


def _settings() -> list[Manifest]:
    return [
        {"apiVersion": "v1", "kind": kind, "metadata": {"name": f"{name}-{number}"}, "data": {}}
        for kind, name in (("ConfigMap", "settings"), ("Secret", "secret"))
        for number in (1, 2)
    ]


def _apply(here: Node, things: Sequence[Manifest]) -> None:
    folders = {"Deployment": "/apis/apps/v1", "ConfigMap": "/api/v1", "Secret": "/api/v1"}
    for thing in things:
        path = f"{folders[thing['kind']]}/namespaces/{here.space}/{thing['kind'].lower()}s"
        here.client.post(path, json=thing).raise_for_status()


def _change(here: Node, number: int, one: Life) -> None:
    """Do to a Deployment or its pod what the example says."""
    path = f"/apis/apps/v1/namespaces/{here.space}/deployments/e{number}"
    if one.way == "delete":
        selector = {"labelSelector": f"app.kubernetes.io/name=e{number}"}
        here.client.delete(f"/api/v1/namespaces/{here.space}/pods", params=selector).raise_for_status()
        return
    made = here.client.get(path).raise_for_status().json()
    changed = copy.deepcopy(made)
    template = changed["spec"]["template"]
    (container,) = template["spec"]["containers"]
    if one.way == "settings":
        container["envFrom"][0]["configMapRef"]["name"] = "settings-2"
    elif one.way == "secret":
        next(each for each in template["spec"]["volumes"] if "secret" in each)["secret"]["secretName"] = "secret-2"
    elif one.way == "variable":
        container["env"] = [{"name": "COLOUR", "value": "secret-blue"}]
    elif one.way == "image":
        container["image"] = container["image"].replace(IMAGE, f"{IMAGE.rpartition(':')[0]}@{_digest()}")
    elif one.way == "restart":
        template["metadata"]["annotations"] = {"kubectl.kubernetes.io/restartedAt": "2026-11-29T00:00:00Z"}
    elif one.way == "resources":
        container["resources"]["requests"]["cpu"] = "2m"
    elif one.way == "scale":
        changed["spec"]["replicas"] = 2
    here.client.put(path, json=changed).raise_for_status()


def _digest() -> str:
    registry, _, name = IMAGE.partition("/")
    repository, _, tag = name.rpartition(":")
    accept = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json"
    accept += ", application/vnd.docker.distribution.manifest.v2+json"
    url = f"http://{registry}/v2/{repository}/manifests/{tag}"
    found = httpx.head(url, headers={"Accept": accept}, trust_env=False).raise_for_status()
    digest: str = found.headers["Docker-Content-Digest"]
    return digest


def _number(name: str) -> int:
    return int(name[1:])


def _ready(examples: Sequence[Life]) -> Any:
    """Return whether a pod's containers all run, those of plain pods for the second time where they end."""

    def done(item: Manifest) -> bool:
        statuses = item["status"].get("containerStatuses", [])
        return bool(statuses) and all(
            one["ready"]
            and (
                examples[_number(one["name"])].replaced
                or one["restartCount"] > 0
                or examples[_number(one["name"])].way == "none"
            )
            for one in statuses
        )

    return done


def _rolled_out(here: Node, examples: Sequence[Life], before: set[str]) -> None:
    """Wait until each Deployment has only the pods that it should have now."""
    again = [number for number, one in enumerate(examples) if one.replaced]

    def done(item: Manifest) -> bool:
        number = _number(_service(item))
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
        assert first["replaces"].startswith(f"e{_number(first['container'])}-")
