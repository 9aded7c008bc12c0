"""Plain pods in a namespace of their own, many containers to a pod: for properties of what the node does with them."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moorage.components.labels import Labels, Role
from moorage.components.manifests.deployment import DeploymentParts, deployment
from moorage.config.merge import sized_resources
from moorage.config.service import Service
from tests.properties.batch import judge_together, under_the_name_of
from tests.properties.cluster import connected
from tests.support.stack import moorage, session_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import httpx

Manifest = dict[str, Any]

PATIENCE = 240.0
"""Seconds that a batch of pods may take on a machine that has other things to do."""


@dataclass(frozen=True)
class Node:
    """The platform's API server, and a namespace that goes with the test."""

    client: httpx.Client
    space: str

    def start(self, pods: Sequence[Manifest]) -> None:
        """Create pods."""
        for pod in pods:
            self.client.post(f"{self._pods}", json=pod).raise_for_status()

    def wait(self, done: Callable[[Manifest], bool], what: str) -> list[Manifest]:
        """Return all pods once ``done`` holds of each."""
        deadline = time.monotonic() + PATIENCE
        while True:
            found: list[Manifest] = self.client.get(self._pods).raise_for_status().json()["items"]
            if all(done(pod) for pod in found):
                return found
            left = [f"{pod['metadata']['name']}: {pod['status']}"[:1500] for pod in found if not done(pod)]
            assert time.monotonic() < deadline, f"not {what} after {PATIENCE:g} s:\n" + "\n".join(left)
            time.sleep(0.2)

    def log(self, pod: str, container: str) -> str:
        """Return what a container has printed."""
        return self.client.get(f"{self._pods}/{pod}/log", params={"container": container}).raise_for_status().text

    def clear(self) -> None:
        """Delete all pods at once and wait until they are gone."""
        self.client.request("DELETE", self._pods, json={"gracePeriodSeconds": 0}).raise_for_status()
        self.wait(lambda _: False, "gone")

    @property
    def _pods(self) -> str:
        return f"/api/v1/namespaces/{self.space}/pods"


@contextmanager
def node(name: str) -> Iterator[Node]:
    """Give a namespace on the platform, which is started where it does not run; the namespace goes at the end."""
    if moorage("platform", "status", check=False).returncode:
        moorage("platform", "start")
    space = f"{name}-{os.getpid()}"
    with connected(session_environment("dev"), "default") as cluster:
        client = cluster.client
        _forget_interrupted(client, name)
        client.post("/api/v1/namespaces", json={"metadata": {"name": space}}).raise_for_status()
        try:
            deadline = time.monotonic() + PATIENCE
            while not client.get(f"/api/v1/namespaces/{space}/serviceaccounts/default").is_success:
                assert time.monotonic() < deadline, "the namespace got no default account"
                time.sleep(0.1)
            yield Node(client, space)
        finally:
            client.delete(f"/api/v1/namespaces/{space}").raise_for_status()


def _forget_interrupted(client: httpx.Client, name: str) -> None:
    """Delete the namespaces of runs that were killed, by the process in their names."""
    for item in client.get("/api/v1/namespaces").raise_for_status().json()["items"]:
        space = item["metadata"]["name"]
        begin, _, process = space.rpartition("-")
        if begin == name and process.isdigit() and not Path(f"/proc/{process}").exists():
            client.delete(f"/api/v1/namespaces/{space}")


def pod(name: str, spec: Mapping[str, Any]) -> Manifest:
    """Return a pod that ends at once when it is deleted and has no token."""
    base = {"restartPolicy": "Never", "automountServiceAccountToken": False, "terminationGracePeriodSeconds": 0}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {**base, **spec}}


def container(image: str, *, cpu: str = "100m", memory: str = "64Mi") -> Manifest:
    """Return a container as the product makes a service's, of an image and with limits."""
    probe: Manifest = {"tcpSocket": {}}
    service = Service.model_validate(
        {
            "name": "sample",
            "kind": "web",
            "port": 8000,
            "startupProbe": probe,
            "livenessProbe": probe,
            "readinessProbe": {**probe, "periodSeconds": 5},
            "resources": {"requests": {"cpu": "1m", "memory": "1Mi"}, "limits": {"cpu": cpu, "memory": memory}},
        }
    )
    service = service.model_copy(update={"resources": sized_resources(service.resources, 1)})
    labels = Labels(application="sample", instance="sample-dev", name="sample", role=Role.WEB)
    parts = DeploymentParts(image=image, config_map="none", secret=None, pull_secrets=(), min_ready_seconds=0)
    found: Manifest
    (found,) = deployment(service, labels, parts)["spec"]["template"]["spec"]["containers"]
    return found


def run_together(run: Callable[[Sequence[Any]], Sequence[Any]]) -> Callable[[Callable[..., None]], Callable[[], None]]:
    """Make a Hypothesis test of `example` and its `outcome` one that runs all examples at once."""

    def decorate(test: Any) -> Callable[[], None]:
        def judge_all() -> None:
            judge_together(test, run)

        return under_the_name_of(test, judge_all)

    return decorate
