"""Descriptions of services and base images that lie where nothing reads them: the stack would run without these."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from moorage.base.errors import Location, Problem
from moorage.config.graph import Kind
from moorage.config.repository import DESCRIBED_BY

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from moorage.config.repository import Repository

_ALL_LEVELS = 32
_LEVELS_ELSEWHERE = 3
"""How many folders deep the rest of the repository is looked through."""
_NOT_OURS = frozenset({"node_modules", "__pycache__", "site-packages", "venv", "vendor", "dist", "target"})
"""Folders that hold what others wrote, or copies."""
_NOT_MEANT_TO_RUN = frozenset(
    {"tests", "test", "docs", "doc", "examples", "example", "templates", "template", "fixtures"}
)
"""Folders, outside of ``apps/``, whose services are not meant to run."""
_OURS = re.compile(r"^(kind:\s*[\"']?(web|worker)\b|(startup|liveness|readiness)Probe:)", re.MULTILINE)
_KUBERNETES = re.compile(r"^apiVersion:", re.MULTILINE)
_DOCKERFILE = "Dockerfile"


def check_misplaced(repository: Repository) -> Iterator[Problem]:
    """Yield the files that describe a service or a base image and are not read, each with where it belongs.

    Where the project says itself in which folders services lie, another project of the same repository may have others.
    """
    root = repository.top
    read = {node.folder for node in repository.nodes}
    homes = {kind: repository.homes(kind) for kind in DESCRIBED_BY}
    for kind, filename in DESCRIBED_BY.items():
        for home in filter(None, homes[kind]):
            for path in sorted(_in_home(root / home, filename)):
                there = path.parent.relative_to(root).as_posix() not in read
                if there and (kind is Kind.image or _describes_service(path)):
                    yield _misplaced(root, path, kind, home)
    if repository.layout.says(Kind.service):
        return
    leave_out = _NOT_OURS | _NOT_MEANT_TO_RUN | set(homes[Kind.service])
    for path in sorted(_found(str(root), DESCRIBED_BY[Kind.service], _LEVELS_ELSEWHERE, leave_out)):
        if (path.parent / _DOCKERFILE).is_file() and _describes_service(path):
            yield _misplaced(root, path, Kind.service, repository.home_of(Kind.service))


def _in_home(home: Path, filename: str) -> Iterator[Path]:
    """Yield the files of a name in a folder of services or base images, at any depth."""
    if not home.is_dir():
        return
    yield from _found(str(home), filename, _ALL_LEVELS, _NOT_OURS)
    # Folders that begin with a dot are not looked through, but a service is put aside there at times.
    yield from home.glob(f".*/{filename}")


def _found(folder: str, filename: str, levels: int, leave_out: Collection[str]) -> Iterator[Path]:
    """Yield the files of a name in a folder and, so many levels deep, in those below it."""
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
        yield from _found(path, filename, levels - 1, leave_out)


def _describes_service(path: Path) -> bool:
    """Return whether a file has what only a service of ours has: Kubernetes' objects are kept under this name as well."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return False
    return _OURS.search(text) is not None and _KUBERNETES.search(text) is None


def _misplaced(root: Path, path: Path, what: Kind, home: str) -> Problem:
    folder = path.parent.relative_to(root)
    kind = "service" if what is Kind.service else "base image"
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
