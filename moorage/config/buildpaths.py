"""Where an image is built: its context lies in the repository, and exists."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from moorage.base.errors import Problem
    from moorage.config.imagebuild import Build
    from moorage.config.repository import Repository
    from moorage.config.service import BaseImage, Service
    from moorage.config.sources import Entry
    from moorage.config.validate import Source


def check_contexts(
    repository: Repository, images: Iterable[Entry[BaseImage]], services: Iterable[Entry[Service]]
) -> Iterator[Problem]:
    """Yield the contexts and Dockerfiles that are missing, or lie outside the repository."""
    for image in images:
        # Those that come with Moorage lie elsewhere, and are as they should be.
        if image.source is not None and image.model is not None and image.folder.is_relative_to(repository.top):
            yield from _check(repository.top, image.folder, image.source, image.model.build)
    for service in services:
        if service.source is not None and service.model is not None and service.model.image is None:
            yield from _check(repository.top, service.folder, service.source, service.model.build)


def _check(root: Path, folder: Path, source: Source, build: Build) -> Iterator[Problem]:
    paths = {"context": build.context_in(root, folder), "dockerfile": build.dockerfile_in(folder)}
    for key, path in paths.items():
        if not path.is_relative_to(root):
            yield source.problem(
                ("build", key),
                what=f"build.{key} leads out of the repository, to {path}",
                why="an image is built of the repository's own files, so that every checkout builds the same",
                remedy=f"name a path below {root}; it is relative to {folder.relative_to(root)}",
            )
    if not paths["context"].is_dir():
        yield source.problem(
            ("build", "context"),
            what=f"the build context {build.context} does not exist",
            why=f"it is a folder, relative to {folder.relative_to(root)}",
            remedy="create it, or correct build.context",
        )
