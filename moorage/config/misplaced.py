"""Descriptions of services and base images that lie where nothing reads them: the stack would run without these."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from moorage.base.errors import Location, Problem

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

_ALL_LEVELS = 32
_LEVELS_ELSEWHERE = 3
"""How many folders deep the rest of the repository is looked through."""
FOLDERS_PASSED_OVER = frozenset({"node_modules", "__pycache__", "site-packages", "venv", "vendor", "dist", "target"})
"""Names of folders that hold what others wrote, or copies."""
_NOT_MEANT_TO_RUN = frozenset(
    {"tests", "test", "docs", "doc", "examples", "example", "templates", "template", "fixtures"}
)
"""Folders, outside of ``apps/``, whose services are not meant to run."""
_HOME = {"service.yaml": "apps", "image.yaml": "images"}
_OURS = re.compile(r"^(kind:\s*[\"']?(web|worker)\b|(startup|liveness|readiness)Probe:)", re.MULTILINE)
_KUBERNETES = re.compile(r"^apiVersion:", re.MULTILINE)
_DOCKERFILE = "Dockerfile"
NAMES = frozenset({*_HOME, *(name.replace(".yaml", ".yml") for name in _HOME), _DOCKERFILE})
"""Names of the files that say what a folder is."""


def check_misplaced(root: Path) -> Iterator[Problem]:
    """Yield the files that describe a service or a base image and are not read, each with where it belongs."""
    for filename, home in _HOME.items():
        for path in sorted(_in_home(root / home, filename)):
            if filename == "image.yaml" or _describes_service(path):
                yield _misplaced(root, path, home)
    for path in sorted(_elsewhere(root)):
        if (path.parent / _DOCKERFILE).is_file() and _describes_service(path):
            yield _misplaced(root, path, "apps")


def looked_at(root: Path) -> tuple[list[str], list[Path]]:
    """Return the folders that `check_misplaced` looks through, and the files in which it looks for a service."""
    folders: list[str] = []
    files = [*_in_home(root / _HOME["service.yaml"], "service.yaml", folders), *_elsewhere(root, folders)]
    files += _in_home(root / _HOME["image.yaml"], "image.yaml", folders)
    return folders, files


def _elsewhere(root: Path, folders: list[str] | None = None) -> Iterator[Path]:
    """Yield the files called ``service.yaml`` outside of ``apps/``."""
    leave_out = FOLDERS_PASSED_OVER | _NOT_MEANT_TO_RUN | {_HOME["service.yaml"]}
    return _found(str(root), "service.yaml", _LEVELS_ELSEWHERE, leave_out, folders)


def _in_home(home: Path, filename: str, folders: list[str] | None = None) -> Iterator[Path]:
    """Yield the files of a name below ``apps/`` or ``images/`` that are not read."""
    if not home.is_dir():
        return
    for path in _found(str(home), filename, _ALL_LEVELS, FOLDERS_PASSED_OVER, folders):
        if path.parent.parent != home or path.parent.name.startswith("_"):
            yield path
    # Folders that begin with a dot are not looked through, but a service is put aside there at times.
    yield from home.glob(f".*/{filename}")


def _found(
    folder: str, filename: str, levels: int, leave_out: Collection[str], folders: list[str] | None
) -> Iterator[Path]:
    """Yield the files of a name in a folder and, so many levels deep, in those below it; add these to ``folders``."""
    if folders is not None:
        folders.append(folder)
    below = []
    with os.scandir(folder) as entries:
        for entry in entries:
            name = entry.name
            if name == filename:
                yield Path(entry.path)
            # Asked last: it costs most, and most entries are files.
            elif levels and name not in leave_out and name[0] != "." and entry.is_dir(follow_symlinks=False):
                below.append(entry.path)
    for path in below:
        yield from _found(path, filename, levels - 1, leave_out, folders)


def _describes_service(path: Path) -> bool:
    """Return whether a file has what only a service of ours has: Kubernetes' objects are kept under this name as well."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return False
    return _OURS.search(text) is not None and _KUBERNETES.search(text) is None


def _misplaced(root: Path, path: Path, home: str) -> Problem:
    folder = path.parent.relative_to(root)
    kind = "service" if home == "apps" else "base image"
    direct = folder.parent == Path(home)
    name = folder.name.lstrip("._") if len(folder.parts) > 1 or folder.parts[:1] not in {(), (home,)} else ""
    return Problem(
        what=f"{path.relative_to(root)} is not read",
        where=Location(file=str(path)),
        why=f"each {kind} is a folder directly below {home}/"
        + (", whose name begins with a letter" if direct else "")
        + f"; stacks would do without this {kind}",
        remedy=f"move {folder} to {home}/{name}"
        if name
        else f"move it to {home}/<name>/, with everything that is built",
    )
