"""How an image is built: ``build`` of a ``service.yaml``, and the whole of ``image.yaml``."""

# ruff: noqa: RUF012  # pydantic gives each instance its own copy of a mutable default
from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field, model_validator

from moorage.base.errors import KeyPath, Problem
from moorage.config.fields import BytesQuantity, DnsLabel, EnvName, LibName, Model, Unique
from moorage.config.paths import FolderPath, NearbyPath  # noqa: TC001  # pydantic reads annotations

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

    context: NearbyPath | None = None
    """Folder whose files the build may see, relative to the service's own: ``.``, ``../shared``.

    What of it counts is what ``<Dockerfile>.dockerignore`` lets in, else the folder's ``.dockerignore``, else all of it.
    Default: the repository's root, as an allow-list that ``moorage graph --write`` keeps.
    """
    dockerfile: NearbyPath = "Dockerfile"
    """Relative to the service's folder."""
    target: str = "production"
    """Stage of the Dockerfile; a stack may choose another. With ``context`` the default is its last one."""
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

    @model_validator(mode="before")
    @classmethod
    def _last_stage_of_ones_own(cls, given: Any) -> Any:
        # A Dockerfile that was not written for Moorage knows no stage of that name.
        if isinstance(given, dict) and "target" not in given and given.get("context") is not None:
            return {**given, "target": ""}
        return given

    @property
    def own_context(self) -> bool:
        """Whether the Dockerfile is taken as it is, with a context and an ignore file of its own."""
        return self.context is not None

    def dockerfile_in(self, folder: Path) -> Path:
        """Return the Dockerfile of what lies in ``folder``."""
        return Path(os.path.normpath(folder / self.dockerfile))

    def context_in(self, root: Path, folder: Path) -> Path:
        """Return the folder that the builder is given, of a repository at ``root``."""
        return root if self.context is None else Path(os.path.normpath(folder / self.context))

    def ignore_file_in(self, root: Path, folder: Path) -> Path | None:
        """Return the ignore file that counts, as BuildKit chooses it; None where all of the context is let in.

        Of the whole repository it is named also where it is missing.
        """
        dockerfile, place = self.dockerfile_in(folder), self.context_in(root, folder)
        beside = dockerfile.with_name(f"{dockerfile.name}.dockerignore")
        if self.own_context and not beside.exists():
            if (place / ".dockerignore").exists():
                return place / ".dockerignore"
            if place != root:
                return None
        return beside

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
