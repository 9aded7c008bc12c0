"""Who may talk to whom in a stack's namespace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi

from moorage.config import outputs
from moorage.config.service import POSTGRES, REDIS

from .kubernetes_objects import KubernetesObject
from .labels import Role
from .manifests.network_policies import Flow, allow_dns, default_deny, workload_policy
from .manifests.store_plans import POSTGRES_PORT, REDIS_PORT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from moorage.config.service import Service as ServiceModel

    from .labels import Labels
    from .manifests import Manifest
    from .scope import Scope

_STORES = {POSTGRES: (Role.DATABASE, POSTGRES_PORT), REDIS: (Role.CACHE, REDIS_PORT)}


@dataclass(frozen=True, kw_only=True)
class NetworkArgs:
    """The services of a stack, whose needs say which flows are open."""

    scope: Scope
    services: Sequence[ServiceModel]
    controller_namespace: str
    """Namespace of the ingress controller's pods."""


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
            self._verifier(service, flows)
        for store in sorted({need for service in args.services for need in service.needs} & _STORES.keys()):
            self._policy(store, workload_policy(self._labels(store), flows))
        self.register_outputs({})

    def _verifier(self, service: ServiceModel, flows: list[Flow]) -> None:
        if service.strategy.verify is not None:
            policy = workload_policy(self._verifier_labels(service), flows)
            self._policy(f"{service.name}{outputs.VERIFY_SUFFIX}", policy)

    def _verifier_labels(self, service: ServiceModel) -> Labels:
        return self._args.scope.labels(f"{service.name}{outputs.VERIFY_SUFFIX}", Role(service.kind))

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
        verifiers = [
            Flow(source=self._verifier_labels(service), target=self._labels(service.name), port=service.port)
            for service in self._args.services
            if service.strategy.verify is not None and service.port is not None
        ]
        return verifiers + [
            Flow(source=self._labels(service.name), target=self._labels(need), port=port)
            for service, need, port in wanted
            if port is not None
        ]
