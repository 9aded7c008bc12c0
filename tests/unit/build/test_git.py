"""Labels of a source: what they say of a checkout, and what they leave out."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from moorage.base.errors import MoorageError
from moorage.build.digests import Inputs
from moorage.build.git import public_address, source_labels
from moorage.build.outline import outline_of
from moorage.build.record import Record, record_of
from moorage.build.revisions import record_at
from moorage.config.loader import load_project
from tests.unit.program_samples import SERVICES, write_monorepo

if TYPE_CHECKING:
    from pathlib import Path

REVISION = "org.opencontainers.image.revision"
CREATED = "org.opencontainers.image.created"
SOURCE = "org.opencontainers.image.source"


def git(root: Path, *arguments: str) -> str:
    own = ["-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"]
    return subprocess.run(
        ["git", *own, *arguments], cwd=root, check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A monorepo of two commits whose stack wants labels."""
    settings = {"ingress": {"host": "harbour.example"}, "sourceLabels": True}
    write_monorepo(tmp_path, "dev", settings, SERVICES)
    for service in SERVICES:
        (tmp_path / f"apps/{service['name']}/Dockerfile.dockerignore").write_text("*\n")
    for image in (tmp_path / "images").iterdir():
        (image / "Dockerfile.dockerignore").write_text("*\n")
    (tmp_path / "libs/harbour/harbour.txt").write_text("first")
    (tmp_path / ".gitignore").write_text(".moorage/\n")
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--quiet", "--message=first")
    (tmp_path / "README.md").write_text("second")
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--quiet", "--message=second")
    return tmp_path


def now(root: Path) -> Record:
    project = load_project(root, "dev")
    return record_of(outline_of(project), Inputs(outline_of(project)).all())


def test_labels_name_the_commit_its_time_and_where_it_comes_from(root: Path) -> None:
    git(root, "remote", "add", "origin", "git@github.com:acme/harbour.git")
    labels = source_labels(root)
    assert labels[REVISION] == git(root, "rev-parse", "HEAD")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", labels[CREATED])
    assert labels[SOURCE] == "https://github.com/acme/harbour"


def test_uncommitted_changes_are_told(root: Path) -> None:
    (root / "README.md").write_text("third")
    assert source_labels(root)[REVISION] == f"{git(root, 'rev-parse', 'HEAD')}-dirty"


@pytest.mark.parametrize(
    ("remote", "address"),
    [
        ("https://user:password@git.example:8443/acme/harbour.git", "https://git.example:8443/acme/harbour"),
        ("ssh://git@git.example:2222/acme/harbour", "https://git.example/acme/harbour"),
        ("git.example:acme/harbour/", "https://git.example/acme/harbour"),
        ("http://git.example/harbour?token=secret#secret", "http://git.example/harbour"),
        ("/srv/git/harbour.git", ""),
        ("file:///srv/git/harbour.git", ""),
        ("../harbour", ""),
        ("", ""),
    ],
)
def test_an_address_has_no_credentials_and_no_path_of_a_machine(remote: str, address: str) -> None:
    assert public_address(remote) == address


def test_another_commit_is_another_image_only_where_labels_are_wanted(root: Path) -> None:
    project = load_project(root, "dev")
    assert {found.labels[REVISION] for found in Inputs(outline_of(project)).all().values()} == {
        git(root, "rev-parse", "HEAD")
    }
    before = record_at(outline_of(project), "HEAD~1", now(root))
    assert before is not None
    assert before.images["apps/backend"].digest != now(root).images["apps/backend"].digest
    stack = root / "Pulumi.dev.yaml"
    stack.write_text(stack.read_text().replace("sourceLabels: true", "sourceLabels: false"))
    git(root, "commit", "--quiet", "--all", "--message=third")
    git(root, "commit", "--quiet", "--allow-empty", "--message=fourth")
    assert not any(found.labels for found in Inputs(outline_of(load_project(root, "dev"))).all().values())
    assert record_at(outline_of(load_project(root, "dev")), "HEAD~1", now(root)) == now(root)


def test_labels_are_wanted_of_what_is_no_checkout(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / ".git").rename(root / "gone")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(root.parent))
    with pytest.raises(MoorageError, match="moorage:sourceLabels is on"):
        Inputs(outline_of(load_project(root, "dev")))
