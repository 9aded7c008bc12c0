"""The user's patches, applied to each object just before it is registered: policies judge what comes out of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi

from moorage.base.errors import MoorageError, Problem
from moorage.base.words import did_you_mean, listed

from .inventory import ObjectName, inventory
from .kubernetes_objects import awaited_rollout
from .manifests.patches import PatchError, patched
from .manifests.rollout import WAIT_FOR

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from moorage.config.patches import Patch
    from moorage.config.project import Project
    from moorage.config.validate import Source

_OBJECT = "kubernetes:"
_NAME = "app.kubernetes.io/name"
_ROLLED_OUT = frozenset({"Deployment", "StatefulSet"})


@dataclass(frozen=True)
class PlacedPatch:
    """A patch, where it is written, and the service whose objects it may change; None for those of the whole stack."""

    patch: Patch
    source: Source
    trail: tuple[str | int, ...]
    service: str | None = None

    def meets(self, kind: str, name: str | None, service: str | None) -> bool:
        """Return whether it is meant for an object; one that the engine names has the name None."""
        target = self.patch.target
        return target.kind == kind and target.name in {None, name} and (self.service is None or self.service == service)

    def problem(self, *, what: str, why: str, remedy: str) -> Problem:
        """Return a problem at the place where the patch is written."""
        return self.source.problem((*self.trail, "target"), what=what, why=why, remedy=remedy)


def patches_of(project: Project) -> list[PlacedPatch]:
    """Return all patches in the order in which they are applied: those of services, then those of the stack."""
    found = [
        PlacedPatch(patch, project.sources[name], ("patches", index), name)
        for name in project.running
        for index, patch in enumerate(project.services[name].patches)
    ]
    of_stack = enumerate(project.settings.patches)
    return [*found, *(PlacedPatch(patch, project.stack_source, ("patches", index)) for index, patch in of_stack)]


def check_patches(project: Project, patches: Sequence[PlacedPatch]) -> None:
    """Check that each patch names an object that there is.

    Raises `MoorageError` with those that do not.
    """
    objects = inventory(project)
    problems = [problem for patch in patches for problem in _missing(patch, objects)]
    if problems:
        raise MoorageError(*problems)


def _missing(patch: PlacedPatch, objects: Sequence[ObjectName]) -> Iterator[Problem]:
    if any(patch.meets(found.kind, found.name, found.service) for found in objects):
        return
    own = [found for found in objects if patch.service in {None, found.service}]
    names = sorted({str(found) for found in own})
    whose = f"{patch.service} has" if patch.service else "the stack has"
    yield patch.problem(
        what=f"the patch names {patch.patch.target}, which is not there",
        why=f"{whose} {listed(names)}",
        remedy=did_you_mean(str(patch.patch.target), names, "name one of them; Pulumi.<stack>.yaml may patch any"),
    )


class Patcher:
    """Applies patches as a transformation, which Pulumi hands down from component to child."""

    def __init__(self, patches: Sequence[PlacedPatch]) -> None:
        """Prepare for a stack's patches."""
        self._patches = patches

    def transform(self, args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
        """Return an object's properties with its patches applied, None where it has none.

        Raises `MoorageError` where a JSON patch does not fit.
        """
        if not args.type_.startswith(_OBJECT) or not isinstance(args.props, dict):
            return None
        properties: dict[str, Any] = dict(args.props)
        metadata = properties.get("metadata") or {}
        kind, name = str(properties.get("kind")), metadata.get("name")
        service = (metadata.get("labels") or {}).get(_NAME)
        wanted = [patch for patch in self._patches if patch.meets(kind, name, service)]
        if not wanted:
            return None
        for patch in wanted:
            properties = _applied(properties, patch)
        if kind in _ROLLED_OUT:
            properties = awaited_rollout(_without_wait(properties))
        return pulumi.ResourceTransformationResult(properties, args.opts)


def transformations(project: Project) -> list[pulumi.ResourceTransformation]:
    """Return what applies a project's patches to the objects of each component that is given it as an option.

    Raises `MoorageError` where a patch names an object that is not there.
    """
    patches = patches_of(project)
    check_patches(project, patches)
    return [Patcher(patches).transform] if patches else []


def _applied(properties: dict[str, Any], patch: PlacedPatch) -> dict[str, Any]:
    try:
        return patched(properties, patch.patch)
    except PatchError as error:
        raise MoorageError(
            patch.problem(
                what=f"the JSON patch of {patch.patch.target} does not fit: {error}",
                why="each operation names a place of the object as it is then",
                remedy="correct the path; `moorage preview --diff` shows the object",
            )
        ) from None


def _without_wait(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return a workload without the condition that was made of what it was before it was patched."""
    metadata = properties["metadata"]
    annotations = {key: value for key, value in metadata["annotations"].items() if key != WAIT_FOR}
    return {**properties, "metadata": {**metadata, "annotations": annotations}}
