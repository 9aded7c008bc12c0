"""What `deploy` returns: a stack, for resources of your own beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .labels import Role

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pulumi

    from moorage.config.project import Project

    from .endpoints import Endpoint
    from .scope import Scope


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """What there is of a stack, for resources of your own beside it."""

    project: Project
    endpoints: Mapping[str, Endpoint]
    """What each service and data store is reached by, by its name; ``ready`` is what to depend on."""
    images: Mapping[str, pulumi.Input[str]]
    """``repository@digest`` of each service's image."""
    options: pulumi.ResourceOptions
    """The provider of the stack's cluster, for objects of `pulumi_kubernetes`; patches apply to these as well."""
    scope: Scope

    @property
    def namespace(self) -> pulumi.Input[str]:
        """Name of the namespace, known once it exists."""
        return self.scope.namespace

    def labels(self, name: str) -> dict[str, str]:
        """Return the labels of an object of your own, called ``name``: those that the stack's own objects have."""
        return self.scope.labels(name, Role.STACK).all()
