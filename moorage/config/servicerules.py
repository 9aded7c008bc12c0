"""Rules between the fields of one service: its kind, its probes and the folders that it may write to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moorage.config.base import Broken

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moorage.config.service import Service

ALWAYS_WRITABLE = "/tmp"  # noqa: S108  # a path inside the container
SECRETS_FOLDER = "/run/secrets/moorage"
"""Where a container finds its secrets, one file each."""


def kind_rules(service: Service) -> Iterator[Broken]:
    """Yield what a web service lacks, and what a worker has too much of."""
    if service.kind == "web" and service.port is None:
        yield Broken(
            what=f"the web service {service.name} has no port",
            rule="a web service listens on one port, to which its Service leads",
            remedy="add for example port: 8000, or make it kind: worker",
        )
    if service.kind == "worker":
        for key, value in (("port", service.port), ("route", service.route)):
            if value is not None:
                yield Broken(
                    what=f"the worker {service.name} has a {key}",
                    rule="nothing calls a worker: it has neither port nor route",
                    remedy=f"remove {key}, or make it kind: web",
                    at=(key,),
                )


def probe_rules(service: Service) -> Iterator[Broken]:
    """Yield probes without a port, and thresholds that Kubernetes refuses."""
    for name, probe in service.probes().items():
        for check, value in (("httpGet", probe.http_get), ("tcpSocket", probe.tcp_socket)):
            if service.kind == "worker" and value is not None and value.port is None:
                yield Broken(
                    what=f"{name}.{check} names no port",
                    rule="a worker has no port of its own to fall back on",
                    remedy="name the probe's port, or use exec",
                    at=(name, check),
                )
        if name != "readinessProbe" and probe.success_threshold != 1:
            yield Broken(
                what=f"{name}.successThreshold is {probe.success_threshold}",
                rule="Kubernetes accepts only 1 for startup and liveness probes",
                remedy="remove it",
                at=(name, "successThreshold"),
            )


def folder_rules(service: Service) -> Iterator[Broken]:
    """Yield folders of ``writablePaths`` that are mounted already."""
    for index, path in enumerate(service.writable_paths):
        if path == ALWAYS_WRITABLE:
            yield Broken(
                what=f"{path} is listed in writablePaths",
                rule="it is always writable, and Kubernetes refuses a second volume on the same path",
                remedy="remove it",
                at=("writablePaths", index),
            )
        elif f"{path}/".startswith(f"{SECRETS_FOLDER}/"):
            yield Broken(
                what=f"{path} is listed in writablePaths",
                rule=f"{SECRETS_FOLDER} holds the service's secrets, which nobody may write to",
                remedy="choose another folder",
                at=("writablePaths", index),
            )
