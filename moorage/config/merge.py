"""What a stack makes of a service: its overrides, sizes for the embedded platform, quantities in canonical spelling."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from moorage.base.quantity import canonical_bytes, canonical_cpu, quantity_value, scale_bytes, scale_cpu
from moorage.config.ephemeral import MOST_STORAGE
from moorage.config.service import Amounts, Resources

if TYPE_CHECKING:
    from moorage.config.service import Service
    from moorage.config.stack import ServiceOverride, Stack

FLOOR_CPU = "10m"
FLOOR_MEMORY = "64Mi"
FLOOR_STORAGE = "64Mi"
"""Below these nothing starts, however small the factor; what is smaller to begin with stays as it is."""


def overridden(service: Service, override: ServiceOverride) -> Service:
    """Return the service with what the stack changes of it."""
    changes: dict[str, Any] = {"env": {**service.env, **override.env}}
    if override.target is not None:
        changes["build"] = service.build.model_copy(update={"target": override.target})
    if override.resources is not None:
        changes["resources"] = override.resources
    if override.replicas is not None:
        changes |= {"replicas": override.replicas, "scaling": None}
    if override.scaling is not None:
        bounds = override.scaling
        nearest = min(max(service.replicas, bounds.min_replicas), bounds.max_replicas)
        changes |= {"scaling": bounds, "replicas": nearest}
    return service.model_copy(update=changes)


def sized_service(service: Service, factor: float) -> Service:
    """Return the service with its resources times ``factor`` (1 leaves them), in canonical spelling."""
    return service.model_copy(update={"resources": sized_resources(service.resources, factor)})


def sized_settings(settings: Stack, factor: float) -> Stack:
    """Return the settings with the data stores' resources and storage times ``factor``, in canonical spelling."""
    stores = {
        name: store.model_copy(
            update={
                "resources": sized_resources(store.resources, factor),
                "storage": sized_bytes(store.storage, factor, FLOOR_STORAGE),
            }
        )
        for name, store in (("postgres", settings.postgres), ("redis", settings.redis))
    }
    return settings.model_copy(update=stores)


def sized_resources(resources: Resources, factor: float) -> Resources:
    """Return requests and limits times ``factor``, each at its floor or above.

    No limit falls below its request: both are rounded and floored alike, so the larger stays the larger.
    """
    requests, limits = (_sized_amounts(amounts, factor) for amounts in (resources.requests, resources.limits))
    return Resources(requests=requests, limits=limits)


def sized_bytes(text: str, factor: float, floor: str) -> str:
    """Return an amount of bytes times ``factor``, not below ``floor`` unless it was before."""
    return canonical_bytes(text) if factor == 1 else scale_bytes(text, Decimal(str(factor)), floor)


def _sized_amounts(amounts: Amounts, factor: float) -> Amounts:
    cpu = canonical_cpu(amounts.cpu) if factor == 1 else scale_cpu(amounts.cpu, Decimal(str(factor)), FLOOR_CPU)
    return Amounts(cpu=cpu, memory=sized_bytes(amounts.memory, factor, FLOOR_MEMORY))


def small_service(service: Service, settings: Stack, stack: str) -> Service:
    """Return the service as an environment for a while has it: one pod, small requests, a host of its own."""
    if settings.ephemeral is None or not settings.ephemeral.lives:
        return service
    changes: dict[str, Any] = {
        "replicas": min(service.replicas, 1),
        "scaling": None,
        "resources": _small(service.resources, settings.ephemeral.request_factor),
    }
    if service.route is not None and service.route.host:
        # Two stacks with one host would take each other's requests.
        changes["route"] = service.route.model_copy(update={"host": f"{stack}.{service.route.host}"})
    return service.model_copy(update=changes)


def small_settings(settings: Stack) -> Stack:
    """Return the settings as an environment for a while has them: data stores of small requests and volumes."""
    if settings.ephemeral is None or not settings.ephemeral.lives:
        return settings
    stores = {}
    for name, store in (("postgres", settings.postgres), ("redis", settings.redis)):
        storage = min(store.storage, MOST_STORAGE, key=quantity_value)
        resources = _small(store.resources, settings.ephemeral.request_factor)
        stores[name] = store.model_copy(update={"resources": resources, "storage": storage})
    return settings.model_copy(update=stores)


def _small(resources: Resources, factor: float) -> Resources:
    asked, exact = resources.requests, Decimal(str(factor))
    cpu, memory = scale_cpu(asked.cpu, exact, FLOOR_CPU), scale_bytes(asked.memory, exact, FLOOR_MEMORY)
    return Resources(requests=Amounts(cpu=cpu, memory=memory), limits=resources.limits)
