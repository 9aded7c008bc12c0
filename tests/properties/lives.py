"""Containers that are started again in every way that there is, in plain pods and in Deployments of the product."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx
from hypothesis import strategies as st

from moorage.components.labels import Labels, Role
from moorage.components.manifests.deployment import DeploymentParts, deployment
from moorage.config.service import Service
from tests.properties.pods import Manifest, pod
from tests.properties.watched import IMAGE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.properties.pods import Node

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


def plain_pod(index: int, group: Sequence[tuple[int, Life]]) -> Manifest:
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


def owned(number: int, one: Life) -> Manifest:
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


def configuration() -> list[Manifest]:
    return [
        {"apiVersion": "v1", "kind": kind, "metadata": {"name": f"{name}-{number}"}, "data": {}}
        for kind, name in (("ConfigMap", "settings"), ("Secret", "secret"))
        for number in (1, 2)
    ]


def apply(here: Node, things: Sequence[Manifest]) -> None:
    folders = {"Deployment": "/apis/apps/v1", "ConfigMap": "/api/v1", "Secret": "/api/v1"}
    for thing in things:
        path = f"{folders[thing['kind']]}/namespaces/{here.space}/{thing['kind'].lower()}s"
        here.client.post(path, json=thing).raise_for_status()


def change(here: Node, number: int, one: Life) -> None:
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


def number_of(name: str) -> int:
    return int(name[1:])
