"""Who may talk to whom in a stack's namespace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi

from components.kubernetes_objects import KubernetesObject
from components.labels import Role
from components.manifests.network_policies import Flow, allow_dns, default_deny, leave_for, workload_policy
from components.manifests.store_plans import POSTGRES_PORT, REDIS_PORT
from moorage.config import outputs
from moorage.config.service import POSTGRES, REDIS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from components.labels import Labels
    from components.manifests import Manifest
    from components.scope import Scope
    from moorage.config.service import Service as ServiceModel

_STORES = {POSTGRES: (Role.DATABASE, POSTGRES_PORT), REDIS: (Role.CACHE, REDIS_PORT)}


@dataclass(frozen=True, kw_only=True)
class NetworkArgs:
    """The services of a stack, whose needs say which flows are open."""

    scope: Scope
    services: Sequence[ServiceModel]
    controller_namespace: str
    """Namespace of the ingress controller's pods."""
    offsite_port: int | None = None
    """TCP port outside the cluster to which Postgres' backups are copied."""


class Network(pulumi.ComponentResource):
    """Refuses all traffic in the stack's namespace except name resolution and what services need.

    A service may reach exactly the ports of what it names in ``needs``; one with a route may be reached by the ingress
    controller. Nothing may leave the namespace otherwise.
    """

    def __init__(self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Create the policies."""
        super().__init__(outputs.NETWORK, name, None, opts)
        self._name = name
        self._args = args
        stack = args.scope.labels(args.scope.application, Role.STACK)
        self._policy("default-deny", default_deny(stack))
        self._policy("allow-dns", allow_dns(stack))
        flows = self._flows()
        for service in args.services:
            policy = workload_policy(
                self._labels(service.name),
                flows,
                routed_port=service.port if service.route else None,
                controller_namespace=args.controller_namespace,
            )
            self._policy(service.name, policy)
        for store in sorted({need for service in args.services for need in service.needs} & _STORES.keys()):
            self._policy(store, workload_policy(self._labels(store), flows))
        if args.offsite_port is not None:
            for pod in (POSTGRES, f"{POSTGRES}-restore"):
                self._policy(f"{pod}-offsite", leave_for(args.scope.labels(pod, Role.DATABASE), args.offsite_port))
        self.register_outputs({})

    def _policy(self, role: str, manifest: Manifest | None) -> None:
        if manifest is not None:
            opts = pulumi.ResourceOptions(parent=self)
            KubernetesObject(f"{self._name}-{role}", manifest, self._args.scope.namespace, opts)

    def _labels(self, name: str) -> Labels:
        if name in _STORES:
            return self._args.scope.labels(name, _STORES[name][0])
        service = next(service for service in self._args.services if service.name == name)
        return self._args.scope.labels(name, Role(service.kind))

    def _port(self, name: str) -> int | None:
        if name in _STORES:
            return _STORES[name][1]
        return next((service.port for service in self._args.services if service.name == name), None)

    def _flows(self) -> list[Flow]:
        wanted = [(service, need, self._port(need)) for service in self._args.services for need in service.needs]
        return [
            Flow(source=self._labels(service.name), target=self._labels(need), port=port)
            for service, need, port in wanted
            if port is not None
        ]
