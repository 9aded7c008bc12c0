"""What must hold between a stack and the services that it runs: names, secrets that are set, one service to a route."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from moorage.base.words import did_you_mean, listed
from moorage.config.observability import PYTHON_IMAGE, WATCHER
from moorage.config.stackfile import set_secret_command

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from moorage.base.errors import Problem
    from moorage.config.monorepo import Monorepo
    from moorage.config.service import Service
    from moorage.config.stack import Stack
    from moorage.config.stackfile import StackFile
    from moorage.config.validate import Source

_NAMESPACE = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")


def namespace_of(settings: Stack, stack: str) -> str:
    """Return the namespace of a stack."""
    return settings.namespace or f"{settings.application}-{stack}"


def check_stack(
    monorepo: Monorepo, file: StackFile, settings: Stack, services: Mapping[str, Service]
) -> Iterator[Problem]:
    """Yield everything that is wrong between a stack and the services that it runs, its overrides applied."""
    source = file.source
    yield from _check_namespace(file, settings)
    for name in settings.services:
        if name not in monorepo.services:
            yield source.problem(
                ("services", name),
                what=f"unknown service {name} in moorage:services",
                why=f"services are {listed(monorepo.services)}" if monorepo.services else "there are none",
                remedy=did_you_mean(name, monorepo.services, "remove it"),
                key=True,
            )
    for name, service in services.items():
        entry = monorepo.services[name]
        if entry.source is not None:
            yield from _check_secrets(entry.source, service, file)
            yield from _check_running(monorepo, entry.source, service, services, source)
    yield from _check_routes(monorepo, settings, services)
    yield from _check_watcher(monorepo, settings, services, source)
    yield from _check_build_secrets(source, settings)


def _check_watcher(
    monorepo: Monorepo, settings: Stack, services: Mapping[str, Service], source: Source
) -> Iterator[Problem]:
    if settings.observability.needs_python and PYTHON_IMAGE not in monorepo.images:
        yield source.problem(
            ("observability", "watcher"),
            what="the watcher has no image to run in",
            why=f"it needs Python 3.11 or newer, and there is no base image {PYTHON_IMAGE}",
            remedy=f"set observability.watcherImage to an image with Python, or add a base image {PYTHON_IMAGE}",
        )
    if settings.observability.watcher and WATCHER in services:
        yield source.problem(
            ("observability", "watcher"),
            what=f"the service {WATCHER} and the stack's watcher have one name",
            why="their objects are in one namespace, and each has the name of its workload",
            remedy="give the service and its folder another name, or remove observability.watcher",
        )


def _check_secrets(source: Source, service: Service, file: StackFile) -> Iterator[Problem]:
    for name, key in service.secrets.items():
        if key not in file.secrets:
            yield source.problem(
                ("secrets", name),
                what=f"the stack {file.stack} has no secret moorage:{key}",
                why=f"{service.name} reads it as {name}",
                remedy=f"run {set_secret_command(key, file.stack)}",
            )


def _check_running(
    monorepo: Monorepo, source: Source, service: Service, running: Mapping[str, Service], stack: Source
) -> Iterator[Problem]:
    for index, need in enumerate(service.needs):
        entry = monorepo.services.get(need)
        if entry is not None and entry.model is not None and need not in running:
            there = stack.document.value_at(stack.trail(("services", need, "run")))
            yield source.problem(
                ("needs", index),
                what=f"{service.name} needs {need}, which does not run in this stack",
                why=f"{there} has run: false",
                remedy=f"remove run: false of {need}, or set it for {service.name} too",
            )


def _check_routes(monorepo: Monorepo, settings: Stack, services: Mapping[str, Service]) -> Iterator[Problem]:
    owners: dict[tuple[str, str], str] = {}
    for name, service in services.items():
        source = monorepo.services[name].source
        if service.route is None or source is None:
            continue
        host, path = service.route.host or settings.ingress.host, service.route.path
        owner = owners.setdefault((host, path.rstrip("/")), name)
        if owner != name:
            yield source.problem(
                ("route", "path"),
                what=f"{name} and {owner} have the same route, {host}{path}",
                why="a request can go to one service only",
                remedy=f"give {name} or {owner} another path or host",
            )


def _check_build_secrets(source: Source, settings: Stack) -> Iterator[Problem]:
    root = source.document.path.parent
    for name, path in settings.build_secrets.items():
        if not (root / Path(path).expanduser()).is_file():
            yield source.problem(
                ("buildSecrets", name),
                what=f"the build secret {name} is not a file: {path}",
                why="builds read its contents; a relative path starts at the folder of Pulumi.yaml",
                remedy="create the file, or correct the path",
            )


def _check_namespace(file: StackFile, settings: Stack) -> Iterator[Problem]:
    namespace = namespace_of(settings, file.stack)
    if not _NAMESPACE.fullmatch(namespace):
        yield file.source.problem(
            (),
            what=f"{namespace} cannot be the name of a namespace",
            why="a namespace has lower-case letters, digits and hyphens, and at most 63 characters",
            remedy="set moorage:namespace, or give the stack another name",
        )
