"""A session without a monorepo: where a stack goes, made up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moorage.config.target import Target
from moorage.engine.session import Session

if TYPE_CHECKING:
    from pathlib import Path


def target(root: Path, *, embedded: bool = True) -> Target:
    """Return the embedded platform of a checkout, or a cluster of the user's own."""
    return Target(
        embedded=embedded,
        kubeconfig=str(root / (".moorage/platform/kubeconfig" if embedded else "kubeconfig")),
        context="moorage",
        registry="127.0.0.1:5000",
        builder="moorage",
        docker_config=str(root / ".moorage/docker") if embedded else None,
        http_port=8080,
        https_port=8443,
        url_port=8080,
        controller_namespace="ingress",
        ca=None,
    )


def session(root: Path, *, stack: str = "dev", embedded: bool = True) -> Session:
    """Return the session of a stack."""
    return Session(root=root, stack=stack, target=target(root, embedded=embedded))
