"""``Pulumi.yaml``: what it sets for all stacks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from moorage.base.errors import MoorageError, Problem
from moorage.base.stage import POLICY_SETTING
from moorage.config.validate import Source
from moorage.config.yamlfile import read_yaml

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FILE = "Pulumi.yaml"
_CONFIG = "config"
OWN = "moorage"
"""The key of ``Pulumi.yaml`` that Pulumi leaves to us."""
_VALUES = ("value", "default")


@dataclass(frozen=True)
class ProjectFile:
    """What stands below ``config`` in ``Pulumi.yaml``, and where; empty where the file is or is missing."""

    source: Source | None
    config: dict[str, Any]
    name: str = ""
    """The project's name."""
    own: Source | None = None
    """Where ``moorage`` stands; None where the file has no such key."""
    own_data: dict[str, Any] = field(default_factory=dict)

    @property
    def policy_stage(self) -> Any:
        """The value of ``policy:stage``, None where it is not set."""
        value = self.config.get(POLICY_SETTING)
        return next((value[key] for key in _VALUES if key in value), None) if isinstance(value, dict) else value


def read_project(root: Path) -> ProjectFile:
    """Read what ``Pulumi.yaml`` sets for all stacks; raises `MoorageError` where it is not YAML, or ``moorage`` no mapping."""
    path = root / _FILE
    if not path.exists() or not path.read_bytes().strip():
        return ProjectFile(None, {})  # Pulumi itself says what it lacks
    source = Source(read_yaml(path), (_CONFIG,))
    data = source.document.data
    config, own, name = data.get(_CONFIG), data.get(OWN), data.get("name")
    if OWN in data and not isinstance(own, dict):
        raise MoorageError(
            source.at(
                source.document.value_at((OWN,)),
                Problem(
                    what=f"{OWN} is not a mapping",
                    why="it holds what is Moorage's for all stacks, such as layout",
                    remedy="write layout: below it, or remove it",
                ),
            )
        )
    return ProjectFile(
        source,
        config if isinstance(config, dict) else {},
        name if isinstance(name, str) else "",
        Source(source.document, (OWN,)) if OWN in data else None,
        own or {},
    )


def check_project(project: ProjectFile, prefix: str) -> Iterator[Problem]:
    """Yield the settings that begin with ``prefix``: they are read from the stacks' files alone."""
    for key in project.config:
        if project.source is not None and key.startswith(prefix):
            yield project.source.problem(
                (key,),
                what=f"{key} stands in {_FILE}",
                why=f"settings that begin with {prefix} are read from each stack's own file",
                remedy="move it below config in Pulumi.<stack>.yaml",
                key=True,
            )
