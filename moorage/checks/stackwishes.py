"""What the settings of all stacks ask of the Dockerfiles: platforms, and stages other than service.yaml's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from moorage.base.errors import Location, MoorageError
from moorage.config.sources import known_stacks, stack_file
from moorage.config.yamlfile import read_yaml

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from moorage.config.yamlfile import Document

_PLATFORMS, _SERVICES = "moorage:platforms", "moorage:services"


@dataclass(frozen=True)
class Wishes:
    """What all stacks want together."""

    platforms: tuple[str, ...] = ("",)
    """Each once; empty for that of the builder."""
    targets: tuple[tuple[str, str, Location], ...] = ()
    """Service, stage and where a stack asks for it."""

    def of(self, service: str) -> list[tuple[str, Location]]:
        """Return the stages that stacks want of a service."""
        return [(stage, where) for name, stage, where in self.targets if name == service]


def read_wishes(root: Path) -> Wishes:
    """Return what the stacks' files say; one that has errors is told of when its stack is loaded, and says nothing here."""
    platforms: set[str] = set()
    targets: list[tuple[str, str, Location]] = []
    for stack in known_stacks(root):
        try:
            document = read_yaml(stack_file(root, stack), secret=True)
        except MoorageError:
            continue
        config = _mapping(document.data.get("config"))
        listed = config.get(_PLATFORMS)
        named = [each for each in listed if isinstance(each, str)] if isinstance(listed, list) else []
        platforms |= set(named) or {""}
        targets += _targets(document, _mapping(config.get(_SERVICES)))
    return Wishes(tuple(sorted(platforms)) or ("",), tuple(targets))


def _targets(document: Document, services: dict[str, Any]) -> Iterator[tuple[str, str, Location]]:
    for name, override in services.items():
        part = _mapping(override)
        for trail, stage in (
            (("target",), part.get("target")),
            (("build", "target"), _mapping(part.get("build")).get("target")),
        ):
            if isinstance(stage, str) and stage:
                yield str(name), stage, document.value_at(("config", _SERVICES, name, *trail))


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
