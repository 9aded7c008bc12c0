"""What the platform asks its own API server: whether nodes, add-ons and APIs are ready, and to apply manifests."""

from __future__ import annotations

import datetime as dt
import ssl
import string
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from moorage.base.errors import MoorageError
from moorage.platform.layout import (
    API_PORT,
    CLUSTER_DOMAIN,
    CONTROLLER_NAMESPACE,
    DNS_ADDRESS,
    HTTP_NODE_PORT,
    HTTPS_NODE_PORT,
    NODE_ADDRESS,
    NODE_NAME,
    Layout,
)

if TYPE_CHECKING:
    from moorage.platform.pki import Pki

MANIFESTS = Path(__file__).parent / "manifests"
ADDON_NAMESPACES = ("kube-system", "local-path-storage", CONTROLLER_NAMESPACE)


class Cluster:
    """A client of the API server with the administrator's certificate."""

    def __init__(self, layout: Layout, pki: Pki) -> None:
        """Trust only the platform's own authority."""
        self.layout = layout
        self.pki = pki
        context = ssl.create_default_context(cafile=pki.certificate("ca"))
        context.load_cert_chain(pki.certificate("admin"), pki.key("admin"))
        self.client = httpx.Client(base_url=layout.api_url, verify=context, trust_env=False, timeout=5)

    def get(self, path: str) -> dict[str, Any] | None:
        """Return the object at ``path``, None where it or the server is not there."""
        try:
            response = self.client.get(path)
        except httpx.HTTPError:
            return None
        return response.json() if response.status_code == 200 else None

    def serving(self) -> bool:
        """Whether the API server answers, about a second before it is ready."""
        return self._answers("/version")

    def ready(self) -> bool:
        """Whether the API server says that it is ready: its own namespaces and roles are there."""
        return self._answers("/readyz")

    def _answers(self, path: str) -> bool:
        try:
            return self.client.get(path).status_code == 200
        except httpx.HTTPError:
            return False

    def node_ready(self, since: dt.datetime) -> bool:
        """Whether the node reported itself Ready after ``since``."""
        node = self.get(f"/api/v1/nodes/{NODE_NAME}")
        conditions = node["status"].get("conditions", []) if node else []
        return any(
            condition["type"] == "Ready"
            and condition["status"] == "True"
            and dt.datetime.fromisoformat(condition["lastHeartbeatTime"]) >= since
            for condition in conditions
        )

    def addons_waiting(self, since: dt.datetime) -> list[str]:
        """Return the add-ons that have no Ready pod whose containers started after ``since``."""
        waiting = []
        for namespace in ADDON_NAMESPACES:
            deployments = self.get(f"/apis/apps/v1/namespaces/{namespace}/deployments") or {"items": []}
            pods = self.get(f"/api/v1/namespaces/{namespace}/pods") or {"items": []}
            for deployment in deployments["items"]:
                labels = deployment["spec"]["selector"]["matchLabels"].items()
                own = [pod for pod in pods["items"] if labels <= pod["metadata"].get("labels", {}).items()]
                if not any(_ready_since(pod, since) for pod in own):
                    waiting.append(deployment["metadata"]["name"])
        if not self.get("/apis/metrics.k8s.io/v1beta1"):
            waiting.append("metrics API")
        return waiting

    def apply(self, references: dict[str, str]) -> None:
        """Apply the add-ons' manifests, server-side."""
        values = references | {
            "cluster_domain": CLUSTER_DOMAIN,
            "dns_address": DNS_ADDRESS,
            "node_address": NODE_ADDRESS,
            "api_port": str(API_PORT),
            "controller_namespace": CONTROLLER_NAMESPACE,
            "http_node_port": str(HTTP_NODE_PORT),
            "https_node_port": str(HTTPS_NODE_PORT),
            "volumes": str(self.layout.data / "volumes"),
            "ca": self.pki.text("ca.crt"),
            "metrics_certificate": self.pki.text("metrics-server.crt"),
            "metrics_key": self.pki.text("metrics-server.key"),
        }
        texts = [string.Template(path.read_text()).substitute(values) for path in sorted(MANIFESTS.glob("*.yaml"))]
        command = [
            str(self.layout.bin / "kubectl"),
            f"--kubeconfig={self.layout.kubeconfig}",
            "apply",
            "--server-side",
            "--force-conflicts",
            "--field-manager=moorage",
            "-f",
            "-",
        ]
        result = subprocess.run(command, input="\n---\n".join(texts), capture_output=True, text=True, check=False)
        if result.returncode:
            raise MoorageError.of(
                "the add-ons could not be applied",
                where="embedded platform",
                why="the API server refused a manifest",
                remedy="`moorage platform logs kube-apiserver` shows more; `moorage platform reset` starts from nothing",
                detail=result.stderr.strip().splitlines()[-8:],
            )


def _ready_since(pod: dict[str, Any], since: dt.datetime) -> bool:
    status = pod.get("status", {})
    ready = any(c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions", []))
    started = [
        container.get("state", {}).get("running", {}).get("startedAt")
        for container in status.get("containerStatuses", [])
    ]
    return ready and all(moment and dt.datetime.fromisoformat(moment) >= since for moment in started)
