"""Addresses of the stack's own services, found in what a process is told, that its ``needs`` do not name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from moorage.config.service import DATA_SERVICES, needed_env

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from moorage.base.errors import Problem
    from moorage.config.monorepo import Monorepo
    from moorage.config.service import Service
    from moorage.config.stack import Stack
    from moorage.config.validate import Source
    from moorage.config.yamlfile import Trail

_HOST = r"[A-Za-z0-9](?:[-A-Za-z0-9.]*[A-Za-z0-9])?"
_URL = re.compile(rf"[A-Za-z][A-Za-z0-9+.-]*://(?:[^/@\s]*@)?({_HOST})")
_HOST_AND_PORT = re.compile(rf"(?<![-\w.:/])({_HOST}):([0-9]{{2,5}})(?![\w.])")
_LOWEST_PORT = 80
"""What is smaller after a colon is an image's version or a share, not a port."""
_IN_CLUSTER = re.compile(r"\b([a-z0-9](?:[-a-z0-9]*[a-z0-9])?)\.([-a-z0-9]+)\.svc\b")
_NAMES_A_HOST = re.compile(r"(?:^|_)(?:HOST|HOSTS|HOSTNAME|ADDR|ADDRESS|SERVER|SERVERS|ENDPOINT|UPSTREAM|URL|URI)$")


def monorepo_warnings(monorepo: Monorepo) -> Iterator[Problem]:
    """Yield each address in a ``service.yaml`` of something that the service does not need, whatever the stack."""
    services = {name: service for name, _, service in monorepo.read_services()}
    for _, source, service in monorepo.read_services():
        values = {trail: (source, trail, text) for trail, text in _told(service).items()}
        yield from _undeclared(service, values.values(), services, None)


def stack_warnings(
    monorepo: Monorepo, settings: Stack, services: Mapping[str, Service], namespace: str
) -> Iterator[Problem]:
    """Yield the same for what a stack runs, with its own variables; nothing where its network is open."""
    if not settings.network_policies:
        return
    every = {name: service for name, _, service in monorepo.read_services()}
    for name, source, _ in monorepo.read_services():
        if name in services:
            values = {trail: (source, trail, text) for trail, text in _told(services[name]).items()}
            yield from _undeclared(services[name], values.values(), every, namespace)


def _told(service: Service) -> dict[Trail, str]:
    """Return what a process is told, by trail in its ``service.yaml``: variables and arguments."""
    values: dict[Trail, str] = {("env", name): value for name, value in service.env.items()}
    for key, words in (("command", service.command), ("args", service.args)):
        values |= {(key, index): word for index, word in enumerate(words or ())}
    return values


def _undeclared(
    service: Service,
    values: Iterable[tuple[Source, Trail, str]],
    services: Mapping[str, Service],
    namespace: str | None,
) -> Iterator[Problem]:
    candidates = {*services, *DATA_SERVICES} - {service.name, *service.needs}
    for source, trail, text in values:
        for name in sorted(_addressed(str(trail[-1]), text, namespace) & candidates):
            worker = name in services and services[name].kind == "worker"
            needs = ", ".join([*service.needs, name])
            yield source.problem(
                trail,
                what=f"{service.name} is told the address of {name}, which it does not need",
                why="network policies let a service reach only what its needs name",
                remedy=f"remove it: the worker {name} listens nowhere"
                if worker
                else f"write needs: [{needs}] in its service.yaml; {needed_env(name)[0]} then tells it",
            )


def _addressed(variable: str, text: str, namespace: str | None) -> set[str]:
    """Return the names of which a text may hold an address in this namespace; any one where it is None."""
    found: set[str] = set()
    for host, space in _IN_CLUSTER.findall(text):
        if namespace in {None, space}:
            found.add(host.removesuffix("-headless"))
    hosts = [*_URL.findall(text)]
    hosts += [host for host, port in _HOST_AND_PORT.findall(text) if int(port) >= _LOWEST_PORT]
    if _NAMES_A_HOST.search(variable.upper()):
        hosts += re.split(r"[\s,;]+", text)
    return found | {host.lower().removesuffix(f".{namespace}") for host in hosts}
