"""What a change touches and why: against what a stack was made from, and against a git revision."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

import pytest
import yaml

from moorage.base.errors import MoorageError
from moorage.build.comparison import Changes, changes
from moorage.build.digests import Inputs
from moorage.build.outline import outline_of
from moorage.build.record import Record, image_record_of, workload_record, workload_record_of
from moorage.build.revisions import record_at
from moorage.build.staging import staged
from moorage.config.loader import load_project
from tests.unit.change_samples import LIBRARY, append, both, commit, git, now, put, root

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["root"]


def rebuilt(found: Changes) -> set[str]:
    return set(found.images)


def redeployed(found: Changes) -> dict[str, list[str]]:
    return {
        service.name: [str(each) for each in service.redeployed] for service in found.services if service.redeployed
    }


def chains(found: Changes, name: str) -> tuple[tuple[str, ...], ...]:
    (service,) = [service for service in found.services if service.name == name]
    return service.chains


def test_no_change_touches_nothing(root: Path) -> None:
    for found in both(root, lambda: None):
        assert rebuilt(found) == set()
        assert not any(service.touched for service in found.services)


def test_a_changed_library_touches_the_services_that_contain_it(root: Path) -> None:
    for found in both(root, lambda: put(root, LIBRARY, "second")):
        assert rebuilt(found) == {"apps/backend", "apps/worker"}
        assert redeployed(found) == {}
        way = (LIBRARY, "libs/harbour", "apps/worker", "image worker", "Deployment worker")
        assert chains(found, "worker") == (way,)
        assert chains(found, "frontend") == ()


def test_a_changed_base_image_touches_what_is_built_from_it_along_the_graph(root: Path) -> None:
    for found in both(root, lambda: put(root, "images/python/python.conf", "second")):
        assert rebuilt(found) >= {"images/python", "images/python-build", "apps/backend"}
        assert "apps/frontend" not in rebuilt(found)
        way = ("images/python/python.conf", "images/python", "apps/backend", "image backend", "Deployment backend")
        assert chains(found, "backend") == (way,)


def test_a_readme_touches_nothing(root: Path) -> None:
    for found in both(root, lambda: put(root, "README.md", "second")):
        assert not any(service.touched for service in found.services)


def test_an_executable_bit_a_new_file_a_lost_one_and_a_dockerfile_are_told_apart(root: Path) -> None:
    def change() -> None:
        (root / "apps/backend/src/main.txt").chmod(0o755)
        put(root, "apps/worker/src/new.txt", "new")
        (root / "apps/frontend/src/main.txt").unlink()
        append(root / "apps/frontend/Dockerfile", "RUN true\n")

    for found in both(root, change):
        told = {folder: [str(each) for each in differences] for folder, differences in found.images.items()}
        assert told == {
            "apps/backend": ["apps/backend/src/main.txt mode changed"],
            "apps/worker": ["apps/worker/src/new.txt added"],
            "apps/frontend": ["apps/frontend/Dockerfile changed", "apps/frontend/src/main.txt removed"],
        }


def test_a_widened_context_counts_with_the_files_that_it_brings(root: Path) -> None:
    put(root, "apps/backend/more/deep.txt", "here already")
    commit(root)
    for found in both(root, lambda: append(root / "apps/backend/Dockerfile.dockerignore", "!apps/backend/more\n")):
        assert [str(each) for each in found.images["apps/backend"]] == ["apps/backend/more/deep.txt added"]


def test_settings_touch_the_image_or_the_deployment_that_they_are_of(root: Path) -> None:
    def change() -> None:
        path = root / "apps" / "backend" / "service.yaml"
        service = yaml.safe_load(path.read_text())
        service["build"]["args"] = {"FLAVOUR": "rich"}
        path.write_text(yaml.safe_dump(service))
        path = root / "apps" / "worker" / "service.yaml"
        service = yaml.safe_load(path.read_text())
        service["env"] = {**service.get("env", {}), "GREETING": "hello"}
        path.write_text(yaml.safe_dump(service))

    for found in both(root, change):
        assert [str(each) for each in found.images["apps/backend"]] == ["setting args.FLAVOUR plain → rich"]
        assert rebuilt(found) == {"apps/backend"}
        assert redeployed(found) == {"worker": ["setting env.GREETING (none) → hello"]}


def test_a_stack_that_never_came_up_counts_whole(root: Path) -> None:
    found = changes(outline_of(load_project(root, "dev")), Record(), now(root))
    assert all(service.rebuilt and service.redeployed for service in found.services)


def test_another_way_of_building_counts_as_a_change(root: Path) -> None:
    after = now(root)
    image = dataclasses.replace(after.images["apps/backend"], digest="0" * 64)
    found = changes(
        outline_of(load_project(root, "dev")), Record({**after.images, "apps/backend": image}, after.workloads), after
    )
    assert [str(each) for each in found.images["apps/backend"]] == ["the way images are built changed"]


def test_a_committed_change_is_one_since_the_commit_before(root: Path) -> None:
    put(root, LIBRARY, "second")
    commit(root)
    project, after = load_project(root, "dev"), now(root)
    since = {revision: record_at(outline_of(project), revision, after) for revision in ("HEAD", "HEAD~1", "main")}
    touched = {
        revision: rebuilt(changes(outline_of(project), found or Record(), after)) for revision, found in since.items()
    }
    assert touched == {"HEAD": set(), "HEAD~1": {"apps/backend", "apps/worker"}, "main": set()}


def test_git_is_asked_without_changing_anything(root: Path) -> None:
    index = (root / ".git" / "index").read_bytes()
    put(root, LIBRARY, "second")
    record_at(outline_of(load_project(root, "dev")), "HEAD", now(root))
    assert (root / ".git" / "index").read_bytes() == index
    assert (root / LIBRARY).read_text() == "second"


def test_a_revision_whose_settings_have_errors_cannot_be_told(root: Path) -> None:
    append(root / "Pulumi.dev.yaml", "  moorage:nonsense: 1\n")
    commit(root)
    git(root, "revert", "--no-edit", "HEAD")
    assert record_at(outline_of(load_project(root, "dev")), "HEAD~1", now(root)) is None


@pytest.mark.parametrize("revision", ["nowhere", "--help", ""])
def test_an_unknown_revision_is_an_error_that_names_it(root: Path, revision: str) -> None:
    with pytest.raises(MoorageError, match="unknown git revision"):
        record_at(outline_of(load_project(root, "dev")), revision, now(root))


def test_outside_git_there_are_no_revisions(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / ".git").rename(root / "gone")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(root.parent))
    with pytest.raises(MoorageError, match="not a git checkout"):
        record_at(outline_of(load_project(root, "dev")), "HEAD", now(root))


def test_records_come_back_from_their_text_and_hold_no_secret(root: Path) -> None:
    record, project = now(root), load_project(root, "dev")
    for image in record.images.values():
        assert image_record_of(image.to_json()) == image
    for name, workload in record.workloads.items():
        assert workload_record_of(workload_record(project, name)) == workload
    assert image_record_of("") is None
    assert image_record_of('{"form": 0}') is None
    assert workload_record_of("") is None


def test_a_context_is_staged_with_the_same_modes_whatever_the_umask(root: Path) -> None:
    (root / LIBRARY).chmod(0o600)
    (root / "apps/backend/src/main.txt").chmod(0o700)
    project = load_project(root, "dev")
    (found,) = [each for node, each in Inputs(outline_of(project)).all().items() if str(node) == "apps/backend"]
    place = root / staged(root, found)
    modes = {path.relative_to(place).as_posix(): path.stat().st_mode & 0o7777 for path in place.rglob("*")}
    assert modes[LIBRARY] == 0o644
    assert modes["apps/backend/src/main.txt"] == 0o755
    assert {modes[path] for path in ("apps", "apps/backend", "libs/harbour/harbour")} == {0o755}
    files = {path for path in modes if (place / path).is_file()}
    assert files == {*found.files(), "apps/backend/Dockerfile.dockerignore"}
    assert staged(root, found) == place.relative_to(root).as_posix()


def test_a_file_that_changes_while_it_is_staged_is_an_error(root: Path) -> None:
    project = load_project(root, "dev")
    (found,) = [each for node, each in Inputs(outline_of(project)).all().items() if str(node) == "apps/backend"]
    assert found.digest
    put(root, LIBRARY, "changed meanwhile")
    with pytest.raises(MoorageError, match="changed while it was read"):
        staged(root, found)
    assert not list((root / ".moorage" / "contexts" / "backend").iterdir())


NPM_LOCK = """{
  "lockfileVersion": 3,
  "packages": {
    "": {"workspaces": ["apps/*"], "devDependencies": {"linter": "1"}},
    "apps/frontend": {"dependencies": {"page": "1"}},
    "node_modules/linter": {"version": "1.0.0"},
    "node_modules/page": {"version": "1.0.0"},
    "node_modules/other": {"version": "1.0.0"}
  }
}
"""


def test_of_an_npm_workspaces_lock_only_what_the_service_reaches_counts_and_is_given_to_the_build(root: Path) -> None:
    manifest = '{"workspaces": ["apps/*"], "devDependencies": {"linter": "1"}}'
    put(root, "package-lock.json", NPM_LOCK)
    put(root, "package.json", manifest)
    put(root, "apps/frontend/package.json", "{}")
    shared = ("package.json", "package-lock.json", "apps/frontend/package.json")
    ignored = "".join(f"!{path}\n" for path in ("apps/frontend/src", *shared))
    put(root, "apps/frontend/Dockerfile.dockerignore", f"*\n{ignored}")
    steps = "WORKDIR /app\nCOPY package.json package-lock.json ./\nCOPY apps/frontend/package.json apps/frontend/\n"
    steps += "RUN npm ci --workspace apps/frontend\nFROM scratch AS production\n"
    put(root, "apps/frontend/Dockerfile", f"FROM scratch AS dependencies\n{steps}COPY apps/frontend/src /src\n")
    commit(root)

    def change(name: str, path: str = "package-lock.json") -> None:
        put(root, path, (root / path).read_text().replace(f'"{name}": {{"version": "1', f'"{name}": {{"version": "2'))

    def root_changes() -> None:
        put(root, "package.json", manifest.replace("linter", "formatter"))
        change("node_modules/linter")
        change("node_modules/other")

    for found in both(root, root_changes):
        assert rebuilt(found) == set()
    commit(root)
    for found in both(root, lambda: change("node_modules/page")):
        told = [str(each) for each in found.images["apps/frontend"]]
        assert told == ["package-lock.json changed in the part that this image uses"]
        assert rebuilt(found) == {"apps/frontend"}
    (inputs,) = [
        each
        for node, each in Inputs(outline_of(load_project(root, "dev"))).all().items()
        if str(node) == "apps/frontend"
    ]
    place = root / staged(root, inputs)
    assert json.loads((place / "package.json").read_text()) == {"workspaces": ["apps/*"]}
    kept = json.loads((place / "package-lock.json").read_text())["packages"]
    assert kept.keys() == {"", "apps/frontend", "node_modules/page"}
