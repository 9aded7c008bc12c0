"""The real API server's opinion of a pod: a dry run in a namespace that enforces a Pod Security Standard."""

from __future__ import annotations

import base64
import json
import ssl
import tempfile
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httpx
import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

ENDPOINT: Final = Path(__file__).parents[2] / ".moorage" / "platform" / "endpoint.json"
_LABEL: Final = "pod-security.kubernetes.io/enforce"


class ApiServer:
    """The embedded platform's API server, spoken to in plain JSON: a client library would check pods on its own."""

    def __init__(self) -> None:
        endpoint = json.loads(ENDPOINT.read_text(encoding="utf-8"))
        settings = yaml.safe_load(Path(endpoint["kubeconfig"]).read_text(encoding="utf-8"))
        cluster, user = settings["clusters"][0]["cluster"], settings["users"][0]["user"]
        with tempfile.TemporaryDirectory() as folder:
            certificate = Path(folder) / "client.pem"
            parts = [base64.b64decode(user[f"client-{part}-data"]) for part in ("certificate", "key")]
            certificate.write_bytes(b"\n".join(parts))
            context = ssl.create_default_context(
                cadata=base64.b64decode(cluster["certificate-authority-data"]).decode()
            )
            context.load_cert_chain(certificate)
        self._http = httpx.Client(base_url=cluster["server"], verify=context, timeout=10, trust_env=False)

    def answers(self) -> bool:
        """Tell whether it is ready, within two seconds."""
        return self._http.get("/readyz", timeout=2).is_success

    def discovery(self) -> Iterator[dict[str, Any]]:
        """Yield what the server says that it serves: the core group and all others."""
        kind = {"Accept": "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"}
        for path in ("/api", "/apis"):
            yield self._http.get(path, headers=kind).raise_for_status().json()

    @contextmanager
    def namespace(self, level: str) -> Iterator[str]:
        """Make a namespace that enforces ``level``, and remove it at the end."""
        name = f"policy-{level}-{uuid.uuid4().hex[:8]}"
        self._http.post(
            "/api/v1/namespaces", json={"metadata": {"name": name, "labels": {_LABEL: level}}}
        ).raise_for_status()
        try:
            account = {"metadata": {"name": "oracle"}}
            self._http.post(f"/api/v1/namespaces/{name}/serviceaccounts", json=account).raise_for_status()
            yield name
        finally:
            self._http.delete(f"/api/v1/namespaces/{name}").raise_for_status()

    def verdict(self, where: str, pod: dict[str, Any]) -> str:
        """Return ``forbidden`` where Pod Security refuses the pod, ``allowed``, or the other reason of a refusal."""
        # Kubernetes' own tests call their fixtures what no pod may be called.
        metadata = {**pod["metadata"], "name": "pod"}
        # A priority class is the cluster's, and Pod Security has nothing to say of it.
        spec = {name: value for name, value in pod["spec"].items() if name != "priorityClassName"}
        body = {**pod, "metadata": metadata, "spec": {**spec, "serviceAccountName": "oracle"}}
        answer = self._http.post(f"/api/v1/namespaces/{where}/pods?dryRun=All", json=body)
        if answer.is_success:
            return "allowed"
        message = str(answer.json().get("message"))
        return "forbidden" if "violates PodSecurity" in message else message


def answers() -> bool:
    """Tell whether the platform was started here and its API server answers."""
    try:
        return ApiServer().answers()
    except (OSError, KeyError, ValueError, yaml.YAMLError, httpx.HTTPError):
        return False
