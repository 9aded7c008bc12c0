"""The stack's namespace and who may talk to whom in it."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pulumi

from components.kubernetes import KubernetesObject, Scope, timeouts
from components.labels import Role
from components.manifests.network import Flow, allow_dns, default_deny, workload_policy
from components.manifests.routing import namespace
from components.manifests.stores import POSTGRES_PORT, REDIS_PORT
from moorage.build.record import workload_record
from moorage.config.service import POSTGRES, REDIS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from components.labels import Labels
    from components.manifests import Manifest
    from moorage.config.project import Project
    from moorage.config.service import Service as ServiceModel

_STORES = {POSTGRES: (Role.DATABASE, POSTGRES_PORT), REDIS: (Role.CACHE, REDIS_PORT)}
_NAMESPACE_MINUTES = 5


def stack_scope(project: Project, opts: pulumi.ResourceOptions) -> Scope:
    """Create the project's Namespace and return the scope of everything in it.

    Where data is protected the Namespace cannot be deleted either: everything in it would go with it.
    """
    settings = project.settings
    pull_secret = settings.registry.image_pull_secret if settings.registry else None
    scope = Scope(
        application=settings.application,
        stack=project.stack_name,
        namespace=project.namespace,
        protect=settings.protect,
        pull_secrets=(pull_secret,) if pull_secret else (),
        record=functools.partial(workload_record, project),
    )
    manifest = namespace(project.namespace, scope.labels(settings.application, Role.STACK))
    own = pulumi.ResourceOptions(protect=settings.protect, custom_timeouts=timeouts(_NAMESPACE_MINUTES))
    created = KubernetesObject("namespace", manifest, opts=pulumi.ResourceOptions.merge(opts, own))
    return replace(scope, namespace=created.object_name)


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
        super().__init__("moorage:network:Network", name, None, opts)
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
