"""From the files of a monorepo to one stack's `Project`, or to every error in them at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moorage.base.errors import Location, MoorageError, Problem
from moorage.config.addresses import stack_warnings
from moorage.config.endpoint import resolve_target
from moorage.config.graph import Kind
from moorage.config.merge import overridden, sized_service, sized_settings, small_service, small_settings
from moorage.config.monorepo import read_monorepo
from moorage.config.project import Project
from moorage.config.repository import read_repository
from moorage.config.sources import read_services
from moorage.config.stack import ServiceOverride
from moorage.config.stackfile import read_stack
from moorage.config.stackrules import check_stack, namespace_of
from moorage.config.target import Target

if TYPE_CHECKING:
    from pathlib import Path

    from moorage.config.monorepo import Monorepo
    from moorage.config.service import Service
    from moorage.config.stack import Stack

__all__ = ["Project", "Target", "load_project", "load_target"]


def load_project(root: Path, stack: str) -> Project:
    """Read, check and merge everything that the stack called ``stack`` consists of.

    ``root`` is the folder of ``Pulumi.yaml``. Reads files only: no cluster, registry or builder is asked. Raises
    `MoorageError` with every problem of every file, sorted by place.
    """
    root = root.resolve()
    problems: list[Problem] = []
    monorepo, graph = read_monorepo(root, problems)
    keys = frozenset[str]().union(*(entry.secret_keys() for entry in monorepo.services.values()))
    try:
        file = read_stack(root, stack, keys, problems)
    except MoorageError as error:
        raise MoorageError(*_sorted([*problems, *error.problems])) from None
    problems.extend(file.about_secrets)
    settings = file.settings
    target = resolve_target(root, settings, file.source, problems) if settings else None
    services = _services(monorepo, settings, stack) if settings else {}
    if settings:
        problems.extend(check_stack(monorepo, file, settings, services))
    if problems or settings is None or target is None:
        raise MoorageError(*_sorted(problems))
    namespace = namespace_of(settings, stack)
    factor = settings.embedded.resource_factor if target.embedded else 1.0
    order = graph.order()
    return Project(
        name=file.project_name,
        program=root,
        root=monorepo.repository.top,
        stack_name=stack,
        stage=file.stage,
        settings=sized_settings(small_settings(settings), factor),
        services={name: sized_service(service, factor) for name, service in services.items()},
        base_images={name: entry.model for name, entry in monorepo.images.items() if entry.model},
        libs=monorepo.libs,
        target=target,
        namespace=namespace,
        order=(
            *(node.name for node in order if node.kind is Kind.image),
            *(node.name for node in order if node.kind is Kind.service and node.name in services),
        ),
        graph=graph,
        monorepo=monorepo,
        warnings=tuple(stack_warnings(monorepo, file.source, settings, services, namespace)),
    )


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


def _services(monorepo: Monorepo, settings: Stack, stack: str) -> dict[str, Service]:
    services = {}
    for name, _, service in monorepo.read_services():
        override = settings.services.get(name, ServiceOverride())
        if override.run:
            services[name] = small_service(overridden(service, override), settings, stack)
    return services


def _sorted(problems: list[Problem]) -> list[Problem]:
    def place(problem: Problem) -> tuple[str, int, int]:
        where = problem.where
        return (where.file, where.line, where.column) if isinstance(where, Location) else (str(where or ""), 0, 0)

    return sorted(problems, key=place)
