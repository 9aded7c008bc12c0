"""Dockerfiles that were not written for Moorage: only what they cannot be built with is said of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from moorage.base.errors import Problem
from moorage.cli.image_lock import asked, named_images
from moorage.cli.source_check import read_monorepo
from moorage.config.imagelock import lock_text
from tests.unit.checks.test_dockerfiles import Sources

if TYPE_CHECKING:
    from pathlib import Path

OWN = "build:\n  bases: [python]\n  libs: [harbour]\n"
DOCKERFILE = "FROM python:3.12-slim\nCOPY requirements.txt /\nCOPY src /src\nEXPOSE 5000\n"


class Foreign(Sources):
    """A small monorepo whose backend has a Dockerfile and a context of its own."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.change("apps/backend/service.yaml", OWN, "build: {context: .}\n")
        (root / "apps/backend/Dockerfile.dockerignore").unlink()
        self.dockerfile(DOCKERFILE, allow=False)
        self.write("apps/backend/requirements.txt", "flask\n")
        self.write("apps/backend/src/app.py", "import os\n")


@pytest.fixture
def foreign(tmp_path: Path) -> Foreign:
    return Foreign(tmp_path)


def test_a_dockerfile_that_can_be_built_is_taken_as_it_is(foreign: Foreign) -> None:
    assert foreign.check().errors == []


@pytest.mark.parametrize(
    ("line", "what", "fix"),
    [
        ("COPY ../worker/x /x", "../worker/x lies outside the build context apps/backend", "name a folder above both"),
        ("COPY missing.txt /x", "missing.txt does not exist in the build context", "correct the path"),
        ("COPY secret.txt /x", "secret.txt is left out of the build context", "add !secret.txt at its end"),
    ],
)
def test_a_copy_that_cannot_succeed_is_one_error_with_its_line(
    foreign: Foreign, line: str, what: str, fix: str
) -> None:
    foreign.write("apps/backend/secret.txt", "x")
    foreign.write("apps/backend/.dockerignore", "secret.txt\n")
    foreign.dockerfile(f"{DOCKERFILE}{line}\n", allow=False)
    errors = foreign.check().errors
    assert foreign.places(errors) == ["apps/backend/Dockerfile:5"]
    assert errors[0].what.startswith(what)
    assert str(errors[0].remedy).startswith(fix)


def test_a_stage_that_a_dockerfile_lacks_is_an_error(foreign: Foreign) -> None:
    foreign.change("apps/backend/service.yaml", "{context: .}", "{context: ., target: web}")
    (error,) = foreign.check().errors
    assert "the stage web, which its Dockerfile does not have" in error.what


def test_the_images_of_others_are_found_where_they_are_named(foreign: Foreign) -> None:
    foreign.dockerfile(f"{DOCKERFILE}COPY --from=busybox:1.36@sha256:{'a' * 64} /bin/sh /sh\n", allow=False)
    worker = (foreign.root / "apps/worker/service.yaml").read_text().replace(OWN, "image: ghcr.io/acme/worker:2\n")
    foreign.write("apps/worker/service.yaml", worker)
    found = named_images(read_monorepo(foreign.root))
    places = {image: foreign.places([Problem(what="", where=where)])[0] for image, where in found.items()}
    assert places == {
        "ghcr.io/acme/worker:2": "apps/worker/service.yaml:3",
        "python:3.12-slim": "apps/backend/Dockerfile:1",
    }


def test_a_mirror_is_asked_instead_of_the_registry() -> None:
    assert str(asked("debian:trixie", {"docker.io": "127.0.0.1:5000"})) == "127.0.0.1:5000/library/debian:trixie"
    assert str(asked("ghcr.io/a/b:1", {"ghcr.io": "proxy.example/ghcr"})) == "proxy.example/ghcr/a/b:1"
    assert str(asked("ghcr.io/a/b:1", {})) == "ghcr.io/a/b:1"


def test_the_lock_file_is_sorted_and_empty_where_nothing_is_named() -> None:
    assert lock_text({"b": "2", "a": "1"}).endswith("images:\n  a: 1\n  b: 2\n")
    assert lock_text({}).endswith("images: {}\n")
