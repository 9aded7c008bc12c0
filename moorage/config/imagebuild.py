"""How an image is built: ``build`` of a ``service.yaml``, and the whole of ``image.yaml``."""

# ruff: noqa: RUF012  # pydantic gives each instance its own copy of a mutable default
from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from moorage.base.errors import KeyPath, Problem
from moorage.config.fields import BytesQuantity, DnsLabel, EnvName, FolderPath, LibName, Model, RelativePath, Unique

if TYPE_CHECKING:
    from collections.abc import Iterator


def image_build_arg(image: str) -> str:
    """Return the build arg in which a Dockerfile receives a base image (``node``: ``NODE_IMAGE``)."""
    return f"{env_prefix(image)}_IMAGE"


def env_prefix(name: str) -> str:
    """Return a name as the beginning of a variable's name: ``harbour-log`` gives ``HARBOUR_LOG``."""
    return name.upper().replace("-", "_")


class Budget(Model):
    """What an image and its build may cost; more is a warning, and a failure in CI."""

    example = "{size: 80M}"

    size: BytesQuantity | None = None
    """Of all layers, unpacked: ``80M``."""
    warm_seconds: float | None = Field(default=None, gt=0, le=86400)
    """For a build that finds at least one step in the cache."""
    hit_rate: int | None = Field(default=None, ge=0, le=100)
    """Least share of steps that such a build finds in the cache, in percent."""


class Build(Model):
    """How the image is built."""

    example = "{bases: [python]}"

    dockerfile: RelativePath = "Dockerfile"
    """Relative to the service's folder."""
    target: str = "production"
    """Stage of the Dockerfile; a stack may choose another."""
    bases: Unique[DnsLabel] = []
    """Images of ``images/`` that the Dockerfile builds FROM; each arrives as build arg ``<NAME>_IMAGE``."""
    libs: Unique[LibName] = []
    """Libraries of ``libs/`` that the image contains."""
    args: dict[EnvName, str] = {}
    """Further build args. Never secrets: they stay readable in the image."""
    budget: Budget = Budget()
    """What the image and its build may cost."""
    shell: bool = False
    """The production image holds a shell, as one of its programs cannot do without."""

    def problems(self) -> Iterator[Problem]:
        """Yield the build args that Moorage itself sets."""
        for base in self.bases:
            if image_build_arg(base) in self.args:
                yield Problem(
                    what=f"the build arg {image_build_arg(base)} is set in the file",
                    why=f"Moorage sets it to the digest of the base image {base}, which is known only once that is built",
                    remedy="remove it, or give the build arg another name",
                    where=KeyPath.of("args", image_build_arg(base)),
                )


class ImageBuild(Build):
    """How a base image is built."""

    target: str = ""
    """Stage of the Dockerfile; empty for its last one."""


class BaseImage(Model):
    """``images/NAME/image.yaml``: an image that services build FROM, or that runs as Postgres or Redis."""

    build: ImageBuild = ImageBuild()
    """How the image is built."""
    writable_paths: Unique[FolderPath] = []
    """Folders that the process may write to, where volumes are mounted; ``/tmp`` is always one."""
