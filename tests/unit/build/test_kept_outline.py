"""An outline is read anew exactly where something that it was read from has changed."""

from __future__ import annotations

import builtins
import io
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from moorage.base.errors import MoorageError
from moorage.build import kept_outline
from moorage.build.outline import Outline, outline_of
from moorage.build.snapshot import Snapshot
from moorage.config import loader
from moorage.config.loader import load_project
from tests.unit.change_samples import append, put
from tests.unit.program_samples import SERVICES, write_monorepo

if TYPE_CHECKING:
    from collections.abc import Callable

    from moorage.config.project import Project

SETTINGS: dict[str, Any] = {
    "ingress": {"host": "harbour.example"},
    "buildSecrets": {"npmrc": "secrets/npmrc"},
    "cluster": {"context": "prod", "kubeconfig": "cluster.yaml"},
    "registry": {"address": "registry.example/harbour"},
    "builder": "prod",
}
KUBECONFIG = "contexts:\n- name: prod\n- name: other\n"
ALONE = """
import sys
from moorage.cli.direct import answered
assert answered(["affected", "--json"])
print(sorted({"pydantic", "yaml", "typer", "rich", "httpx"} & sys.modules.keys()), file=sys.stderr)
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A monorepo with all that a project can depend on, none of it changed a moment ago."""
    root = tmp_path / "repository"
    root.mkdir()
    write_monorepo(root, "dev", SETTINGS, SERVICES)
    put(root, "__main__.py", "")
    put(root, "cluster.yaml", KUBECONFIG)
    put(root, "secrets/npmrc", "token")
    put(root, "libs/harbour/harbour/events.py", "")
    put(root, "apps/worker/main.txt", "first")
    put(root, "apps/worker/deep/main.txt", "first")
    put(root, "charts/other/service.yaml", "apiVersion: v1\n")
    put(root, "charts/other/Dockerfile", "FROM scratch\n")
    (root / "apps/linked").symlink_to(tmp_path / "elsewhere")
    shutil.copytree(root / "apps/worker", tmp_path / "elsewhere")
    text = (root / "apps/worker/service.yaml").read_text()
    put(tmp_path, "elsewhere/service.yaml", text.replace("name: worker", "name: linked"))
    put(tmp_path, "library/x.py", "")
    put(root, "libs/harbour/pyproject.toml", "")
    (root / "libs/linked").symlink_to(tmp_path / "library")
    put(root, "apps/worker/docker/Dockerfile.prod", "FROM scratch\n")
    put(root, "apps/worker/docker/Dockerfile.prod.dockerignore", "*\n")
    replace(
        root, "apps/worker/service.yaml", "name: worker", "build: {dockerfile: docker/Dockerfile.prod}\nname: worker"
    )
    # All of it is old enough to be believed.
    monkeypatch.setattr("moorage.build.snapshot._RACY_NS", -10_000_000_000)
    return root


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The stacks that were loaded."""
    seen: list[str] = []

    def load(root: Path, stack: str) -> Project:
        seen.append(stack)
        return load_project(root, stack)

    monkeypatch.setattr(loader, "load_project", load)
    return seen


def asked(root: Path) -> Outline | str:
    """Return the outline as it is kept or read; where there is none, why."""
    try:
        found = kept_outline.stack_outline(root, "dev")
    except MoorageError as error:
        return str(error)
    assert found == outline_of(load_project(root, "dev"))
    return found


def replace(root: Path, path: str, old: str, new: str) -> None:
    text = (root / path).read_text()
    assert old in text
    put(root, path, text.replace(old, new))


def become_a_file(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.touch()


CHANGES: dict[str, Callable[[Path], object]] = {
    "a service's settings": lambda root: replace(root, "apps/worker/service.yaml", "name: worker", "name: other"),
    "a comment": lambda root: append(root / "apps/worker/service.yaml", "# words\n"),
    "a base image's settings": lambda root: append(root / "images/python/image.yaml", "unknown: 1\n"),
    "the stack's settings": lambda root: replace(root, "Pulumi.dev.yaml", "harbour.example", "other.example"),
    "the project": lambda root: append(root / "Pulumi.yaml", "config: {policy:stage: prod}\n"),
    "a new service": lambda root: shutil.copytree(root / "apps/worker", root / "apps/new"),
    "a service less": lambda root: shutil.rmtree(root / "apps/worker"),
    "a service under another ending": lambda root: (root / "apps/worker/service.yaml").rename(
        root / "apps/worker/service.yml"
    ),
    "a Dockerfile less": lambda root: (root / "apps/backend/Dockerfile").unlink(),
    "a Dockerfile of another name less": lambda root: (root / "apps/worker/docker/Dockerfile.prod").unlink(),
    "a linked library less": lambda root: shutil.rmtree(root.parent / "library"),
    "a new library": lambda root: put(root, "libs/new/x.py", ""),
    "a library less": lambda root: shutil.rmtree(root / "libs/harbour"),
    "a library that is a file": lambda root: become_a_file(root / "libs/harbour"),
    "a build secret less": lambda root: (root / "secrets/npmrc").unlink(),
    "a context less": lambda root: put(root, "cluster.yaml", "contexts: []\n"),
    "a kubeconfig less": lambda root: (root / "cluster.yaml").unlink(),
    "a service too deep": lambda root: shutil.copy(root / "apps/worker/service.yaml", root / "apps/worker/deep"),
    "a service elsewhere": lambda root: shutil.copytree(root / "apps/worker", root / "tools/worker"),
    "a service put aside": lambda root: shutil.copytree(root / "apps/worker", root / "apps/.worker"),
    "a base image too deep": lambda root: put(root, "images/python/more/image.yaml", "{}"),
    "a file that becomes a service": lambda root: shutil.copy(
        root / "apps/worker/service.yaml", root / "charts/other/service.yaml"
    ),
    "what a link leads to": lambda root: append(root.parent / "elsewhere/service.yaml", "unknown: 1\n"),
    "a Dockerfile less where a link leads to": lambda root: (root.parent / "elsewhere/Dockerfile").unlink(),
}


@pytest.mark.parametrize("change", CHANGES)
def test_after_a_change_the_outline_is_what_is_there(root: Path, loads: list[str], change: str) -> None:
    before = asked(root)
    assert isinstance(before, Outline)
    assert asked(root) == before
    assert loads == ["dev"]
    CHANGES[change](root)
    asked(root)
    assert loads == ["dev", "dev"]


def test_what_no_outline_depends_on_does_not_have_it_read_again(root: Path, loads: list[str]) -> None:
    before = asked(root)
    put(root, "apps/worker/main.txt", "second")
    put(root, "apps/worker/deep/new.txt", "")
    put(root, "libs/harbour/harbour/new.py", "")
    put(root, "apps/worker/__pycache__/some/service.yaml", "kind: web\n")
    put(root, "secrets/npmrc", "another token")
    (root / "apps/worker/service.yaml").touch()
    for _ in range(2):
        assert asked(root) == before
    assert loads == ["dev"]


def test_another_environment_or_another_version_reads_it_again(
    root: Path, loads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked(root)
    monkeypatch.setenv("KUBECONFIG", "/some/where")
    asked(root)
    monkeypatch.setattr(kept_outline, "modules_digest", lambda _: "another")
    asked(root)
    assert loads == ["dev"] * 3


def test_what_changed_a_moment_ago_is_not_kept(root: Path, loads: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("moorage.build.snapshot._RACY_NS", 3_600_000_000_000)
    asked(root)
    asked(root)
    assert loads == ["dev", "dev"]


@pytest.mark.parametrize("layout", ["", "libs: ['li*/**']", "services: ['apps/**'], images: ['imag*/**']"])
def test_the_snapshot_has_everything_that_is_looked_at(
    root: Path, layout: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(root / "Pulumi.yaml", f"moorage: {{layout: {{{layout}}}}}\n")
    looked: set[str] = set()

    def noting(function: Callable[..., Any]) -> Callable[..., Any]:
        def noted(path: Any = ".", *arguments: Any, **options: Any) -> Any:
            if not isinstance(path, int) and os.fspath(path).startswith(f"{root}/"):
                looked.add(os.fspath(path))
            return function(path, *arguments, **options)

        return noted

    project = load_project(root, "dev")
    snapshot = kept_outline.snapshot_of(project, sys.maxsize)
    assert isinstance(snapshot, Snapshot)
    with monkeypatch.context() as patch:
        for module, name in ((os, "stat"), (os, "listdir"), (os, "scandir"), (io, "open"), (builtins, "open")):
            patch.setattr(module, name, noting(getattr(module, name)))
        outline_of(load_project(root, "dev"))
    known = {*snapshot.files, *snapshot.folders, *snapshot.kinds}
    # A name that counts in a folder that is known is known with it.
    unknown = {
        path
        for path in looked - known
        if not (str(Path(path).parent) in snapshot.folders and Path(path).name in snapshot.names)
    }
    assert looked
    assert unknown == set()


def test_what_was_kept_is_answered_without_models_or_a_command_line(root: Path) -> None:
    kept_outline.stack_outline(root, "dev")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PULUMI_", "KUBECONFIG"))}
    result = subprocess.run(
        [sys.executable, "-c", ALONE],
        cwd=root,
        env=environment | {"PYTHONPATH": str(Path(__file__).resolve().parents[3]), "PULUMI_HOME": str(root)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stderr == "[]\n"
    assert '"stack": "dev"' in result.stdout


def test_what_another_hand_wrote_is_not_believed(root: Path, loads: list[str]) -> None:
    asked(root)
    cache = root / ".moorage" / "outlines" / "dev.json"
    cache.write_text(cache.read_text().replace("harbour", "another"))
    asked(root)
    assert loads == ["dev", "dev"]
