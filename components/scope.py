"""What all components of one stack share, and the namespace that they live in."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pulumi

from moorage.build.record import workload_record
from moorage.config.ephemeral import EXPIRES_LABEL

from .kubernetes_objects import KubernetesObject, timeouts
from .labels import Labels, Role
from .manifests.routing import namespace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from moorage.config.project import Project

_NAMESPACE_MINUTES = 5


@dataclass(frozen=True, kw_only=True)
class Before:
    """What of the last update matters to the next one."""

    restarts: Mapping[str, str] = field(default_factory=dict)
    """When a service was last restarted by hand, by its name."""
    deployments: Mapping[str, str] = field(default_factory=dict)
    """The Deployments of blue-green services, by the service's name."""

    def replaced(self, name: str, objects: Sequence[str]) -> bool:
        """Whether a blue-green service, which now has these objects, had another Deployment."""
        return name in self.deployments and self.deployments[name] not in objects


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What all components of one stack share."""

    application: str
    stack: str
    namespace: pulumi.Input[str]
    development: bool
    """Quick feedback counts for more than caution."""
    protect: bool
    """Refuse to delete or replace what holds data."""
    pull_secrets: tuple[str, ...] = ()
    """Names of the Secrets that the cluster pulls images with."""
    record: Callable[[str], str] = str
    """What the stack's state keeps of a workload's settings, by its name, once they are live; no secret."""
    before: Before = field(default_factory=Before)
    """What of the last update matters to this one."""

    def labels(self, name: str, role: Role) -> Labels:
        """Return the labels of the workload `name`."""
        return Labels(application=self.application, instance=f"{self.application}-{self.stack}", name=name, role=role)


def stack_scope(project: Project, opts: pulumi.ResourceOptions, before: Before) -> Scope:
    """Create the project's Namespace and return the scope of everything in it.

    Where data is protected the Namespace cannot be deleted either: everything in it would go with it.
    """
    settings = project.settings
    pull_secret = settings.registry.image_pull_secret if settings.registry else None
    scope = Scope(
        application=settings.application,
        stack=project.stack_name,
        namespace=project.namespace,
        development=project.development,
        protect=settings.protect,
        pull_secrets=(pull_secret,) if pull_secret else (),
        record=functools.partial(workload_record, project),
        before=before,
    )
    ends = {EXPIRES_LABEL: settings.ephemeral.label} if settings.ephemeral and settings.ephemeral.label else {}
    manifest = namespace(project.namespace, scope.labels(settings.application, Role.STACK), ends)
    own = pulumi.ResourceOptions(protect=settings.protect, custom_timeouts=timeouts(_NAMESPACE_MINUTES))
    created = KubernetesObject("namespace", manifest, opts=pulumi.ResourceOptions.merge(opts, own))
    return replace(scope, namespace=created.object_name)
