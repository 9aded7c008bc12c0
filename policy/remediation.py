"""Correcting objects in place, for the few rules whose fix cannot break a workload that works.

What is changed are the mappings and sequences that Pulumi hands over, or plain ones: only reading and ``d[key] = value``
are used, since the proxies that keep secrets secret know nothing else. Values that are unknown arrive as strings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from .objects import ROLES
from .unknowns import UNKNOWN_STRINGS


def pod_spec_of(root: Any) -> Any | None:
    """Return the pod spec inside an object of any pod-bearing kind, or None where there is none."""
    for way in (
        ("spec", "jobTemplate", "spec", "template", "spec"),
        ("spec", "template", "spec"),
        ("template", "spec"),
        ("spec",),
    ):
        here = root
        for key in way:
            here = here.get(key) if isinstance(here, Mapping) else None
        if isinstance(here, Mapping) and "containers" in here:
            return here
    return None


def containers_of(root: Any) -> Iterator[Any]:
    """Yield every container of an object that is an object itself."""
    spec = pod_spec_of(root)
    for role in ROLES:
        items = spec.get(role) if spec is not None else None
        if isinstance(items, Sequence) and not isinstance(items, str):
            yield from (item for item in items if isinstance(item, Mapping))


def ensure(root: Any, way: tuple[str, ...], value: Any, held: Callable[[Any], bool]) -> bool:
    """Set the field at ``way`` to ``value`` unless ``held`` accepts what is there; return whether it was set.

    Objects on the way are made where they are absent; where something else stands, nothing is changed.
    """
    here = root
    for depth, key in enumerate(way[:-1]):
        below = here.get(key)
        if below is None:
            nested = value
            for name in reversed(way[depth + 1 :]):
                nested = {name: nested}
            here[key] = nested
            return True
        if not isinstance(below, Mapping):
            return False
        here = below
    current = here.get(way[-1])
    unknown = isinstance(current, str) and current in UNKNOWN_STRINGS
    if unknown or (current is not None and held(current)):
        return False
    here[way[-1]] = value
    return True
