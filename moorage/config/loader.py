"""From the files of a monorepo to one stack's `Project`, or to every error in them at once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from moorage.base.errors import Location, MoorageError, Problem
from moorage.config.addresses import stack_warnings
from moorage.config.develop import developed, developing
from moorage.config.graph import Kind
from moorage.config.imagelock import check_pinned, read_image_lock
from moorage.config.merge import merged_service, sized_service, sized_settings, small_service, small_settings
from moorage.config.monorepo import check_monorepo, read_monorepo
from moorage.config.project import Project
from moorage.config.repository import read_repository
from moorage.config.sources import read_services
from moorage.config.stack import ServiceOverride
from moorage.config.stackfile import read_stack
from moorage.config.stackrules import check_stack, namespace_of
from moorage.config.target import Target, resolve_target

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

    from moorage.config.develop import Developing
    from moorage.config.graph import Graph
    from moorage.config.imagelock import ImageLock
    from moorage.config.monorepo import Monorepo
    from moorage.config.service import Service
    from moorage.config.stack import Stack
    from moorage.config.stackfile import StackFile
    from moorage.config.validate import Source

__all__ = ["Project", "Target", "load_project", "load_target"]


def load_project(root: Path, stack: str) -> Project:
    """Read, check and merge everything that the stack called ``stack`` consists of.

    ``root`` is the folder of ``Pulumi.yaml``. Reads files only: no cluster, registry or builder is asked. Raises
    `MoorageError` with every problem of every file, sorted by place.
    """
    root = root.resolve()
    problems: list[Problem] = []
    monorepo, _ = read_monorepo(root, problems)
    keys = frozenset[str]().union(*(entry.secret_keys() for entry in monorepo.services.values()))
    try:
        file = read_stack(root, stack, keys, problems)
    except MoorageError as error:
        raise MoorageError(*_sorted([*problems, *error.problems])) from None
    problems.extend(file.about_secrets)
    lock = read_image_lock(root, problems)
    settings = file.settings
    target = resolve_target(root, settings, file.source, problems) if settings else None
    session = developing()
    services = _services(monorepo, file, settings, problems) if settings else {}
    merged = in_stack(monorepo, services, file.source)
    if settings and services:
        problems.extend(_problems_in_stack(monorepo, merged, services, problems))
        problems.extend(check_stack(merged, file, settings, services))
        problems.extend(_unpinned(merged, services, lock))
    if problems or settings is None or target is None:
        raise MoorageError(*_sorted(problems))
    namespace = namespace_of(settings, stack)
    factor = settings.embedded.resource_factor if target.embedded else 1.0
    graph = merged.graph()
    return Project(
        program=root,
        root=monorepo.repository.top,
        stack_name=stack,
        stage=file.stage,
        settings=sized_settings(small_settings(settings), factor),
        services=_sized(services, factor, session),
        base_images={name: entry.model for name, entry in monorepo.images.items() if entry.model},
        libs=monorepo.libs,
        target=target,
        stack_source=file.source,
        sources={name: source for name, source, _ in merged.read_services()},
        lock=lock,
        namespace=namespace,
        order=_order(graph, services),
        graph=graph,
        monorepo=monorepo,
        developing=session,
        warnings=tuple(stack_warnings(merged, settings, services, namespace)),
    )


def _order(graph: Graph, services: Mapping[str, Service]) -> tuple[str, ...]:
    order = graph.order()
    images = (node.name for node in order if node.kind is Kind.image)
    return (*images, *(node.name for node in order if node.kind is Kind.service and node.name in services))


def load_target(root: Path, stack: str) -> Target:
    """Return where a stack goes, whatever is wrong with its services and its secrets.

    What puts these right, such as ``pulumi config set --secret``, needs to know it. Raises `MoorageError` with what is
    wrong with the stack's own settings.
    """
    root = root.resolve()
    problems: list[Problem] = []
    keys = frozenset[str]().union(
        *(entry.secret_keys() for entry in read_services(read_repository(root, []), []).values())
    )
    file = read_stack(root, stack, keys, problems)
    target = resolve_target(root, file.settings, file.source, problems) if file.settings else None
    if problems or target is None:
        raise MoorageError(*_sorted(problems))
    return target


def _services(monorepo: Monorepo, file: StackFile, settings: Stack, problems: list[Problem]) -> dict[str, Service]:
    services = {}
    for name, _, _ in monorepo.read_services():
        override = settings.services.get(name, ServiceOverride())
        if override.run:
            over = file.source.below(("services", name))
            merged = merged_service(monorepo.services[name], override, over, problems)
            services[name] = small_service(merged, settings, file.stack)
    return services


def in_stack(monorepo: Monorepo, services: Mapping[str, Service], source: Source) -> Monorepo:
    """Return the monorepo with the services as a stack has them; what that changes is placed in its file."""
    entries = dict(monorepo.services)
    for name, service in services.items():
        entry = entries[name]
        if entry.source is not None:
            over = replace(entry.source, over=source.below(("services", name)))
            entries[name] = replace(entry, model=service, source=over)
    return replace(monorepo, services=entries)


def _problems_in_stack(
    monorepo: Monorepo, merged: Monorepo, services: Mapping[str, Service], told: Collection[Problem]
) -> list[Problem]:
    """Return what is wrong with names and cycles only as a stack has its services."""
    if all(services[name] == monorepo.services[name].model for name in services):
        return []
    return [found for found in check_monorepo(merged, merged.graph()) if found not in told]


def _unpinned(monorepo: Monorepo, services: Mapping[str, Service], lock: ImageLock) -> Iterator[Problem]:
    for name, service in services.items():
        source = monorepo.services[name].source
        if service.image is not None and source is not None:
            problem = check_pinned(source, name, service.image, lock)
            if problem is not None:
                yield problem


def _sized(services: dict[str, Service], factor: float, session: Developing | None) -> dict[str, Service]:
    """Return services sized for the target; those that are being developed have sizes of their own."""
    return {
        name: sized_service(developed(service), 1)
        if session and name in session.services
        else sized_service(service, factor)
        for name, service in services.items()
    }


def _sorted(problems: list[Problem]) -> list[Problem]:
    def place(problem: Problem) -> tuple[str, int, int]:
        where = problem.where
        return (where.file, where.line, where.column) if isinstance(where, Location) else (str(where or ""), 0, 0)

    return sorted(problems, key=place)
