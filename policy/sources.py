"""Which files a check reads: those that are named, and in folders all YAML and JSON that may hold manifests."""

from __future__ import annotations

import os
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, Final

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SUFFIXES: Final = frozenset({".yaml", ".yml", ".json"})
STDIN: Final = "-"
_KUSTOMIZATIONS: Final = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_CHART: Final = "Chart.yaml"
_LEFT_OUT: Final = frozenset(
    {
        ".git", ".hg", ".svn", ".venv", ".tox", ".terraform", ".terragrunt-cache", ".pulumi", ".moorage", ".cache", ".idea", ".vscode",
        ".mypy_cache", ".pytest_cache", ".ruff_cache", "node_modules", "__pycache__",
    }
)  # fmt: skip
"""Folders that tools fill: what is in them is nobody's manifest."""


@dataclass(frozen=True)
class Source:
    """A file to be read; ``named`` where the user named it, ``patch`` where kustomize patches other objects with it."""

    path: str
    named: bool = True
    patch: bool = False

    @property
    def shown(self) -> str:
        """The path as it can be printed, whatever bytes are in it."""
        return os.fsencode(self.path).decode("utf-8", "replace")

    @property
    def size(self) -> int:
        """Bytes of the file, 0 where nobody can tell."""
        try:
            return Path(self.path).stat().st_size
        except (OSError, ValueError):
            return 0


def find_sources(paths: Iterable[str | Path], exclude: Iterable[str] = ()) -> list[Source]:
    """Return the files of ``paths``, in order, each once.

    Folders are walked by name; those that tools fill, such as .git and node_modules, are left out. So is what a pattern of
    ``exclude`` fits: a name, or a path from the folder that was given, with ``*`` in it where wanted.
    """
    patterns = tuple(pattern.rstrip("/") for pattern in exclude)
    found: dict[str, Source] = {}
    for given in paths:
        path = os.fspath(given)
        if path == STDIN or not Path(path).is_dir():
            if path == STDIN or not _excluded(PurePath(path), patterns):
                found.setdefault(path, Source(path))
            continue
        for file in _walk(path, patterns):
            found.setdefault(file, Source(file, named=False))
    patches = _patches({str(Path(path).parent) for path in found if path != STDIN})
    return [
        Source(item.path, item.named, patch=bool(patches) and str(Path(item.path).resolve()) in patches)
        for item in found.values()
    ]


def helm_template(path: str) -> bool:
    """Tell whether a file is one of a chart's templates."""
    return _in_chart(str(Path(path).absolute().parent))


@lru_cache(maxsize=4096)
def _in_chart(folder: str) -> bool:
    here = Path(folder)
    return any(parent.name == "templates" and (parent.parent / _CHART).is_file() for parent in (here, *here.parents))


def _walk(root: str, patterns: tuple[str, ...]) -> Iterator[str]:
    for folder, folders, files in os.walk(root):
        inside = PurePath(os.path.relpath(folder, root))
        folders[:] = sorted(
            name for name in folders if name not in _LEFT_OUT and not _excluded(inside / name, patterns)
        )
        for name in sorted(files):
            if PurePath(name).suffix in SUFFIXES and not _excluded(inside / name, patterns):
                file = os.path.join(folder, name)  # noqa: PTH118  # thousands of times
                if os.path.isfile(file):  # noqa: PTH113
                    yield file


def _excluded(path: PurePath, patterns: tuple[str, ...]) -> bool:
    """Tell whether a pattern fits the path, one of the folders that it is in, or one of their names."""
    if not patterns:
        return False
    ways = [path, *path.parents]
    return any(
        fnmatchcase(str(way), pattern.removeprefix("./")) or fnmatchcase(way.name, pattern)
        for way in ways
        for pattern in patterns
        if way.name
    )


def _patches(folders: Iterable[str]) -> frozenset[str]:
    """Return the files that the kustomizations of these folders patch other objects with."""
    found: set[str] = set()
    for folder in folders:
        for name in _KUSTOMIZATIONS:
            file = Path(folder) / name
            if file.is_file():
                found |= {str((file.parent / patch).resolve()) for patch in _patch_files(file)}
    return frozenset(found)


def _patch_files(kustomization: Path) -> Iterator[str]:
    try:
        content = yaml.load(kustomization.read_bytes(), Loader=yaml.CSafeLoader)  # it is the safe one
    except (OSError, yaml.YAMLError, ValueError):
        return
    if not isinstance(content, dict):
        return
    for key in ("patches", "patchesStrategicMerge", "patchesJson6902"):
        items: Any = content.get(key)
        for item in items if isinstance(items, list) else ():
            path = item.get("path") if isinstance(item, dict) else item
            if isinstance(path, str) and "\n" not in path and "\0" not in path:
                yield path
