"""A monorepo in git whose changes tests look at, and what a change of it touches."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from moorage.build.comparison import Changes, changes
from moorage.build.digests import Inputs
from moorage.build.outline import outline_of
from moorage.build.record import Record, record_of
from moorage.build.revisions import record_at
from moorage.config.loader import load_project
from tests.unit.program_samples import SERVICES, write_monorepo

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LIBRARY = "libs/harbour/harbour/events.py"
USERS = ("backend", "worker")
"""Services whose images contain the library."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A monorepo in git: backend and worker contain a library, each service has a file, all is committed."""
    settings = {"ingress": {"host": "harbour.example"}}
    services = [
        {**service, "build": {**service.get("build", {}), "libs": ["harbour"] if service["name"] in USERS else []}}
        for service in SERVICES
    ]
    write_monorepo(tmp_path, "dev", settings, services)
    put(tmp_path, LIBRARY, "first")
    put(tmp_path, "README.md", "first")
    for service in services:
        name = service["name"]
        put(tmp_path, f"apps/{name}/src/main.txt", "first")
        library = "!libs/harbour/harbour\n" if name in USERS else ""
        put(tmp_path, f"apps/{name}/Dockerfile.dockerignore", f"*\n!apps/{name}/src\n{library}")
    put(tmp_path, "images/python/python.conf", "first")
    put(tmp_path, "images/python/Dockerfile.dockerignore", "*\n!images/python/python.conf\n")
    put(tmp_path, ".gitignore", ".moorage/\n")
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    commit(tmp_path)
    return tmp_path


def put(root: Path, path: str, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


def git(root: Path, *arguments: str) -> None:
    own = ["-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *own, *arguments], cwd=root, check=True, capture_output=True)


def commit(root: Path) -> None:
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message=state")


def now(root: Path) -> Record:
    project = load_project(root, "dev")
    return record_of(outline_of(project), Inputs(outline_of(project)).all())


def both(root: Path, change: Callable[[], None]) -> tuple[Changes, Changes]:
    """Return what a change touches by the record of before, and by git."""
    before = now(root)
    change()
    after, project = now(root), load_project(root, "dev")
    then = record_at(outline_of(project), "HEAD", after)
    assert then is not None
    return changes(outline_of(project), before, after), changes(outline_of(project), then, after)


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)
