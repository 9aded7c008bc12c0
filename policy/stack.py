"""All objects of a stack together, for rules on how they refer to each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from policy.objects import Object, Pod


@dataclass(frozen=True, eq=False)
class Stack:
    """Objects in the order in which they were declared, and the URNs that each URN depends on, of Pulumi's."""

    objects: tuple[Object, ...]
    dependencies: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @cached_property
    def by_kind(self) -> dict[str, list[Object]]:
        """The objects of each kind."""
        kinds: dict[str, list[Object]] = {}
        for item in self.objects:
            kinds.setdefault(item.kind, []).append(item)
        return kinds

    def of(self, *kinds: str) -> Iterator[Object]:
        """Yield the objects of these kinds, patches left out."""
        for kind in kinds:
            yield from (item for item in self.by_kind.get(kind, ()) if not item.partial)

    @cached_property
    def pods(self) -> tuple[Pod, ...]:
        """Every pod template of the stack, patches left out."""
        return tuple(item.pod for item in self.objects if item.pod is not None and not item.partial)

    def find(self, kind: str, namespace: str, name: str) -> Object | None:
        """Return the object of that name, or None."""
        return self._by_name.get((kind, namespace, name))

    @cached_property
    def _by_name(self) -> dict[tuple[str, str, str], Object]:
        return {(item.kind, item.namespace, item.name): item for item in self.objects}
