"""Image references: ``registry:5000/team/app:1.2@sha256:…``, taken apart as the container runtime does."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from moorage.base.errors import MoorageError

DOCKER_HUB: Final = "docker.io"
_HUB_NAMES: Final = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})
_REFERENCE: Final = re.compile(
    r"[A-Za-z0-9](?:[A-Za-z0-9._:/-]*?[A-Za-z0-9])?(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha256:[0-9a-f]{64})?"
)
_LOOPBACK: Final = re.compile(r"(localhost|127(\.[0-9]+){3}|\[::1\])(:[0-9]+)?")


@dataclass(frozen=True, slots=True)
class ImageReference:
    """A reference with Docker Hub's short forms written out.

    ``pending`` marks one that ends in a bare ``@``: the digest of an image that a preview has not built.
    """

    registry: str
    repository: str
    tag: str | None = None
    digest: str | None = None
    pending: bool = False

    @classmethod
    def parse(cls, text: str) -> ImageReference:
        """Return the parts of a reference.

        Raises `MoorageError` where it is not one.
        """
        if _REFERENCE.fullmatch(text) is None:
            raise MoorageError.of(
                f"{text!r} is not an image reference",
                why="a reference is registry, path and name, then a tag or a digest",
                remedy="write for example ghcr.io/acme/backend:v1 or ghcr.io/acme/backend@sha256:…",
            )
        return parse_image(text)

    @property
    def path(self) -> str:
        """Registry and repository, to be compared with an allow-list."""
        return f"{self.registry}/{self.repository}"

    @property
    def familiar(self) -> str:
        """The name as BuildKit has it in named contexts: Docker Hub's registry and ``latest`` left out."""
        path = self.repository.removeprefix("library/") if self.registry == DOCKER_HUB else self.path
        return path if self.tag in {None, "latest"} else f"{path}:{self.tag}"

    @property
    def version(self) -> str:
        """What is asked of the registry: the digest, else the tag, else ``latest``."""
        return self.digest or self.tag or "latest"

    def __str__(self) -> str:
        """Return the reference in full."""
        return f"{self.path}@{self.digest}" if self.digest else f"{self.path}:{self.version}"


def parse_image(reference: str) -> ImageReference:
    """Take ``reference`` apart; anything that is not a reference comes out as an odd repository, never as an error."""
    name, at, digest = reference.partition("@")
    head, slash, last = name.rpartition("/")
    last, colon, tag = last.partition(":")
    path = f"{head}{slash}{last}"
    first, _, rest = path.partition("/")
    if rest and ("." in first or ":" in first or first == "localhost"):
        registry, repository = first, rest
    else:
        registry, repository = DOCKER_HUB, path
    if registry in _HUB_NAMES:
        registry, repository = DOCKER_HUB, repository if "/" in repository else f"library/{repository}"
    return ImageReference(registry, repository, tag if colon and tag else None, digest or None, bool(at and not digest))


def is_loopback(registry: str) -> bool:
    """Return whether a registry is on this machine, and so is spoken to without TLS, as Docker does."""
    return _LOOPBACK.fullmatch(registry) is not None
