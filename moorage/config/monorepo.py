"""The monorepo as it is on disk, and what must hold between its files: names that exist, and no cycles."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from moorage.base.words import did_you_mean, listed
from moorage.config.buildpaths import check_contexts
from moorage.config.graph import START, Edge, Graph, Kind, Node, Via
from moorage.config.misplaced import check_misplaced
from moorage.config.repository import read_repository
from moorage.config.service import DATA_SERVICES, Service
from moorage.config.sources import find_libs, read_images, read_services, read_shipped

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

    from moorage.base.errors import Problem
    from moorage.config.repository import Repository
    from moorage.config.service import BaseImage, Build
    from moorage.config.sources import Entry
    from moorage.config.validate import Source

RESERVED = (*DATA_SERVICES, "database")
"""Names that the data stores and their variables take."""


@dataclass(frozen=True, kw_only=True)
class Monorepo:
    """Everything that was found on disk, right or wrong."""

    repository: Repository
    services: Mapping[str, Entry[Service]]
    images: Mapping[str, Entry[BaseImage]]
    libs: tuple[str, ...]

    def read_services(self) -> Iterator[tuple[str, Source, Service]]:
        """Yield the services that could be read, by the name of their folder."""
        for name, entry in self.services.items():
            if entry.source is not None and entry.model is not None:
                yield name, entry.source, entry.model

    def builds(self) -> Iterator[tuple[Node, Source, Build]]:
        """Yield how each image of the monorepo's own that could be read is built, with what it is and where that is written."""
        for name, image in self.images.items():
            shipped = self.repository.node(Kind.image, name) in self.repository.shipped
            if image.source is not None and image.model is not None and not shipped:
                yield self.repository.node(Kind.image, name), image.source, image.model.build
        for name, source, service in self.read_services():
            if service.image is None:
                yield self.repository.node(Kind.service, name), source, service.build

    def graph(self) -> Graph:
        """Return the graph of all that could be read, without edges to what does not exist."""
        node = self.repository.node
        nodes = [node(Kind.image, name) for name in self.images]
        nodes += [node(Kind.lib, name) for name in self.libs]
        nodes += [node(Kind.service, name) for name in self.services]
        known = set(nodes)
        edges = [edge for edge in self._edges() if edge.target in known]
        return Graph(tuple(nodes), tuple(edges))

    def _edges(self) -> Iterator[Edge]:
        to = self.repository.node
        for kind, entries in ((Kind.image, self.images), (Kind.service, self.services)):
            for name, entry in entries.items():
                if entry.model is None:
                    continue
                node, build = to(kind, name), entry.model.build
                yield from (Edge(node, to(Kind.image, base), Via.base) for base in build.bases)
                yield from (Edge(node, to(Kind.lib, lib), Via.lib) for lib in build.libs)
                if isinstance(entry.model, Service):
                    yield from (Edge(node, to(Kind.service, need), Via.need) for need in entry.model.needs)


def read_monorepo(program: Path, problems: list[Problem]) -> tuple[Monorepo, Graph]:
    """Return everything that the project in the folder ``program`` declares, and its graph; add what is wrong whatever the stack.

    Raises `MoorageError` where its ``Pulumi.yaml`` cannot be read.
    """
    repository = read_repository(program, problems)
    sound = not problems
    services, images = read_services(repository, problems), read_images(repository, problems)
    shipped = read_shipped(_wanted(services, images), images)
    repository = replace(repository, shipped=tuple(Node(Kind.image, name, f"images/{name}") for name in shipped))
    monorepo = Monorepo(repository=repository, services=services, images=shipped | images, libs=find_libs(repository))
    graph = monorepo.graph()
    if sound:
        problems.extend(check_misplaced(repository))
        problems.extend(check_contexts(repository, monorepo.images.values(), monorepo.services.values()))
    problems.extend(check_monorepo(monorepo, graph))
    return monorepo, graph


def _wanted(services: Mapping[str, Entry[Service]], images: Mapping[str, Entry[BaseImage]]) -> set[str]:
    """Return the names of the base images that are built FROM, and of those that data stores run."""
    of_services = [entry.model for entry in services.values() if entry.model is not None]
    of_images = [entry.model for entry in images.values() if entry.model is not None]
    found = {base for model in of_services for base in model.build.bases}
    found |= {base for model in of_images for base in model.build.bases}
    return found | {need for model in of_services for need in model.needs if need in DATA_SERVICES}


def check_monorepo(monorepo: Monorepo, graph: Graph) -> Iterator[Problem]:
    """Yield everything that is wrong whatever the stack."""
    for name, source, service in monorepo.read_services():
        yield from _check_name(monorepo, name, source, service)
        yield from _check_needs(monorepo, graph, source, service)
    for node, source, build in monorepo.builds():
        # What is built FROM the image itself cannot be its base.
        above = {other.name for other in graph.affected([node]) if node.kind is Kind.image}
        possible = [name for name in monorepo.images if name not in above]
        images, libs, repository = monorepo.images, monorepo.libs, monorepo.repository
        yield from _check_parts(repository, source, Kind.image, build.bases, known=images, possible=possible)
        yield from _check_parts(repository, source, Kind.lib, build.libs, known=libs, possible=libs)
    for cycle in graph.cycles():
        yield _cycle(monorepo, cycle)


def _check_name(monorepo: Monorepo, folder: str, source: Source, service: Service) -> Iterator[Problem]:
    name = service.name
    if name != folder:
        yield source.problem(
            ("name",),
            what=f"the service in {monorepo.repository.node(Kind.service, folder)} is called {name}",
            why="a service is called what its folder is called",
            remedy=f"write name: {folder}, or rename the folder",
        )
    own = {node.name for node in monorepo.repository.of_kind(Kind.image)}
    if name in {*RESERVED, *own, *(f"base-{image}" for image in monorepo.images)}:
        yield source.problem(
            ("name",),
            what=f"the name {name} is taken",
            why=f"base images and data stores are called {listed(sorted({*RESERVED, *own}))}",
            remedy="give the service and its folder another name",
        )


def _check_needs(monorepo: Monorepo, graph: Graph, source: Source, service: Service) -> Iterator[Problem]:
    known = (*DATA_SERVICES, *monorepo.services)
    possible = [*DATA_SERVICES, *_callable_by(monorepo, graph, service)]
    for index, need in enumerate(service.needs):
        trail = ("needs", index)
        if need not in known:
            yield source.problem(
                trail,
                what=f"{service.name} needs {need}, which does not exist",
                why=f"it may need {listed(possible)}",
                remedy=did_you_mean(need, possible, "name one of them, or remove it"),
            )
            continue
        entry = monorepo.services.get(need)
        if entry is not None and entry.model is not None and entry.model.kind == "worker":
            yield source.problem(
                trail,
                what=f"{service.name} needs the worker {need}",
                why="a worker has no port, so nothing can call it or wait for it",
                remedy="remove it from needs, or give the worker a port and kind: web",
            )


def _callable_by(monorepo: Monorepo, graph: Graph, service: Service) -> Iterator[str]:
    """Yield the services that another could need as well: they listen, and do not need that one themselves."""
    node = Node(Kind.service, service.name)
    above = graph.affected([node], START) if node in graph.nodes else frozenset()
    for name, entry in monorepo.services.items():
        worker = entry.model is not None and entry.model.kind == "worker"
        if not worker and name != service.name and Node(Kind.service, name) not in above:
            yield name


def _check_parts(
    repository: Repository,
    source: Source,
    kind: Kind,
    names: Collection[str],
    *,
    known: Collection[str],
    possible: Collection[str],
) -> Iterator[Problem]:
    key = {Kind.image: "bases", Kind.lib: "libs"}[kind]
    for index, name in enumerate(names):
        if name not in known:
            yield source.problem(
                ("build", key, index),
                what=f"{repository.node(kind, name)} does not exist",
                why=f"{repository.home_of(kind) or 'the repository'}/ has {listed(possible)}",
                remedy=did_you_mean(name, possible, f"create it, or remove it from build.{key}"),
            )


def _cycle(monorepo: Monorepo, cycle: tuple[Node, ...]) -> Problem:
    first, second = cycle[0], cycle[1]
    entry = (monorepo.images if first.kind is Kind.image else monorepo.services)[first.name]
    if entry.source is None or entry.model is None:  # pragma: no cover  # such a node has no edges
        raise ValueError(first)
    needs = entry.model.needs if isinstance(entry.model, Service) else []
    by_need = second.kind is Kind.service and second.name in needs
    trail = ("needs", needs.index(second.name)) if by_need else ("build", "bases", 0)
    if not by_need:
        trail = ("build", "bases", entry.model.build.bases.index(second.name))
    return entry.source.problem(
        trail,
        what=f"{first} depends on itself: {' -> '.join(map(str, cycle))}",
        why="each must be Ready before the next can start" if by_need else "each is built FROM the next",
        remedy="remove one of these needs" if by_need else "remove one of these bases",
    )
