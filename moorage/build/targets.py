"""The stage that is built: it must be one of the Dockerfile's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moorage.base.errors import Location, Problem
from moorage.base.words import did_you_mean, listed

if TYPE_CHECKING:
    from moorage.build.stages import Dockerfile, Stage

_SHOWN = 12
"""Stages of a Dockerfile that are named."""


def target_problem(dockerfile: Dockerfile, target: str) -> Problem | None:
    """Return what is wrong where ``target`` is no stage of the Dockerfile, placed at its last FROM."""
    if not target or not dockerfile.stages or dockerfile.stage(target) is not None:
        return None
    last = dockerfile.stages[-1]
    names = [stage.name for stage in dockerfile.stages if stage.name]
    name_last = "" if last.name else f"name the last one: FROM {last.written_base} AS {target}; or "
    return Problem(
        what=f"the Dockerfile has no stage {target}",
        where=_place(dockerfile, last),
        why=f"build.target says which stage is built; there are {_all(dockerfile)}",
        remedy=did_you_mean(target, names, f"{name_last}set build.target to {listed(names, last='or')}")
        if names
        else f"name the last one: FROM {last.written_base} AS {target}",
    )


def _all(dockerfile: Dockerfile) -> str:
    stages = [f"{stage.name or stage.index} ({_place(dockerfile, stage)})" for stage in dockerfile.stages]
    left_out = [f"{len(stages) - _SHOWN} more"] if len(stages) > _SHOWN else []
    return listed([*stages[:_SHOWN], *left_out])


def _place(dockerfile: Dockerfile, stage: Stage) -> Location:
    return Location(file=str(dockerfile.path), line=stage.instruction.line, column=1)
