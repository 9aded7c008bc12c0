"""Which objects a stack consists of, told without making them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moorage.config.project import Project
    from moorage.config.service import Service


@dataclass(frozen=True)
class ObjectName:
    """One object; ``name`` is None where the engine makes it up, ``service`` the workload that it belongs to."""

    kind: str
    name: str | None
    service: str

    def __str__(self) -> str:
        """Return the object as people name it."""
        return f"{self.kind}/{self.name}" if self.name else self.kind


def inventory(project: Project) -> list[ObjectName]:
    """Return every object of a stack that can be patched."""
    return [*_of_stack(project), *(found for name in project.running for found in _of_service(project, name))]


def _of_stack(project: Project) -> Iterator[ObjectName]:
    application = project.settings.application
    yield ObjectName("Namespace", project.namespace, application)
    if project.settings.network_policies:
        yield from (ObjectName("NetworkPolicy", name, application) for name in ("default-deny", "allow-dns"))
    if any(service.route for service in project.services.values()):
        yield ObjectName("Ingress", application, application)
    for store in project.stores:
        for kind, name in (("ServiceAccount", store), ("Service", store), ("Service", f"{store}-headless")):
            yield ObjectName(kind, name, store)
        yield ObjectName("StatefulSet", store, store)
        yield ObjectName("Secret", None, store)
        if project.settings.network_policies:
            yield ObjectName("NetworkPolicy", store, store)


def _of_service(project: Project, name: str) -> Iterator[ObjectName]:
    service = project.services[name]
    for kind in ("ServiceAccount", "Deployment", "PodDisruptionBudget"):
        yield ObjectName(kind, name, name)
    yield ObjectName("ConfigMap", None, name)
    if service.secrets or set(service.needs) & set(project.stores):
        yield ObjectName("Secret", None, name)
    if service.port is not None:
        yield ObjectName("Service", name, name)
    if service.scaling is not None:
        yield ObjectName("HorizontalPodAutoscaler", name, name)
    if project.settings.network_policies and _has_flows(project, service):
        yield ObjectName("NetworkPolicy", name, name)


def _has_flows(project: Project, service: Service) -> bool:
    needed = any(service.name in other.needs for other in project.services.values())
    return bool(service.needs or service.route or (needed and service.port))
