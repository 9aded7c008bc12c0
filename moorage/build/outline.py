"""What of a project says how its images are built and what its workloads depend on: plain values, quick to keep."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from moorage.config.graph import BUILD, Edge, Graph, Kind, Node, Via, innermost
from moorage.config.target import HOME, Target

if TYPE_CHECKING:
    from collections.abc import Mapping

    from moorage.config.fields import Model
    from moorage.config.project import Project
    from moorage.config.service import Build


@dataclass(frozen=True, kw_only=True)
class ImageOutline:
    """How one image is built."""

    node: Node
    dockerfile: str
    """Path relative to the repository's root."""
    target: str
    args: Mapping[str, str]
    bases: tuple[str, ...]
    """Names of the images that it is built FROM."""


@dataclass(frozen=True, kw_only=True)
class Outline:
    """What the digests of a stack's images, and what is affected by a change, are found from."""

    program: Path
    """The folder of ``Pulumi.yaml``, absolute."""
    root: Path
    """The monorepo's top, absolute."""
    stack_name: str
    project_name: str
    """The project's name in Pulumi.yaml; empty where that has none."""
    target: Target
    images: tuple[ImageOutline, ...]
    """Every image that the stack builds, each after those it is built FROM."""
    base_args: Mapping[str, str]
    """The build args that hold the references of base images, by name, with some value of that form."""
    services: frozenset[str]
    workloads: Mapping[str, Mapping[str, str]]
    """The settings of every service, then of the data stores, by its name and theirs."""
    graph: Graph
    homes: Mapping[str, str]
    """The folder in which a part of each kind is expected, by kind."""
    lib_globs: tuple[str, ...]
    platforms: tuple[str, ...]
    build_secrets: frozenset[str]
    source_labels: bool

    @property
    def home(self) -> Path:
        """Everything of the project that git does not track."""
        return self.program / HOME

    @cached_property
    def _nodes(self) -> Mapping[tuple[Kind, str], Node]:
        return {(node.kind, node.name): node for node in self.graph.nodes}

    @cached_property
    def _folders(self) -> Mapping[str, Node]:
        return {node.folder: node for node in self.graph.nodes}

    def node(self, kind: Kind, name: str) -> Node:
        """Return a node with its folder; of one that there is not, the place where it is expected."""
        return self._nodes.get((kind, name)) or Node(kind, name, f"{self.homes[kind.value]}/{name}".lstrip("/"))

    def service(self, name: str) -> Node:
        """Return the node of a service."""
        return self.node(Kind.service, name)

    def image(self, name: str) -> Node:
        """Return the node of a base image."""
        return self.node(Kind.image, name)

    def owner_of(self, path: str) -> Node | None:
        """Return the node whose folder a path, relative to the top, lies in; of nested ones the innermost."""
        return innermost(self._folders, path)

    def to_data(self) -> dict[str, Any]:
        """Return everything but where the project lies, as `from_data` takes it; it can be JSON."""
        nodes = {node: number for number, node in enumerate(self.graph.nodes)}
        return {
            "top": os.path.relpath(self.root, self.program),
            "stack_name": self.stack_name,
            "project_name": self.project_name,
            "target": asdict(self.target),
            "nodes": [[node.kind.value, node.name, node.folder] for node in nodes],
            "edges": [[nodes[edge.source], nodes[edge.target], edge.via.value] for edge in self.graph.edges],
            "images": [
                [nodes[image.node], image.dockerfile, image.target, dict(image.args), image.bases]
                for image in self.images
            ],
            "base_args": dict(self.base_args),
            "services": sorted(self.services),
            "workloads": {name: dict(settings) for name, settings in self.workloads.items()},
            "homes": self.homes,
            "lib_globs": self.lib_globs,
            "platforms": self.platforms,
            "build_secrets": sorted(self.build_secrets),
            "source_labels": self.source_labels,
        }

    @classmethod
    def from_data(cls, program: Path, data: Mapping[str, Any]) -> Outline:
        """Return the outline that `to_data` was called on."""
        nodes = tuple(Node(Kind(kind), name, folder) for kind, name, folder in data["nodes"])
        edges = tuple(Edge(nodes[source], nodes[target], Via(via)) for source, target, via in data["edges"])
        images = tuple(
            ImageOutline(node=nodes[number], dockerfile=dockerfile, target=target, args=args, bases=tuple(bases))
            for number, dockerfile, target, args, bases in data["images"]
        )
        return cls(
            program=program,
            root=Path(os.path.normpath(program / data["top"])),
            stack_name=data["stack_name"],
            project_name=data["project_name"],
            target=Target(**data["target"]),
            images=images,
            base_args=data["base_args"],
            services=frozenset(data["services"]),
            workloads=data["workloads"],
            graph=Graph(nodes, edges),
            homes=data["homes"],
            lib_globs=tuple(data["lib_globs"]),
            platforms=tuple(data["platforms"]),
            build_secrets=frozenset(data["build_secrets"]),
            source_labels=data["source_labels"],
        )


def outline_of(project: Project) -> Outline:
    """Return the outline of a project."""
    from moorage.config.service import image_build_arg  # here: an outline that is kept needs no models

    needed = needed_images(project)
    images = [
        _image(project.image(name), project.base_images[name].build)
        for name in project.order
        if project.image(name) in needed
    ]
    images += [_image(project.service(name), project.services[name].build) for name in project.running]
    repository = project.monorepo.repository
    return Outline(
        program=project.program,
        root=project.root,
        stack_name=project.stack_name,
        project_name=project.name,
        target=project.target,
        images=tuple(images),
        base_args={image_build_arg(name): f"base-{name}" for name in project.base_images},
        services=frozenset(project.services),
        workloads={name: workload_settings(project, name) for name in (*project.running, *project.stores)},
        graph=project.graph,
        homes={kind.value: repository.home_of(kind) for kind in Kind},
        lib_globs=repository.layout.globs(Kind.lib),
        platforms=tuple(project.settings.platforms),
        build_secrets=frozenset(project.settings.build_secrets),
        source_labels=project.settings.source_labels,
    )


def _image(node: Node, build: Build) -> ImageOutline:
    return ImageOutline(
        node=node,
        dockerfile=PurePosixPath(node.folder, build.dockerfile).as_posix(),
        target=build.target,
        args=dict(build.args),
        bases=tuple(build.bases),
    )


def needed_images(project: Project) -> frozenset[Node]:
    """Return the base images that the stack's services are built FROM, and those of the data stores they need."""
    roots = {project.service(name) for name in project.services}
    roots |= {project.image(name) for name in project.stores}
    found = project.graph.below(roots, via=BUILD)
    return frozenset(node for node in found if node.kind is Kind.image)


def workload_settings(project: Project, name: str) -> dict[str, str]:
    """Return the settings on which a workload's objects depend, by names that people know them by."""
    from moorage.config.service import POSTGRES, REDIS

    shared = {
        "application": project.settings.application,
        "namespace": project.namespace,
        "registry": project.target.registry,
    }
    registry = project.settings.registry
    if registry and registry.image_pull_secret:
        shared["registry.imagePullSecret"] = registry.image_pull_secret
    if name in project.services:
        service = project.services[name]
        shared["stage"] = project.stage
        return shared | _leaves(service, leave_out=("name", "build")) | _needed(project, service.needs)
    return shared | _leaves({POSTGRES: project.settings.postgres, REDIS: project.settings.redis}[name])


def _needed(project: Project, needs: list[str]) -> dict[str, str]:
    """Return what the addresses that a service is told depend on."""
    from moorage.config.service import POSTGRES

    found = {}
    for need in needs:
        if need in project.services:
            found[f"needs.{need}.port"] = str(project.services[need].port)
        elif need == POSTGRES:
            found[f"needs.{need}.database"] = project.settings.postgres.database
    return found


def _leaves(model: Model, leave_out: tuple[str, ...] = ()) -> dict[str, str]:
    dumped = model.model_dump(mode="json", by_alias=True, exclude_none=True)
    found: dict[str, str] = {}
    waiting = [(key, value) for key, value in dumped.items() if key not in leave_out]
    while waiting:
        key, value = waiting.pop()
        if isinstance(value, dict):
            waiting += [(f"{key}.{name}", inner) for name, inner in value.items()]
        else:
            found[key] = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    return dict(sorted(found.items()))
