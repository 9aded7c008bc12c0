"""All images of a stack: which are needed, what each is built from, and how many are built at once."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pulumi

from components.image import BuildCacheArgs, ServiceImage, ServiceImageArgs
from components.naming import tag_name
from moorage.config.service import DATA_SERVICES, image_build_arg
from moorage.graph import BUILD, Kind, Node

if TYPE_CHECKING:
    from moorage.config.project import Project
    from moorage.config.service import Build

_SECRET_MOUNT = re.compile(r"--mount=(\S*\btype=secret\b\S*)")
_MOUNT_ID = re.compile(r"(?:^|,)(?:id|source|src)=([^,]+)")


def mounted_secrets(dockerfile: str) -> frozenset[str]:
    """Return the ids of the BuildKit secrets that a Dockerfile mounts."""
    mounts = _SECRET_MOUNT.findall(dockerfile)
    return frozenset(match[1] for mount in mounts if (match := _MOUNT_ID.search(mount)))


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
        self._needed = self._needed_bases()

    def build(self) -> Images:
        """Build the stack's services, the base images below them and the data stores that they need."""
        project = self._project
        for name in project.order:
            if name in self._needed:
                build = project.base_images[name].build
                self._images.bases[name] = self._image(f"base-{name}", project.image_folder(name), build)
        for name, service in ((name, project.services[name]) for name in project.running):
            self._images.services[name] = self._image(name, project.service_folder(name), service.build)
        return self._images

    def _needed_bases(self) -> frozenset[str]:
        services = self._project.services.values()
        roots = {Node(Kind.image, need) for service in services for need in service.needs if need in DATA_SERVICES}
        roots.update(Node(Kind.service, service.name) for service in services)
        found = self._project.graph.below(roots, via=BUILD)
        return frozenset(node.name for node in found if node.kind is Kind.image)

    def _image(self, name: str, folder: Path, build: Build) -> ServiceImage:
        settings, target = self._project.settings, self._project.target
        prefix = f"{target.registry}/{settings.application}"
        dockerfile = folder / build.dockerfile
        cache = BuildCacheArgs(repository=f"{prefix}/cache/{name}", branch=settings.cache.branch)
        args = ServiceImageArgs(
            repository=f"{prefix}/{name}",
            tag=tag_name(self._project.stack_name),
            dockerfile=dockerfile.relative_to(self._project.root).as_posix(),
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
        return {image_build_arg(name): self._images.bases[name].image for name in build.bases}

    def _secrets(self, dockerfile: Path) -> dict[str, str]:
        """Return the secrets that the Dockerfile mounts, and no others, so that no build holds what it has no use for."""
        mounted = mounted_secrets(dockerfile.read_text())
        return {name: self._files[name] for name in sorted(mounted & self._files.keys())}

    def _secret_files(self) -> dict[str, str]:
        """Return the contents of the files of ``buildSecrets`` and of the target's certificates."""
        found = {}
        ca = self._project.target.ca
        if ca and Path(ca).is_file():
            found["ca"] = Path(ca).read_text()
        for name, path in self._project.settings.build_secrets.items():
            found[name] = (self._project.root / Path(path).expanduser()).read_text()
        return found
