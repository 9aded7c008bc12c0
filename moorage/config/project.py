"""One stack of the monorepo, whole: what `load_project` returns and everything else works from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from moorage.base.stage import DEVELOPMENT
from moorage.config.graph import Kind
from moorage.config.service import DATA_SERVICES

if TYPE_CHECKING:
    from pathlib import Path

    from moorage.base.errors import Problem
    from moorage.base.stage import Stage
    from moorage.config.graph import Graph, Node
    from moorage.config.monorepo import Monorepo
    from moorage.config.service import BaseImage, Service
    from moorage.config.stack import Stack
    from moorage.config.target import Target


@dataclass(frozen=True, kw_only=True)
class Project:
    """A stack's settings and services, checked, merged and sized."""

    program: Path
    """The folder of ``Pulumi.yaml``, absolute: where Pulumi runs, and where what git does not track is kept."""
    root: Path
    """The monorepo's top, absolute: paths of nodes and in Dockerfiles begin there."""
    name: str
    """The project's name in Pulumi.yaml; empty where it has none."""
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
    namespace: str
    order: tuple[str, ...]
    """Base images, then the stack's services: each after what it is built FROM and what it needs."""
    graph: Graph
    """The whole monorepo, with services that this stack leaves out."""
    monorepo: Monorepo
    warnings: tuple[Problem, ...] = ()
    """What stops nothing, and is probably not meant."""
    """What is declared in it, and where."""

    @property
    def running(self) -> tuple[str, ...]:
        """The stack's services, each after those that it needs."""
        return tuple(name for name in self.order if name in self.services)

    @property
    def development(self) -> bool:
        """Whether quick feedback counts for more than caution."""
        return self.stage == DEVELOPMENT

    @property
    def stores(self) -> tuple[str, ...]:
        """The data stores that the stack's services need: ``postgres``, ``redis``."""
        needs = {need for service in self.services.values() for need in service.needs}
        return tuple(name for name in DATA_SERVICES if name in needs)

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
        return self.root / self.image(name).folder
