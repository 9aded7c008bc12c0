"""A project out of a release instead of the sources: what a rollback, an undone rollout and a restart bring about."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from moorage.config.graph import Graph
from moorage.config.loader import load_project, load_target
from moorage.config.monorepo import Monorepo
from moorage.config.project import Project
from moorage.config.release import Release
from moorage.config.repository import read_repository
from moorage.config.validate import Source
from moorage.config.yamlfile import read_yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLE = "MOORAGE_PINNED"
"""Names the file of the release that the program declares in place of the sources."""


def write_pinned(path: Path, release: Release) -> None:
    """Write a release for the program."""
    path.write_text(json.dumps(release.model_dump(mode="json", by_alias=True)), encoding="utf-8")


def read_pinned(path: Path) -> Release:
    """Return the release that was written for the program."""
    return Release.model_validate_json(path.read_text(encoding="utf-8"))


def load_declared(root: Path, stack: str) -> tuple[Project, Release | None]:
    """Return the project that the program declares: out of the sources, or of the release that `VARIABLE` names.

    Raises `MoorageError` with what is wrong with either.
    """
    path = os.environ.get(VARIABLE)
    if not path:
        return load_project(root, stack), None
    release = read_pinned(Path(path))
    return pinned_project(root, stack, release), release


def pinned_project(root: Path, stack: str, release: Release) -> Project:
    """Return the project that a release was made from, on the target that the stack has now.

    It has no sources: nothing is built from it. Raises `MoorageError` where the stack's settings on disk do not lead to
    a target, and `NewerFormError` where the release has what this Moorage does not know.
    """
    repository = read_repository(root.resolve(), [])
    # Where a patch of that time stood nobody knows any more.
    source = Source(read_yaml(root / f"Pulumi.{stack}.yaml"))
    return Project(
        program=root.resolve(),
        root=repository.top,
        stack_name=stack,
        stage=release.stage,  # type: ignore[arg-type]  # recorded from one
        settings=release.stack_settings(),
        services={name: release.model_of(name) for name in release.services},
        base_images={},
        libs=(),
        target=load_target(root, stack),
        stack_source=source,
        sources=dict.fromkeys(release.services, source),
        namespace=release.namespace,
        order=tuple(release.services),
        graph=Graph((), ()),
        monorepo=Monorepo(repository=repository, services={}, images={}, libs=()),
    )


def mixed(base: Release, other: Release, names: Mapping[str, bool], *, cause: str) -> Release:
    """Return ``base`` with the services of ``names`` as they are in ``other``; False leaves one out that has no place there.

    Settings of the whole stack, such as the ingress's, come from ``other`` where every service of ``base`` does.
    """
    services, images = dict(base.services), dict(base.images)
    for name, wanted in names.items():
        if wanted and name in other.services:
            services[name], images[name] = other.services[name], other.images[name]
        else:
            services.pop(name, None)
            images.pop(name, None)
    whole = set(names) >= set(base.services) | set(other.services)
    return base.model_copy(
        update={
            "number": 0,
            "cause": cause,
            "services": _in_order(services),
            "images": {name: images[name] for name in images if name in services},
            "settings": other.settings if whole else base.settings,
            "restarts": {name: when for name, when in base.restarts.items() if name in services},
        }
    )


def _in_order(services: Mapping[str, dict[str, object]]) -> dict[str, dict[str, object]]:
    """Return services so that each comes after those that it needs."""
    found: dict[str, dict[str, object]] = {}

    def place(name: str, above: tuple[str, ...]) -> None:
        if name in found or name not in services or name in above:
            return
        needs = services[name].get("needs") or []
        for need in needs if isinstance(needs, list) else []:
            place(str(need), (*above, name))
        found[name] = services[name]

    for name in services:
        place(name, ())
    return found
