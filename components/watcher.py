"""The watcher: one pod that reads what happens in the stack's namespace and logs it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi

from moorage.config import outputs
from moorage.config.observability import PYTHON_IMAGE, WATCHER

from .kubernetes_objects import KubernetesObject, awaited_rollout, timeouts
from .labels import Role
from .manifests import watcher as manifests
from .manifests.availability import pod_disruption_budget
from .manifests.services import config_map, service, service_account

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from moorage.config.project import Project

    from .manifests import Manifest
    from .scope import Scope

_MINUTES = 6


@dataclass(frozen=True, kw_only=True)
class WatcherArgs:
    """What the watcher runs in."""

    scope: Scope
    image: pulumi.Input[str]
    """``repository@digest`` of an image whose entrypoint is Python."""
    closed: bool = True
    """Whether the namespace's network is closed, so that the watcher's way to the API server has to be opened."""
    start_after: Sequence[pulumi.Resource] = ()
    """Further resources without which the pod should not start."""


class Watcher(pulumi.ComponentResource):
    """Watches the stack's namespace.

    Creates its program as a ConfigMap, a ServiceAccount with a Role that only reads, a StatefulSet of one pod with its
    Service, a PodDisruptionBudget and the NetworkPolicy for its way to the API server. It changes nothing in the cluster.
    """

    def __init__(self, name: str, args: WatcherArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Create the watcher's objects in the namespace of its scope."""
        super().__init__(outputs.WATCHER, name, None, opts)
        self._name, self._args = name, args
        scope = args.scope
        labels = scope.labels(name, Role.OBSERVABILITY)
        account = self._object("account", service_account(labels, token=False))
        allowed: list[pulumi.Resource] = [
            self._object("role", manifests.role(labels)),
            self._object("binding", manifests.role_binding(labels, scope.namespace)),
        ]
        if args.closed:
            allowed.append(self._object("network", manifests.network_policy(labels)))
        program = self._object("config", config_map(labels, manifests.program()))
        pod = manifests.stateful_set(
            labels,
            image=args.image,
            config_map=program.object_name,
            namespace=scope.namespace,
            pull_secrets=scope.pull_secrets,
        )
        headless = service(labels, port=manifests.PORT, port_name=manifests.PORT_NAME, headless=True)
        before = [account, *allowed, self._object("headless", headless), *args.start_after]
        patience = pulumi.ResourceOptions(depends_on=before, custom_timeouts=timeouts(_MINUTES))
        self.stateful_set = self._object("statefulset", awaited_rollout(pod), patience)
        self._object("budget", pod_disruption_budget(labels))
        self.register_outputs({})

    def _object(self, role: str, manifest: Manifest, opts: pulumi.ResourceOptions | None = None) -> KubernetesObject:
        opts = pulumi.ResourceOptions.merge(pulumi.ResourceOptions(parent=self), opts)
        return KubernetesObject(f"{self._name}-{role}", manifest, self._args.scope.namespace, opts)


def watch(
    project: Project,
    scope: Scope,
    bases: Mapping[str, pulumi.Input[str]],
    start_after: Sequence[pulumi.Resource],
    opts: pulumi.ResourceOptions,
) -> None:
    """Have somebody watch, where the stack asks for it; ``bases`` are the base images that were built."""
    settings = project.settings.observability
    # A rollback builds nothing and leaves the watcher as it is.
    image = settings.watcher_image or bases.get(PYTHON_IMAGE)
    if settings.watcher and image is not None:
        closed = project.settings.network_policies
        Watcher(WATCHER, WatcherArgs(scope=scope, image=image, closed=closed, start_after=start_after), opts)
