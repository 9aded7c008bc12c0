"""Noticing what changes in the checkout, without looking into folders of dependencies."""

from __future__ import annotations

import asyncio
import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING

import watchfiles

from moorage.base.errors import MoorageError
from moorage.config.graph import Kind
from moorage.config.repository import read_repository

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

DEBOUNCE_MILLISECONDS = 20
STEP_MILLISECONDS = 5
"""How often the watcher looks whether something came; 1 would be 4 ms quicker and cost a percent of a core at rest."""
_DEPENDENCIES = frozenset({"node_modules", "__pycache__", "dist", "build", "target", "venv", "site-packages"})


def watched(program: Path) -> tuple[list[Path], list[Path]]:
    """Return the folders to watch alone, and those to watch with everything below them."""
    repository = read_repository(program, [])
    homes = [repository.top / home for kind in Kind for home in repository.homes(kind)]
    parts = [repository.top / node.folder for node in repository.nodes]
    alone = dict.fromkeys([repository.program, repository.top, *homes, *parts])
    whole = dict.fromkeys(below for part in parts for below in _folders(part) if below not in alone)
    return [folder for folder in alone if folder.is_dir()], list(whole)


async def changes(program: Path) -> AsyncIterator[set[str]]:
    """Yield the paths that changed, relative to the top of the monorepo that a folder's ``Pulumi.yaml`` describes.

    Of a folder that is new or gone also those below it. Raises `MoorageError` where the system refuses to watch so many
    folders, or one cannot be read.
    """
    root = read_repository(program, []).top
    while True:
        alone, whole = watched(program)
        found: asyncio.Queue[set[str] | BaseException] = asyncio.Queue()
        stop = asyncio.Event()
        tasks = [
            asyncio.create_task(_watch(root, alone, found, stop, recursive=False)),
            *([asyncio.create_task(_watch(root, whole, found, stop, recursive=True))] if whole else []),
        ]
        try:
            while watched(program) == (alone, whole):
                paths = await found.get()
                if isinstance(paths, BaseException):
                    raise paths
                yield paths
        finally:
            stop.set()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        # What came between the two watches was seen by neither.
        yield {folder.relative_to(root).as_posix() for folder in watched(program)[1]}


async def _watch(
    root: Path,
    folders: list[Path],
    found: asyncio.Queue[set[str] | BaseException],
    stop: asyncio.Event,
    *,
    recursive: bool,
) -> None:
    try:
        async for paths in watchfiles.awatch(
            *folders,
            watch_filter=None,
            debounce=DEBOUNCE_MILLISECONDS,
            step=STEP_MILLISECONDS,
            stop_event=stop,
            recursive=recursive,
        ):
            if kept := _kept(root, {path for _, path in paths}):
                found.put_nowait(kept)
    except OSError as error:
        found.put_nowait(_refused(root, error))


def _kept(root: Path, paths: set[str]) -> set[str]:
    names = {path.removeprefix(f"{root}/") for path in paths}
    return {name for name in names if not _is_left_alone(name)}


def _refused(root: Path, error: OSError) -> MoorageError:
    limit = error.errno in {errno.ENOSPC, errno.EMFILE} or "limit" in str(error)
    return MoorageError.of(
        "the checkout cannot be watched",
        where=str(root),
        why=f"the system allows no further watches ({error})" if limit else str(error),
        remedy="raise the limit: sudo sysctl fs.inotify.max_user_watches=524288 fs.inotify.max_user_instances=1024"
        if limit
        else "make its folders readable, then run the command again",
    )


def _folders(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        for entry in sorted(os.scandir(folder), key=lambda one: one.name):
            if entry.is_dir(follow_symlinks=False) and not _is_left_alone(entry.name):
                yield Path(entry.path)


def _is_left_alone(name: str) -> bool:
    """Return whether a path is inside of dependencies, of results of builds, or of what git and Moorage keep."""
    parts = name.split("/")
    return any(part in _DEPENDENCIES or part in {".git", ".moorage", ".venv", ".pulumi"} for part in parts)
