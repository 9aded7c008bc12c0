"""Services, and the small objects that stand beside a workload."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import Later, Manifest, metadata, omit_none

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..labels import Labels

SKIP_AWAIT = {"pulumi.com/skipAwait": "true"}
"""The provider would watch a Service's endpoints until 10 s passed without a change; the workload's own readiness,
which is awaited, says the same at once."""


def service(
    labels: Labels, *, port: int, port_name: str, headless: bool = False, further_selector: Manifest | None = None
) -> Manifest:
    """Return the Service of a workload on `port`; a headless one gives the pods' own addresses, for a StatefulSet."""
    name = f"{labels.name}-headless" if headless else labels.name
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(labels, name, annotations=SKIP_AWAIT),
        "spec": omit_none(
            {
                "type": "ClusterIP",
                "clusterIP": "None" if headless else None,
                "selector": {**labels.selector(), **(further_selector or {})},
                "ports": [{"name": port_name, "port": port, "targetPort": port_name, "protocol": "TCP"}],
            }
        ),
    }


def service_account(labels: Labels, *, token: bool) -> Manifest:
    """Return the ServiceAccount that the workload's pods run as, with or without a token for the Kubernetes API."""
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": metadata(labels, labels.name),
        "automountServiceAccountToken": token,
    }


def config_map(labels: Labels, data: Mapping[str, str]) -> Manifest:
    """Return an immutable ConfigMap without a name: the engine names it, so that changed data is a new object."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(labels),
        "immutable": True,
        "data": dict(sorted(data.items())),
    }


def secret(labels: Labels, data: Mapping[str, Later], *, kind: str = "Opaque") -> Manifest:
    """Return an immutable Secret of type `kind`, unnamed for the same reason as `config_map`."""
    values: dict[str, Any] = dict(sorted(data.items()))
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata(labels),
        "immutable": True,
        "type": kind,
        "stringData": values,
    }
