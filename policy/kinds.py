"""The kinds of Kubernetes' own, whether they live in a namespace, and what looks like an object and is none.

``kinds.json`` is what Kubernetes 1.36 serves, with kinds that it served once. A test holds it against the API server;
``kubectl get --raw /apis | python -m policy.kinds`` (and ``/api``) adds what a newer one serves.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Reach = Literal["Namespaced", "Cluster"]
"""Where objects of a kind live, in the word of discovery and of a CustomResourceDefinition's ``spec.scope``."""

_FILE: Final = Path(__file__).parent / "kinds.json"
KINDS: Final[dict[str, dict[str, Reach]]] = json.loads(_FILE.read_text(encoding="utf-8"))
"""The reach of each kind of Kubernetes' own, by API group."""
_CLIENTS: Final = frozenset({
    "kustomize.config.k8s.io", "kubeadm.k8s.io", "kubelet.config.k8s.io", "kubeproxy.config.k8s.io", "kubescheduler.config.k8s.io",
    "kubecontrollermanager.config.k8s.io", "apiserver.config.k8s.io", "apiserver.k8s.io", "audit.k8s.io", "kind.x-k8s.io",
    "client.authentication.k8s.io", "eksctl.io", "k3d.io", "skaffold", "kots.io", "kuttl.dev", "chainsaw.kyverno.io",
    "cli.kyverno.io", "minikube.sigs.k8s.io", "ctlptl.dev",
})  # fmt: skip
"""Groups of what only programs on the user's side read: the API server never sees it."""


def family_of(api_version: str, kind: str) -> str:
    """Return a kind as rules know it: with its group where it is not Kubernetes' own, since Knative has a Service as well."""
    group = api_version.rpartition("/")[0]
    return kind if group in KINDS or ":" in kind else f"{kind}.{group}"


def reach_of(group: str, kind: str) -> Reach | None:
    """Return where objects of a kind of Kubernetes' own live, None for other kinds."""
    return KINDS.get(group, {}).get(kind)


def read_by_clients(api_version: str, kind: str) -> bool:
    """Tell whether this is configuration of a client, such as a kubeconfig or kustomize's Kustomization."""
    group = api_version.rpartition("/")[0]
    return (api_version, kind) == ("v1", "Config") or group in _CLIENTS


def served(discovery: Mapping[str, Any]) -> Iterator[tuple[str, str, Reach]]:
    """Yield group, kind and reach of what an APIGroupDiscoveryList, or an APIResourceList of one group, names."""
    for item in discovery.get("items", ()):
        for version in item["versions"]:
            for resource in version["resources"]:
                kind = resource["responseKind"]
                yield item["metadata"].get("name", ""), kind["kind"], resource["scope"]
    for resource in discovery.get("resources", ()):
        if "/" not in resource["name"]:
            group = resource.get("group", discovery["groupVersion"].rpartition("/")[0])
            yield group, resource["kind"], "Namespaced" if resource["namespaced"] else "Cluster"


def _add(discovery: Mapping[str, Any]) -> None:
    for group, kind, reach in served(discovery):
        KINDS.setdefault(group, {})[kind] = reach
    _FILE.write_text(json.dumps(KINDS, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    _add(json.load(sys.stdin))
