"""Image references: ``registry:5000/team/app:1.2@sha256:…``, taken apart as the container runtime does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

DEFAULT_REGISTRY: Final = "docker.io"


@dataclass(frozen=True, slots=True)
class ImageReference:
    """A reference with Docker Hub's short forms written out.

    ``pending`` marks one that ends in a bare ``@``: the digest of an image that a preview has not built.
    """

    registry: str
    repository: str
    tag: str | None
    digest: str | None
    pending: bool = False

    @property
    def path(self) -> str:
        """Registry and repository, to be compared with an allow-list."""
        return f"{self.registry}/{self.repository}"


def parse_image(reference: str) -> ImageReference:
    """Take ``reference`` apart; anything that is no reference comes out as an odd repository, never as an error."""
    name, at, digest = reference.partition("@")
    head, slash, last = name.rpartition("/")
    last, colon, tag = last.partition(":")
    path = f"{head}{slash}{last}"
    first, _, rest = path.partition("/")
    if rest and ("." in first or ":" in first or first == "localhost"):
        registry, repository = first, rest
    else:
        registry, repository = DEFAULT_REGISTRY, path if "/" in path else f"library/{path}"
    if registry in {"index.docker.io", "registry-1.docker.io"}:
        registry = DEFAULT_REGISTRY
    return ImageReference(registry, repository, tag if colon and tag else None, digest or None, bool(at and not digest))
