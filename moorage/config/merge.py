"""What a stack makes of a service: its overrides, sizes for the embedded platform, quantities in canonical spelling."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import NoneType
from typing import TYPE_CHECKING, Any, get_args

from pydantic_core import PydanticUndefined

from moorage.base.quantity import canonical_bytes, canonical_cpu, quantity_value, scale_bytes, scale_cpu
from moorage.config.ephemeral import MOST_STORAGE
from moorage.config.modelkeys import known_keys, model_at
from moorage.config.service import Amounts, Resources, Service
from moorage.config.stack import ServiceInStack
from moorage.config.validate import validated

if TYPE_CHECKING:
    from pydantic import BaseModel

    from moorage.base.errors import Problem
    from moorage.config.sources import Entry
    from moorage.config.stack import ServiceOverride, Stack
    from moorage.config.validate import Source

FLOOR_CPU = "10m"
FLOOR_MEMORY = "64Mi"
FLOOR_STORAGE = "64Mi"
"""Below these nothing starts, however small the factor; what is smaller to begin with stays as it is."""


def deep_merged(
    base: Mapping[str, Any], changes: Mapping[str, Any], model: type[BaseModel] | None = None
) -> dict[str, Any]:
    """Return ``base`` with ``changes``: mappings are merged key by key, null removes a key, anything else replaces.

    A null that ``model`` gives a meaning of its own, other than that of a key that is absent, is a value as well.
    """
    merged = dict(base)
    for key, value in changes.items():
        if value is None and not (model and _null_means_something(model, key)):
            merged.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(merged.get(key), Mapping):
            merged[key] = deep_merged(merged[key], value, model_at(model, (key,)) if model else None)
        else:
            merged[key] = value
    return merged


def _null_means_something(model: type[BaseModel], key: str) -> bool:
    info = known_keys(model).get(key)
    return (
        info is not None
        and NoneType in get_args(info.annotation)
        and info.default is not None
        and info.default is not PydanticUndefined
    )


def merged_service(entry: Entry[Service], override: ServiceOverride, over: Source, problems: list[Problem]) -> Service:
    """Return a service with what the stack changes of it; ``over`` is where that is written.

    What is wrong with it is added to ``problems``, and the service then stays as it was.
    """
    if entry.model is None or entry.source is None:
        raise ValueError(entry.name)
    changes = override.changes()
    if not changes:
        return entry.model
    if changes.get("replicas") is not None and changes.get("scaling") is not None:
        problems.append(
            over.problem(
                ("replicas",),
                what=f"{over.name(())}: both replicas and scaling are set",
                why="replicas fixes the number of pods, scaling lets the load decide it",
                remedy="keep one of them; pods at rest are scaling.minReplicas",
            )
        )
        return entry.model
    merged = _reconciled(deep_merged(entry.source.document.data, changes, Service), changes)
    found = validated(ServiceInStack, merged, over, problems)
    if found is None:
        return entry.model
    fields = {name: getattr(found, name) for name in Service.model_fields}
    return Service.model_construct(found.model_fields_set, **fields)


def _reconciled(merged: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return a merged service without what the stack's own choice takes the place of."""
    if changes.get("replicas") is not None:
        merged.pop("scaling", None)
    elif "scaling" in changes and isinstance(merged.get("scaling"), dict) and "replicas" in merged:
        low, high = (merged["scaling"].get(key) for key in ("minReplicas", "maxReplicas"))
        if all(isinstance(number, int) for number in (low, high, merged["replicas"])):
            merged["replicas"] = min(max(merged["replicas"], low), high)
    for key, other in (("image", "build"), ("build", "image")):
        if changes.get(key) is not None and other not in changes:
            merged.pop(other, None)
    return merged


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
