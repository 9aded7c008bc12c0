"""All images of a stack: which are needed, what each is built from, and how many are built at once."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pulumi

from components.image import BuildCacheArgs, ServiceImage, ServiceImageArgs
from components.naming import env_prefix, tag_name
from moorage.errors import fail

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from moorage.config.loader import Project
    from moorage.config.service import BaseImage, Build

STORES = ("postgres", "redis")
"""Needs that are not services: images of ``images/`` that run as they are."""
_SECRET_MOUNT = re.compile(r"--mount=(\S*\btype=secret\b\S*)")
_MOUNT_ID = re.compile(r"(?:^|,)(?:id|source|src)=([^,]+)")


def mounted_secrets(dockerfile: str) -> frozenset[str]:
    """Return the ids of the BuildKit secrets that a Dockerfile mounts."""
    mounts = _SECRET_MOUNT.findall(dockerfile)
    return frozenset(match[1] for mount in mounts if (match := _MOUNT_ID.search(mount)))


def needed_bases(wanted: Iterable[str], bases: Mapping[str, BaseImage]) -> frozenset[str]:
    """Return `wanted` and every base image that those are themselves built from."""
    found: set[str] = set()
    open_names = list(wanted)
    while open_names:
        name = open_names.pop()
        if name not in found:
            found.add(name)
            open_names.extend(bases[name].build.bases)
    return frozenset(found)


@dataclass(frozen=True, kw_only=True)
class Images:
    """The images of a stack, by the name of their service or of their folder in ``images/``."""

    services: dict[str, ServiceImage] = field(default_factory=dict)
    bases: dict[str, ServiceImage] = field(default_factory=dict)


class ImageBuilder:
    """Makes the images of one project, in build order."""

    def __init__(self, project: Project) -> None:
        """Prepare the builds of `project`."""
        self._project = project
        self._images = Images()
        self._started: list[ServiceImage] = []
        self._files = self._secret_files()

    def build(self, services: Iterable[str]) -> Images:
        """Build the named services, the base images below them and the data stores that they need."""
        project = self._project
        running = [project.services[name] for name in services]
        stores = {need for service in running for need in service.needs if need in STORES}
        wanted = stores.union(*(service.build.bases for service in running))
        bases = needed_bases(wanted, project.base_images)
        for name in (name for name in project.order if name in bases):
            self._images.bases[name] = self._image(f"base-{name}", f"images/{name}", project.base_images[name].build)
        for service in running:
            self._images.services[service.name] = self._image(service.name, f"apps/{service.name}", service.build)
        return self._images

    def _image(self, name: str, folder: str, build: Build) -> ServiceImage:
        settings, target = self._project.settings, self._project.target
        prefix = f"{target.registry}/{settings.application}"
        dockerfile = f"{folder}/{build.dockerfile}"
        cache = BuildCacheArgs(repository=f"{prefix}/cache/{name}", branch=settings.cache.branch)
        args = ServiceImageArgs(
            repository=f"{prefix}/{name}",
            tag=tag_name(self._project.stack_name),
            dockerfile=dockerfile,
            target=build.target,
            build_args={**self._base_args(build), **build.args},
            build_secrets=self._secrets(dockerfile),
            builder=target.builder,
            platforms=tuple(settings.platforms),
            cache=cache if settings.cache.enabled else None,
        )
        image = ServiceImage(name, args, self._turn())
        self._started.append(image)
        return image

    def _turn(self) -> pulumi.ResourceOptions | None:
        """Return the options that keep no more builds running than the stack allows."""
        # The n-th build waits for the one that far before it. That one needs nothing of the n-th, as it came earlier
        # in build order, so the wait cannot become a circle.
        before = len(self._started) - self._project.settings.build_parallelism
        return pulumi.ResourceOptions(depends_on=[self._started[before]]) if before >= 0 else None

    def _base_args(self, build: Build) -> dict[str, pulumi.Input[str]]:
        return {f"{env_prefix(name)}_IMAGE": self._images.bases[name].image for name in build.bases}

    def _secrets(self, dockerfile: str) -> dict[str, str]:
        """Return the secrets that the Dockerfile mounts, and no others, so that no build holds what it has no use for."""
        text = (self._project.root / dockerfile).read_text()
        return {name: self._files[name] for name in sorted(mounted_secrets(text) & self._files.keys())}

    def _secret_files(self) -> dict[str, str]:
        """Return the contents of the files of ``buildSecrets`` and of the target's certificates."""
        found = {}
        ca = self._project.target.ca
        if ca and Path(ca).is_file():
            found["ca"] = Path(ca).read_text()
        for name, path in self._project.settings.build_secrets.items():
            file = Path(path).expanduser()
            try:
                found[name] = (self._project.root / file).read_text()
            except OSError as error:
                raise fail(
                    f"the file of build secret {name!r} cannot be read",
                    where=path,
                    why=error.strerror,
                    remedy=f"create it, or change buildSecrets.{name} of the stack",
                ) from error
        return found
