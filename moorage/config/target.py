"""Where a stack is deployed: your own cluster, registry and builder, or the embedded platform."""

from __future__ import annotations

from dataclasses import dataclass

HOME = ".moorage"
"""Everything of a project that git does not track; beside ``Pulumi.yaml``."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """Everything that leads to the platform that a stack runs on."""

    embedded: bool
    kubeconfig: str
    """Absolute path."""
    context: str
    registry: str
    """What stands before an image's name: host, port where it is unusual, and path."""
    builder: str
    """Name of a buildx builder."""
    docker_config: str | None
    """``DOCKER_CONFIG`` that knows the builder; None for the user's own."""
    http_port: int
    https_port: int
    url_port: int | None
    """The port in the stack's URL; None where its scheme implies it."""
    controller_namespace: str
    """Namespace of the ingress controller's pods."""
    ca: str | None
    """Certificate bundle that builds may need behind a TLS proxy."""
