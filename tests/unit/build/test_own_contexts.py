"""Dockerfiles that are taken as they are: their own context and ignore file, and the images of others that they name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from moorage.base.errors import Location, MoorageError
from moorage.build.digests import Inputs, NodeInputs
from moorage.build.staging import staged
from moorage.components.service_image import named_contexts
from moorage.config.imagelock import ImageLock, lock_text
from moorage.config.loader import load_project
from tests.unit.component_samples import WORKER_YAML
from tests.unit.program_samples import run_program, write, write_monorepo

if TYPE_CHECKING:
    from pathlib import Path

DIGEST = f"sha256:{'ab' * 32}"
FILES = {"main.py": "x", "notes/todo.txt": "x", "Dockerfile": "FROM python:3.12-slim AS base\nCOPY . /app\n"}


def inputs(root: Path, name: str = "mailer") -> NodeInputs:
    return next(found for node, found in Inputs(load_project(root, "dev")).all().items() if node.name == name)


def mailer(root: Path, build: dict[str, Any], **more: Any) -> Path:
    service = {**WORKER_YAML, "name": "mailer", "needs": [], "build": build, **more}
    write_monorepo(root, "dev", {}, [service])
    folder = root / "apps/mailer"
    (folder / "Dockerfile.dockerignore").unlink()
    for path, text in FILES.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


def names(found: NodeInputs) -> set[str]:
    return {path.removeprefix("apps/mailer/") for path in found.files()}


def test_without_an_ignore_file_all_of_the_context_counts(tmp_path: Path) -> None:
    mailer(tmp_path, {"context": "."})
    found = inputs(tmp_path)
    assert names(found) == {"main.py", "notes/todo.txt", "Dockerfile", "service.yaml"}
    assert (found.context, found.ignore_file) == ("apps/mailer", "")


@pytest.mark.parametrize("name", [".dockerignore", "Dockerfile.dockerignore"])
def test_the_digest_follows_what_the_ignore_file_lets_in(tmp_path: Path, name: str) -> None:
    folder = mailer(tmp_path, {"context": "."})
    (folder / name).write_text("# theirs\nnotes\n*.yaml\n")
    before = inputs(tmp_path)
    assert names(before) == {"main.py", "Dockerfile", name}
    (folder / "notes/todo.txt").write_text("changed")
    assert inputs(tmp_path).digest == before.digest
    (folder / "main.py").write_text("changed")
    assert inputs(tmp_path).digest != before.digest


def test_the_ignore_file_beside_the_dockerfile_comes_first(tmp_path: Path) -> None:
    folder = mailer(tmp_path, {"context": "."})
    (folder / ".dockerignore").write_text("*\n")
    (folder / "Dockerfile.dockerignore").write_text("notes\n")
    assert "main.py" in names(inputs(tmp_path))


def test_a_context_may_be_any_folder_and_the_dockerfile_lie_outside_of_it(tmp_path: Path) -> None:
    mailer(tmp_path, {"context": "../../shared", "dockerfile": "Dockerfile"})
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared/a.txt").write_text("a")
    found = inputs(tmp_path)
    assert set(found.files()) == {"apps/mailer/Dockerfile", "shared/a.txt"}
    place = tmp_path / staged(tmp_path, found)
    assert (place / "shared/a.txt").read_text() == "a"
    assert (place / "apps/mailer/Dockerfile").is_file()


def test_moorages_own_folder_is_in_no_context(tmp_path: Path) -> None:
    mailer(tmp_path, {"context": "../.."})
    (tmp_path / ".dockerignore").write_text("images\n")
    (tmp_path / ".moorage/contexts").mkdir(parents=True)
    (tmp_path / ".moorage/contexts/x").write_text("x")
    assert not any(path.startswith((".moorage", "images")) for path in inputs(tmp_path).files())


def test_the_stage_is_the_last_one_unless_it_is_named(tmp_path: Path) -> None:
    mailer(tmp_path, {"context": "."})
    assert load_project(tmp_path, "dev").services["mailer"].build.target == ""
    write(tmp_path / "apps/mailer/service.yaml", {**WORKER_YAML, "name": "mailer", "needs": [], "build": {}})
    assert load_project(tmp_path, "dev").services["mailer"].build.target == "production"


@pytest.mark.parametrize(
    ("build", "what"),
    [
        ({"context": "../../.."}, "build.context leads out of the repository"),
        ({"context": "nowhere"}, "the build context nowhere does not exist"),
        ({"context": "/etc"}, "build.context: '/etc' is not allowed here"),
        ({"context": "a/../b"}, "build.context: 'a/../b' is not allowed here"),
    ],
)
def test_a_context_that_cannot_be_is_an_error_at_its_key(tmp_path: Path, build: dict[str, Any], what: str) -> None:
    mailer(tmp_path, build)
    with pytest.raises(MoorageError) as caught:
        load_project(tmp_path, "dev")
    (problem,) = caught.value.problems
    assert problem.what.startswith(what)
    assert isinstance(problem.where, Location)
    assert problem.where.line > 0


def test_with_a_lock_file_the_images_of_others_are_pinned(tmp_path: Path) -> None:
    mailer(tmp_path, {"context": "."})
    before = inputs(tmp_path)
    assert before.pinned == {}
    (tmp_path / "images.lock.yaml").write_text(lock_text({"python:3.12-slim": DIGEST}))
    found = inputs(tmp_path)
    assert found.pinned == {"python:3.12-slim": f"docker.io/library/python@{DIGEST}"}
    assert found.digest != before.digest
    (name, context), *_ = (named_contexts(found.pinned) or {}).items()
    assert name == "python:3.12-slim"
    assert context.location == f"docker-image://docker.io/library/python@{DIGEST}"


def test_an_image_that_the_lock_file_lacks_is_an_error_where_the_dockerfile_names_it(tmp_path: Path) -> None:
    folder = mailer(tmp_path, {"context": "."})
    (tmp_path / "images.lock.yaml").write_text(lock_text({}))
    with pytest.raises(MoorageError) as caught:
        inputs(tmp_path)
    (problem,) = caught.value.problems
    assert problem.what == "the digest of python:3.12-slim is not in images.lock.yaml"
    assert problem.where == Location(file=str(folder / "Dockerfile"), line=1, column=1)
    assert "moorage images update" in str(problem.remedy)


@pytest.mark.parametrize("image", ["redis", "docker.io/library/redis:latest"])
def test_buildkit_knows_an_image_by_its_familiar_name(image: str) -> None:
    assert list(named_contexts({image: "x@y"}) or {}) == ["redis"]


def test_a_prebuilt_image_is_deployed_by_the_digest_of_the_lock_file(tmp_path: Path) -> None:
    service = {**WORKER_YAML, "name": "mailer", "needs": [], "image": "ghcr.io/acme/mailer:2.1"}
    write_monorepo(tmp_path, "dev", {}, [service])
    with pytest.raises(MoorageError, match=r"the digest of ghcr.io/acme/mailer:2.1 is not known"):
        load_project(tmp_path, "dev")
    (tmp_path / "images.lock.yaml").write_text(lock_text({"ghcr.io/acme/mailer:2.1": DIGEST}))
    project = load_project(tmp_path, "dev")
    assert project.prebuilt == {"mailer": f"ghcr.io/acme/mailer@{DIGEST}"}
    assert Inputs(project).all() == {}


def test_a_prebuilt_image_with_its_digest_needs_no_lock_file_and_no_build(tmp_path: Path) -> None:
    image = f"ghcr.io/acme/mailer:2.1@{DIGEST}"
    service = {key: value for key, value in WORKER_YAML.items() if key != "build"} | {"needs": [], "image": image}
    found = run_program(tmp_path, services=[service])
    assert found.of("Image") == []
    (container,) = found.one("Deployment").inputs["spec"]["template"]["spec"]["containers"]
    assert container["image"] == f"ghcr.io/acme/mailer@{DIGEST}"


def test_image_and_build_exclude_each_other(tmp_path: Path) -> None:
    service = {**WORKER_YAML, "build": {"args": {"A": "b"}}, "image": f"x@{DIGEST}", "needs": []}
    write_monorepo(tmp_path, "dev", {}, [service])
    with pytest.raises(MoorageError, match="worker has both image and build"):
        load_project(tmp_path, "dev")


def test_a_damaged_lock_file_is_an_error_at_its_line(tmp_path: Path) -> None:
    mailer(tmp_path, {"context": "."})
    (tmp_path / "images.lock.yaml").write_text("images:\n  python:3.12-slim: latest\n")
    with pytest.raises(MoorageError, match=r"images.lock.yaml:2:\d+: the digest of python:3.12-slim is invalid"):
        load_project(tmp_path, "dev")
    assert ImageLock().pinned("a:1") is None
