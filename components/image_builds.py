"""All images of a stack: which are needed, what each is built from, and how many are built at once."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pulumi

from moorage.base.authorities import machine_authorities
from moorage.build.digests import EPOCH, Inputs
from moorage.build.record import image_record
from moorage.build.staging import staged
from moorage.config.graph import Kind
from moorage.config.service import image_build_arg

from .naming import tag_name
from .service_image import BuildCacheArgs, ServiceImage, ServiceImageArgs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from moorage.build.digests import NodeInputs
    from moorage.config.graph import Node
    from moorage.config.project import Project
    from moorage.config.service import Build


@dataclass(frozen=True, kw_only=True)
class Images:
    """The images of a stack, by the name of their service or of their folder in ``images/``."""

    services: dict[str, ServiceImage] = field(default_factory=dict)
    bases: dict[str, ServiceImage] = field(default_factory=dict)
    inputs: Mapping[Node, NodeInputs]
    prebuilt: Mapping[str, str] = field(default_factory=dict)
    """``repository@digest`` of the services' images that somebody else builds."""

    @property
    def references(self) -> dict[str, pulumi.Input[str]]:
        """``repository@digest`` of each service's image."""
        return {**{name: image.image for name, image in self.services.items()}, **self.prebuilt}


class ImageBuilder:
    """Makes the images of one project, in build order."""

    def __init__(self, project: Project) -> None:
        """Prepare the builds of `project`."""
        self._project = project
        self._inputs = Inputs(project).all()
        self._images = Images(inputs=self._inputs, prebuilt=project.prebuilt)
        self._started: list[ServiceImage] = []
        self._files = self._secret_files()

    def build(self) -> Images:
        """Build the stack's services, the base images below them and the data stores that they need."""
        for node, inputs in self._inputs.items():
            if node.kind is Kind.image:
                base = self._project.base_images[node.name]
                self._images.bases[node.name] = self._image(f"base-{node.name}", base.build, inputs)
            else:
                service = self._project.services[node.name]
                self._images.services[node.name] = self._image(node.name, service.build, inputs)
        return self._images

    def _image(self, name: str, build: Build, inputs: NodeInputs) -> ServiceImage:
        settings, target = self._project.settings, self._project.target
        repository = self._project.monorepo.repository
        prefix = f"{target.registry}/{settings.application}"
        cache = BuildCacheArgs(repository=f"{prefix}/cache/{name}", branch=settings.cache.branch)
        args = ServiceImageArgs(
            repository=f"{prefix}/{name}",
            tags=(tag_name(self._project.stack_name), inputs.short),
            dockerfile=posixpath.relpath(inputs.dockerfile, inputs.context),
            context=posixpath.normpath(
                posixpath.join(staged(repository.root_of(inputs.node), inputs, repository.program), inputs.context)
            ),
            pinned=inputs.pinned,
            target=build.target,
            build_args={**self._base_args(build), **build.args},
            epoch=EPOCH,
            labels=inputs.labels,
            build_secrets={secret: self._files[secret] for secret in inputs.secrets if secret in self._files},
            builder=target.builder,
            platforms=tuple(settings.platforms),
            cache=cache if settings.cache.enabled else None,
            record=image_record(inputs).to_json(),
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

    def _secret_files(self) -> dict[str, str]:
        """Return the contents of the files of ``buildSecrets``, and the authorities that this machine trusts as ``ca``."""
        found = {}
        # The embedded platform has written them to a file; your own builder knows of none.
        ca = self._project.target.ca
        if authorities := Path(ca).read_text() if ca and Path(ca).is_file() else machine_authorities():
            found["ca"] = authorities
        for name, path in self._project.settings.build_secrets.items():
            found[name] = (self._project.program / Path(path).expanduser()).read_text()
        return found
