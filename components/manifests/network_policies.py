"""NetworkPolicies: everything is refused, then exactly the flows that services need are opened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import Manifest, metadata

if TYPE_CHECKING:
    from ..labels import Labels

_NAMESPACE_LABEL = "kubernetes.io/metadata.name"
_DNS_NAMESPACE = "kube-system"
_DNS_PODS = {"k8s-app": "kube-dns"}
"""What every distribution labels its name servers with, whichever program they are."""
_DNS_PORTS = (53, 5353)
"""Policies see the pod's own port, and name servers without privileges cannot listen on 53."""


@dataclass(frozen=True, kw_only=True)
class Flow:
    """One way that is open: pods of `source` may connect to `port` of pods of `target`."""

    source: Labels
    target: Labels
    port: int


def _policy(name: str, labels: Labels, selector: Manifest, **rules: list[Manifest]) -> Manifest:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(labels, name),
        "spec": {"podSelector": selector, **rules},
    }


def _pods(labels: Labels) -> Manifest:
    return {"podSelector": {"matchLabels": labels.selector()}}


def _namespace(name: str) -> Manifest:
    return {"namespaceSelector": {"matchLabels": {_NAMESPACE_LABEL: name}}}


def _tcp(port: int) -> list[Manifest]:
    return [{"protocol": "TCP", "port": port}]


def default_deny(labels: Labels) -> Manifest:
    """Return the policy that refuses all traffic of every pod of the namespace, in both directions."""
    policy = _policy("default-deny", labels, {})
    policy["spec"]["policyTypes"] = ["Ingress", "Egress"]
    return policy


def allow_dns(labels: Labels) -> Manifest:
    """Return the policy that lets every pod of the namespace resolve names."""
    ports = [{"protocol": protocol, "port": port} for port in _DNS_PORTS for protocol in ("UDP", "TCP")]
    servers = {**_namespace(_DNS_NAMESPACE), "podSelector": {"matchLabels": _DNS_PODS}}
    policy = _policy("allow-dns", labels, {}, egress=[{"to": [servers], "ports": ports}])
    policy["spec"]["policyTypes"] = ["Egress"]
    return policy


def workload_policy(
    labels: Labels, flows: list[Flow], *, routed_port: int | None = None, controller_namespace: str | None = None
) -> Manifest | None:
    """Return the policy that opens the flows from and to one workload, None where there are none.

    `routed_port` is open to the pods of the ingress controller's namespace alone.
    """
    incoming = [{"from": [_pods(f.source)], "ports": _tcp(f.port)} for f in flows if f.target == labels]
    if routed_port is not None and controller_namespace is not None:
        incoming.append({"from": [_namespace(controller_namespace)], "ports": _tcp(routed_port)})
    outgoing = [{"to": [_pods(f.target)], "ports": _tcp(f.port)} for f in flows if f.source == labels]
    rules = {name: rule for name, rule in (("ingress", incoming), ("egress", outgoing)) if rule}
    if not rules:
        return None
    policy = _policy(labels.name, labels, {"matchLabels": labels.selector()}, **rules)
    policy["spec"]["policyTypes"] = [name.capitalize() for name in rules]
    return policy
