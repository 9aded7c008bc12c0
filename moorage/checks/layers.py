"""How often the layers of a Dockerfile change: system packages rarely, dependencies now and then, source often."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from moorage.build.installs import command_of, managers_of
from moorage.build.stages import CONTEXT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moorage.build.instructions import Instruction
    from moorage.build.stages import Dockerfile, Input, Stage

_MANIFEST = re.compile(
    r"(?:^|/)(?:pyproject\.toml|uv\.lock|poetry\.lock|Pipfile(?:\.lock)?|(?:requirements|constraints)[^/]*\.(?:txt|in)"
    r"|package(?:-lock|\*)?\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-(?:lock|workspace)\.yaml|\.npmrc"
    r"|go\.(?:mod|sum)|Cargo\.(?:toml|lock)|Gemfile(?:\.lock)?|composer\.(?:json|lock))$"
)


class Pace(IntEnum):
    """How often something changes."""

    system = 0
    dependencies = 1
    source = 2


WORDS = {
    Pace.system: "system packages",
    Pace.dependencies: "dependencies",
    Pace.source: "source",
}


@dataclass(frozen=True)
class Layer:
    """A step with what changes it: the files that it copies, or what it installs."""

    instruction: Instruction
    pace: Pace
    names: frozenset[str]
    """Last parts of the paths that it copies."""


@dataclass(frozen=True)
class Misplaced:
    """``layer`` comes after ``earlier``, which changes more often."""

    layer: Layer
    earlier: Layer


def misplaced_layers(dockerfile: Dockerfile) -> tuple[Misplaced, ...]:
    """Return each layer that is rebuilt, or has to be, because something before it changes more often.

    A step that runs what was copied before needs it there, whatever its pace.
    """
    found: dict[int, Misplaced] = {}
    for stage in dockerfile.stages:
        before: list[Layer] = []
        for layer in _layers(dockerfile, stage):
            earlier = [other for other in before if other.pace > layer.pace and not _needs(layer, other)]
            if earlier:
                found.setdefault(layer.instruction.line, Misplaced(layer, earlier[0]))
            before.append(layer)
    return tuple(found[line] for line in sorted(found))


def _layers(dockerfile: Dockerfile, stage: Stage) -> Iterator[Layer]:
    """Yield the layers of a stage and of those that it is built from whose pace is known, in order."""
    for part in dockerfile.chain(stage):
        for instruction in part.instructions:
            taken = [item for item in part.inputs if item.instruction is instruction]
            paces = [_pace_of(dockerfile, part, item) for item in taken]
            names = frozenset(item.path.rsplit("/", 1)[-1] for item in taken)
            managers = managers_of(instruction) if instruction.keyword == "RUN" else ()
            if managers:
                pace = Pace.system if all(manager.system for manager in managers) else Pace.dependencies
                # What a step mounts decides on it as much as what was copied before.
                if paces and max(paces) > pace:
                    yield Layer(instruction, max(paces), names)
                yield Layer(instruction, pace, frozenset())
            elif paces and instruction.keyword != "RUN":
                yield Layer(instruction, max(paces), names)


def _pace_of(dockerfile: Dockerfile, stage: Stage, item: Input) -> Pace:
    if item.origin != CONTEXT:
        return _pace_of_origin(dockerfile, stage, item.origin)
    return Pace.dependencies if _MANIFEST.search(item.path) else Pace.source


def _pace_of_origin(dockerfile: Dockerfile, stage: Stage, origin: str) -> Pace:
    """Return the pace of what comes from another stage: that of the quickest thing that it was made from."""
    found = dockerfile.stage(origin)
    if found is None or found.index >= stage.index:
        return Pace.system  # an image, which is pinned
    items = [item for part in dockerfile.chain(found) for item in part.inputs]
    return max((_pace_of(dockerfile, found, item) for item in items), default=Pace.system)


def _needs(layer: Layer, earlier: Layer) -> bool:
    if layer.instruction.keyword != "RUN":
        return False
    words = set(re.split(r"[\s/\"'=;&|()]+", command_of(layer.instruction)))
    return bool(earlier.names & words)
