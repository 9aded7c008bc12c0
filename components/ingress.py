"""How the outside reaches the stack."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi

from moorage.config import outputs

from .kubernetes_objects import KubernetesObject, timeouts
from .labels import Role
from .manifests.routing import PathRoute, ingress
from .manifests.services import secret

if TYPE_CHECKING:
    from collections.abc import Sequence

    from moorage.config.service import Service as ServiceModel
    from moorage.config.stack import Ingress as IngressSettings

    from .labels import Labels
    from .manifests import Later
    from .scope import Scope

_ADDRESS_MINUTES = 2
"""How long the controller may take to accept the Ingress."""
_ISSUER_ANNOTATION = "cert-manager.io/cluster-issuer"


@dataclass(frozen=True, kw_only=True)
class IngressArgs:
    """The stack's host and TLS, and the services with a route."""

    scope: Scope
    settings: IngressSettings
    services: Sequence[ServiceModel]


class Ingress(pulumi.ComponentResource):
    """Routes hosts and paths to services, by one Ingress object for the stack.

    Its certificate comes from a Secret that exists, from cert-manager, or is made here and signed by itself.
    """

    def __init__(self, name: str, args: IngressArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Create the Ingress; it is ready once the controller took it."""
        super().__init__(outputs.INGRESS, name, None, opts)
        self._name = name
        self._args = args
        settings = args.settings
        labels = args.scope.labels(args.scope.application, Role.INGRESS)
        routes = [
            PathRoute(host=service.route.host or settings.host, path=service.route.path, service=service.name)
            for service in args.services
            if service.route is not None
        ]
        manifest = ingress(
            labels,
            routes,
            class_name=settings.class_name,
            annotations=self._annotations(),
            tls_secret=self._tls_secret(labels, sorted({route.host for route in routes})),
        )
        own = pulumi.ResourceOptions(parent=self, custom_timeouts=timeouts(_ADDRESS_MINUTES))
        self.done = KubernetesObject(f"{name}-ingress", manifest, args.scope.namespace, own).object_name
        self.register_outputs({})

    def _annotations(self) -> dict[str, str]:
        tls = self._args.settings.tls
        issuer = {_ISSUER_ANNOTATION: tls.cluster_issuer} if tls and tls.cluster_issuer else {}
        return {**issuer, **self._args.settings.annotations}

    def _tls_secret(self, labels: Labels, hosts: list[str]) -> Later | None:
        """Return the name of the Secret with the certificate, creating it if it is self-signed."""
        tls = self._args.settings.tls
        if tls is None:
            return None
        if tls.secret_name:
            return tls.secret_name
        if tls.cluster_issuer:
            return f"{labels.name}-tls"
        # Here, as most stacks need no certificate of their own and loading OpenSSL takes its time.
        from .certificate import generated_certificate

        opts = pulumi.ResourceOptions(parent=self)
        made = generated_certificate(f"{self._name}-certificate", hosts, opts)
        files = secret(labels, {"tls.crt": made.certificate, "tls.key": made.key}, kind="kubernetes.io/tls")
        return KubernetesObject(f"{self._name}-tls", files, self._args.scope.namespace, opts).object_name
