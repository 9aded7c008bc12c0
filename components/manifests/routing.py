"""The Ingress of a stack and the Namespace that it lives in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import Later, Manifest, metadata, omit_none
from .deployment import PORT_NAME
from .rollout import WAIT_FOR

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..labels import Labels

POD_SECURITY_VERSION = "v1.36"
"""Version of the Pod Security rules that are enforced: an upgraded cluster must not refuse pods that ran before."""
# The provider's own wait also looks at endpoints, for at least 10 s; that the controller took the Ingress is enough.
_WAIT_FOR_ADDRESS = {WAIT_FOR: "jsonpath={.status.loadBalancer.ingress}"}


@dataclass(frozen=True, kw_only=True, order=True)
class PathRoute:
    """Requests to `host` whose path begins with `path` go to the Service `service`."""

    host: str
    path: str
    service: str


def _rule(host: str, routes: Sequence[PathRoute]) -> Manifest:
    paths = [
        {
            "path": route.path,
            "pathType": "Prefix",
            "backend": {"service": {"name": route.service, "port": {"name": PORT_NAME}}},
        }
        # The longest first, for controllers that take the first match.
        for route in sorted(routes, key=lambda route: (-len(route.path), route.path))
    ]
    return {"host": host, "http": {"paths": paths}}


def ingress(
    labels: Labels,
    routes: Sequence[PathRoute],
    *,
    class_name: str,
    annotations: Mapping[str, str],
    tls_secret: Later | None = None,
) -> Manifest:
    """Return the stack's one Ingress; `tls_secret` names the Secret whose certificate covers every host."""
    hosts = sorted({route.host for route in routes})
    tls = None if tls_secret is None else [{"hosts": hosts, "secretName": tls_secret}]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": metadata(labels, labels.name, annotations={**_WAIT_FOR_ADDRESS, **annotations}),
        "spec": omit_none(
            {
                "ingressClassName": class_name,
                "tls": tls,
                "rules": [_rule(host, [route for route in routes if route.host == host]) for host in hosts],
            }
        ),
    }


def namespace(name: str, labels: Labels, further_labels: Mapping[str, str] | None = None) -> Manifest:
    """Return a Namespace whose API server refuses every pod below the Pod Security level ``restricted``.

    Rules newer than the enforced ones only warn and are audited, so that they are known before they are enforced.
    """
    levels = {
        "enforce": POD_SECURITY_VERSION,
        "audit": "latest",
        "warn": "latest",
    }
    security = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in levels}
    versions = {f"pod-security.kubernetes.io/{mode}-version": version for mode, version in levels.items()}
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": metadata(labels, name, further_labels={**security, **versions, **(further_labels or {})}),
    }
