"""What a test sees of the cluster: objects, the kubelet's count of its checks, and what each container reports."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

REPORT_PORT = 9999
"""The test server's own port, see server/server.py."""
_PROBE_COUNT = re.compile(r"^prober_probe_total\{(.*)\} ([0-9.e+]+)$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="([^"]*)"')


@dataclass(frozen=True, kw_only=True)
class Pod:
    """One pod that is not being deleted."""

    name: str
    uid: str
    service: str
    created: datetime
    ready_since: datetime | None
    """None while it is not Ready."""
    restarts: int
    image: str
    """With its digest."""
    report: Mapping[str, Any]
    """What its process told, see server/server.py; empty where it does not answer."""


@dataclass(frozen=True, kw_only=True)
class Checks:
    """How often the kubelet performed each probe of one pod, by the probe's name in the pod, since the pod started."""

    succeeded: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """Reads one namespace of the cluster through its API server."""

    client: httpx.Client
    namespace: str

    def pods(self) -> dict[str, list[Pod]]:
        """Return the pods that are not being deleted, by service."""
        found: dict[str, list[Pod]] = {}
        for item in self._get(f"/api/v1/namespaces/{self.namespace}/pods").json()["items"]:
            if "deletionTimestamp" not in item["metadata"]:
                pod = self._pod(item)
                found.setdefault(pod.service, []).append(pod)
        return found

    def generations(self) -> dict[str, int]:
        """Return how often each Deployment was changed, by service."""
        items = self._get(f"/apis/apps/v1/namespaces/{self.namespace}/deployments").json()["items"]
        return {item["metadata"]["labels"]["app.kubernetes.io/name"]: item["metadata"]["generation"] for item in items}

    def checks(self) -> dict[str, Checks]:
        """Return the kubelet's counts, by pod."""
        found: dict[str, Checks] = {}
        nodes = [item["metadata"]["name"] for item in self._get("/api/v1/nodes").json()["items"]]
        metrics = "\n".join(self._get(f"/api/v1/nodes/{node}/proxy/metrics/probes").text for node in nodes)
        for labels, count in _PROBE_COUNT.findall(metrics):
            label = dict(_LABEL.findall(labels))
            if label["namespace"] == self.namespace:
                checks = found.setdefault(label["pod"], Checks())
                counts = checks.succeeded if label["result"] == "successful" else checks.failed
                counts[f"{label['probe_type'].lower()}Probe"] = int(float(count))
        return found

    def _pod(self, item: Mapping[str, Any]) -> Pod:
        metadata, status = item["metadata"], item["status"]
        ready = [each for each in status.get("conditions", []) if each["type"] == "Ready" and each["status"] == "True"]
        return Pod(
            name=metadata["name"],
            uid=metadata["uid"],
            service=metadata["labels"]["app.kubernetes.io/name"],
            created=datetime.fromisoformat(metadata["creationTimestamp"]),
            ready_since=datetime.fromisoformat(ready[0]["lastTransitionTime"]) if ready else None,
            restarts=sum(each["restartCount"] for each in status.get("containerStatuses", [])),
            image=item["spec"]["containers"][0]["image"],
            report=self._report(metadata["name"]),
        )

    def _report(self, pod: str) -> Mapping[str, Any]:
        path = f"/api/v1/namespaces/{self.namespace}/pods/{pod}:{REPORT_PORT}/proxy/"
        answer = self.client.get(path)
        report: Mapping[str, Any] = answer.json() if answer.is_success else {}
        return report

    def _get(self, path: str) -> httpx.Response:
        return self.client.get(path).raise_for_status()


@contextmanager
def connected(environment: Mapping[str, str], namespace: str) -> Iterator[Cluster]:
    """Give access to a namespace with the credentials of `environment`."""
    command = ["kubectl", "proxy", "--port=0"]
    with subprocess.Popen(command, env=dict(environment), stdout=subprocess.PIPE, text=True) as proxy:
        try:
            assert proxy.stdout
            address = proxy.stdout.readline().rsplit(" ", 1)[-1].strip()
            with httpx.Client(base_url=f"http://{address}", trust_env=False, timeout=30) as client:
                yield Cluster(client=client, namespace=namespace)
        finally:
            proxy.terminate()
