"""The project that a command is about: found from any folder of its monorepo."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from moorage.base.errors import MoorageError
from moorage.base.words import listed
from moorage.config.repository import read_layout

if TYPE_CHECKING:
    from collections.abc import Iterator

VARIABLE = "MOORAGE_PROJECT"
"""Names the folder of ``Pulumi.yaml`` where the current folder does not tell it."""
_LEVELS = 2
"""How many folders below the repository's top, or below one on the way to it, a program may lie."""
_NOT_OURS = frozenset({"node_modules", "site-packages", "vendor", "venv", "tests", "test", "testdata", "fixtures"})


def find_root() -> Path:
    """Return the folder of the ``Pulumi.yaml`` that the current folder belongs to.

    That is the folder itself, the nearest above it, or the one program of the monorepo that the current folder lies in.
    ``MOORAGE_PROJECT`` decides before all else. Raises `MoorageError` where there is none, or more than one.
    """
    here = Path.cwd()
    if named := os.environ.get(VARIABLE):
        return _named(here / Path(named).expanduser())
    for folder in (here, *here.parents):
        if _is_program(folder):
            return folder
    for folder in _up_to_the_repositorys_top(here):
        found = [program for program in _programs(folder, _LEVELS) if _holds(program, here)]
        if len(found) == 1:
            return found[0]
        if found:
            raise _several(here, found)
    raise MoorageError.of(
        "no Moorage project here",
        where=str(here),
        why="neither this folder nor one above it contains Pulumi.yaml and __main__.py, and no program of the repository "
        "has this folder in its monorepo",
        remedy="change into the project's folder, or begin one with moorage init",
    )


def _up_to_the_repositorys_top(here: Path) -> list[Path]:
    """Return a folder and those above it to the top of its git repository; none where it lies in no repository."""
    found: list[Path] = []
    for folder in (here, *here.parents):
        found.append(folder)
        if (folder / ".git").exists():
            return found
    return []


def _named(folder: Path) -> Path:
    if _is_program(folder):
        return folder
    raise MoorageError.of(
        f"{VARIABLE} names no Moorage project",
        where=str(folder),
        why="the folder has no Pulumi.yaml with a __main__.py beside it",
        remedy=f"correct or unset {VARIABLE}",
    )


def _several(here: Path, programs: list[Path]) -> MoorageError:
    return MoorageError.of(
        "more than one Moorage project has this folder in its monorepo",
        where=str(here),
        why=f"programs are {listed(map(str, programs))}",
        remedy=f"run the command in the folder of one of them, or set {VARIABLE} to it",
    )


def _is_program(folder: Path) -> bool:
    return (folder / "Pulumi.yaml").exists() and (folder / "__main__.py").exists()


def _programs(folder: Path, levels: int) -> Iterator[Path]:
    """Yield the programs in the folders below one, so many levels deep."""
    try:
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    except OSError:
        return
    for name in names:
        below = folder / name
        if name[0] == "." or name in _NOT_OURS:
            continue
        if _is_program(below):
            yield below
        elif levels > 1:
            yield from _programs(below, levels - 1)


def _holds(program: Path, folder: Path) -> bool:
    """Return whether a folder lies in the monorepo of a program; one whose layout is broken may be meant."""
    try:
        top, _ = read_layout(program, [])
    except MoorageError:
        return True
    return folder.resolve().is_relative_to(top)
