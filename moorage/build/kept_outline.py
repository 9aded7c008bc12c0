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
from moorage.config.target import HOME

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moorage.config.project import Project

_ROOMS = ("base", "config", "build")
"""The folders of the modules by which an outline is found."""
_PASSED_OVER = frozenset({"__pycache__", ".git", ".moorage", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".venv"})
"""Names of folders that come and go without anybody meaning a service by them."""
_VARIABLES = ("HOME", "KUBECONFIG")
"""What a project depends on of the caller's environment."""


def stack_outline(program: Path, stack: str) -> Outline:
    """Return the outline of the stack called ``stack`` of the project in the folder ``program``.

    Raises `MoorageError` with everything that is wrong with the project.
    """
    program = program.resolve()
    cache, kind = program / HOME / "outlines" / f"{stack}.json", _kind(program, stack)
    kept = read_cache(cache, kind)
    if kept is not None:
        snapshot = Snapshot(**kept["snapshot"])
        newer = snapshot.refreshed()
        if newer:
            write_cache(cache, kind, {**kept, "snapshot": vars(snapshot)})
        if newer is not None:
            return Outline.from_data(program, kept["outline"])
    started = time.time_ns()
    from moorage.config.loader import load_project  # here: the models are not loaded for an outline that is kept

    project = load_project(program, stack)
    outline, taken = outline_of(project), snapshot_of(project, started)
    if taken is not None:
        write_cache(cache, kind, {"snapshot": vars(taken), "outline": outline.to_data()})
    return outline


def snapshot_of(project: Project, since_ns: int) -> Snapshot | None:
    """Return a snapshot of everything that a project was read from; None where some of it changed since, or just before."""
    from moorage.config.misplaced import looked_at
    from moorage.config.repository import DESCRIBED_BY, MANIFESTS, folders_looked_at
    from moorage.config.sources import stack_file

    repository = project.monorepo.repository
    described = set(DESCRIBED_BY.values())
    looked_through, candidates = looked_at(repository)
    homes = {repository.top / home for kind in DESCRIBED_BY for home in repository.homes(kind)}
    members = [path for home in homes if home.is_dir() for path in home.iterdir()]
    own = {source.document.path for _, source, _ in project.monorepo.builds()}
    settings = {project.program / "Pulumi.yaml", stack_file(project.program, project.stack_name), *_platform(project)}
    dockerfiles = {file.with_name("Dockerfile") for file in candidates} | set(_dockerfiles(project))
    secrets = {project.program / Path(path).expanduser() for path in project.settings.build_secrets.values()}
    return Snapshot.of(
        files=sorted(str(path) for path in {*own, *candidates, *settings}),
        folders=sorted({str(path) for path in (*folders_looked_at(repository), *members)} | set(looked_through)),
        kinds=sorted(str(path) for path in {*members, *dockerfiles, *secrets}),
        names={*described, *(name.replace(".yaml", ".yml") for name in described), *MANIFESTS},
        passed_over=_PASSED_OVER,
        since_ns=since_ns,
    )


def _dockerfiles(project: Project) -> Iterator[Path]:
    """Yield the Dockerfiles, which have to exist."""
    for node, _, build in project.monorepo.builds():
        yield project.root / node.folder / build.dockerfile


def _platform(project: Project) -> Iterator[Path]:
    """Yield the files that say where the stack is deployed."""
    from moorage.config.endpoint import ENDPOINT_FILE, kubeconfigs

    yield project.program / ENDPOINT_FILE
    if project.settings.cluster:
        yield from kubeconfigs(project.program, project.settings.cluster)


def _kind(program: Path, stack: str) -> str:
    here = Path(__file__).resolve().parents[1]
    variables = [os.environ.get(name, "") for name in _VARIABLES]
    return f"outline {modules_digest([here / room for room in _ROOMS])} {program} {stack} {variables}"
