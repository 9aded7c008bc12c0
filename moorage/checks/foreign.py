"""Dockerfiles that are taken as they are: whether what they copy is in the context that they are given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moorage.base.errors import Location, Problem
from moorage.build.contexts import given_files
from moorage.build.ignorefile import IgnoreFile, has_wildcards, read_ignore_file
from moorage.checks.allowlist import context_inputs, takes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from moorage.build.stages import Dockerfile, Input
    from moorage.config.imagebuild import Build


def foreign_problems(root: Path, folder: Path, build: Build, dockerfiles: Sequence[Dockerfile]) -> Iterator[Problem]:
    """Yield what a Dockerfile with a context of its own copies and the context does not have.

    ``folder`` is that of the service. Raises `MoorageError` where the ignore file cannot be understood.
    """
    place, path = build.context_in(root, folder), build.ignore_file_in(root, folder)
    files = given_files(place, read_ignore_file(path) if path else IgnoreFile(()))
    for taken in context_inputs(dockerfiles):
        if taken.path == "." or any(takes(taken, file) for file in files):
            continue
        yield _missing(root, place, path, dockerfiles[0], taken)


def _missing(root: Path, place: Path, ignore: Path | None, dockerfile: Dockerfile, taken: Input) -> Problem:
    where = Location(file=str(dockerfile.path), line=taken.line, column=1)
    context = _shown(root, place)
    outside = [word for word in taken.instruction.words[:-1] if word.startswith("..")]
    if outside:
        return Problem(
            what=f"{outside[0]} lies outside the build context {context}",
            where=where,
            why="a build sees nothing but its context, and .. does not lead out of it",
            remedy="name a folder above both as build.context, and write paths relative to that",
        )
    there = any(place.glob(taken.path)) if has_wildcards(taken.path) else (place / taken.path).exists()
    if there and ignore is not None:
        return Problem(
            what=f"{taken.path} is left out of the build context {context}",
            where=where,
            why=f"{_shown(root, ignore)} leaves it out",
            remedy=f"add !{taken.path} at its end",
        )
    return Problem(
        what=f"{taken.path} does not exist in the build context {context}",
        where=where,
        why="the Dockerfile copies it",
        remedy="correct the path, or build.context, to which it is relative",
    )


def _shown(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix() if path != root else "."
