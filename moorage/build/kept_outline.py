"""The outline of a stack, kept for as long as everything that it was read from is the same.

To read and check a monorepo of fifty services takes longer than to say what a change touches.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from moorage.base.files import read_cache, write_cache
from moorage.build.outline import Outline, outline_of
from moorage.build.snapshot import Snapshot, modules_digest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moorage.config.project import Project

_ROOMS = ("base", "config", "build")
"""The folders of the modules by which an outline is found."""
_TOOLS_OWN = frozenset({".git", ".moorage", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".venv"})
"""Names of folders that come and go without anybody meaning a service by them."""
_VARIABLES = ("HOME", "KUBECONFIG")
"""What a project depends on of the caller's environment."""


def stack_outline(root: Path, stack: str) -> Outline:
    """Return the outline of the stack called ``stack`` of the repository at ``root``.

    Raises `MoorageError` with everything that is wrong with the project.
    """
    root = root.resolve()
    cache, kind = root / ".moorage" / "outlines" / f"{stack}.json", _kind(root, stack)
    kept = read_cache(cache, kind)
    if kept is not None:
        snapshot = Snapshot(**kept["snapshot"])
        newer = snapshot.refreshed()
        if newer:
            write_cache(cache, kind, {**kept, "snapshot": vars(snapshot)})
        if newer is not None:
            return Outline.from_data(root, kept["outline"])
    started = time.time_ns()
    from moorage.config.loader import load_project  # here: the models are not loaded for an outline that is kept

    project = load_project(root, stack)
    outline, taken = outline_of(project), snapshot_of(project, started)
    if taken is not None:
        write_cache(cache, kind, {"snapshot": vars(taken), "outline": outline.to_data()})
    return outline


def snapshot_of(project: Project, since_ns: int) -> Snapshot | None:
    """Return a snapshot of everything that a project was read from; None where some of it changed since, or just before."""
    from moorage.config.misplaced import FOLDERS_PASSED_OVER, NAMES, looked_at
    from moorage.config.sources import stack_file

    root, monorepo = project.root, project.monorepo
    homes = [root / name for name in ("apps", "images", "libs")]
    members = [path for home in homes if home.is_dir() for path in home.iterdir()]
    own = {source.document.path for _, source, _ in monorepo.builds()}
    looked_through, candidates = looked_at(root)
    files = {*own, *candidates, root / "Pulumi.yaml", stack_file(root, project.stack_name), *_platform(project)}
    folders = {root, *(path for path in members if path.parent != homes[-1]), *looked_through}
    kinds = {*members, *(file.with_name("Dockerfile") for file in files), *_dockerfiles(project)}
    kinds |= {root / Path(path).expanduser() for path in project.settings.build_secrets.values()}
    return Snapshot.of(
        files=sorted(os.fspath(path) for path in files),
        folders=sorted(str(path) for path in folders),
        kinds=sorted(os.fspath(path) for path in kinds),
        names=NAMES,
        passed_over=FOLDERS_PASSED_OVER | _TOOLS_OWN,
        since_ns=since_ns,
    )


def _dockerfiles(project: Project) -> Iterator[Path]:
    """Yield the Dockerfiles, which have to exist."""
    for node, _, build in project.monorepo.builds():
        yield project.root / str(node) / build.dockerfile


def _platform(project: Project) -> Iterator[Path]:
    """Yield the files that say where the stack is deployed."""
    from moorage.config.endpoint import ENDPOINT_FILE, kubeconfigs

    yield project.root / ENDPOINT_FILE
    if project.settings.cluster:
        yield from kubeconfigs(project.root, project.settings.cluster)


def _kind(root: Path, stack: str) -> str:
    here = Path(__file__).resolve().parents[1]
    variables = [os.environ.get(name, "") for name in _VARIABLES]
    return f"outline {modules_digest([here / room for room in _ROOMS])} {root} {stack} {variables}"
