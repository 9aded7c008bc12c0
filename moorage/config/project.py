"""One stack of the monorepo, whole: what `load_project` returns and everything else works from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from moorage.base.stage import DEVELOPMENT
from moorage.config.graph import Kind
from moorage.config.imagelock import ImageLock
from moorage.config.observability import PYTHON_IMAGE
from moorage.config.service import DATA_SERVICES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from moorage.base.errors import Problem
    from moorage.base.stage import Stage
    from moorage.config.develop import Developing
    from moorage.config.graph import Graph, Node
    from moorage.config.monorepo import Monorepo
    from moorage.config.service import BaseImage, Service
    from moorage.config.stack import Stack
    from moorage.config.target import Target
    from moorage.config.validate import Source


@dataclass(frozen=True, kw_only=True)
class Project:
    """A stack's settings and services, checked, merged and sized."""

    program: Path
    """The folder of ``Pulumi.yaml``, absolute: where Pulumi runs, and where what git does not track is kept."""
    root: Path
    """The monorepo's top, absolute: paths of nodes and in Dockerfiles begin there."""
    stack_name: str
    stage: Stage
    """What the stack is for."""
    settings: Stack
    """The stack's own, with the data stores sized for the target."""
    services: dict[str, Service]
    """The services that this stack runs, by name, with the stack's overrides and sized for the target."""
    base_images: dict[str, BaseImage]
    libs: tuple[str, ...]
    target: Target
    stack_source: Source
    """Where the stack's settings stand."""
    sources: Mapping[str, Source]
    """Where the keys of each service stand, those that the stack changes in its file."""
    lock: ImageLock = field(default_factory=ImageLock)
    """The digests of images of others."""
    namespace: str
    order: tuple[str, ...]
    """Base images, then the stack's services: each after what it is built FROM and what it needs."""
    graph: Graph
    """The whole monorepo, with services that this stack leaves out."""
    monorepo: Monorepo
    """What is declared in it, and where."""
    warnings: tuple[Problem, ...] = ()
    """What stops nothing, and is probably not meant."""
    developing: Developing | None = None
    """What a session of `moorage dev` asks for; None for every other update."""

    @property
    def running(self) -> tuple[str, ...]:
        """The stack's services, each after those that it needs."""
        return tuple(name for name in self.order if name in self.services)

    @property
    def prebuilt(self) -> dict[str, str]:
        """``repository@digest`` of each service whose image somebody else builds."""
        found = {name: self.lock.pinned(service.image) for name, service in self.services.items() if service.image}
        return {name: image for name, image in found.items() if image}

    @property
    def development(self) -> bool:
        """Whether quick feedback counts for more than caution."""
        return self.stage == DEVELOPMENT

    def develops(self, name: str) -> bool:
        """Return whether a service is being developed."""
        return self.developing is not None and name in self.developing.services

    @property
    def undoes_failures(self) -> bool:
        """Whether services whose new pods do not come up go back to their last release by themselves."""
        told = self.settings.rollback
        return told == "automatic" if told else not self.development

    @property
    def stores(self) -> tuple[str, ...]:
        """The data stores that the stack's services need: ``postgres``, ``redis``."""
        needs = {need for service in self.services.values() for need in service.needs}
        return tuple(name for name in DATA_SERVICES if name in needs)

    @property
    def run_images(self) -> tuple[str, ...]:
        """The base images that the stack runs as they are: of its data stores, and of its watcher."""
        return (*self.stores, *((PYTHON_IMAGE,) if self.settings.observability.needs_python else ()))

    @property
    def url(self) -> str:
        """Where the stack is reached: ``http://harbour.localhost:8080/``."""
        scheme = "https" if self.settings.ingress.tls else "http"
        port = f":{self.target.url_port}" if self.target.url_port else ""
        return f"{scheme}://{self.settings.ingress.host}{port}/"

    @property
    def home(self) -> Path:
        """Everything of the project that git does not track."""
        return self.monorepo.repository.home

    def service(self, name: str) -> Node:
        """Return the node of a service."""
        return self.monorepo.repository.node(Kind.service, name)

    def image(self, name: str) -> Node:
        """Return the node of a base image."""
        return self.monorepo.repository.node(Kind.image, name)

    def service_folder(self, name: str) -> Path:
        """Return the folder of a service."""
        return self.root / self.service(name).folder

    def image_folder(self, name: str) -> Path:
        """Return the folder of a base image."""
        node = self.image(name)
        return self.monorepo.repository.root_of(node) / node.folder
