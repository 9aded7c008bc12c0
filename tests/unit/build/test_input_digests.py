"""Everything that goes into an image counts for its input digest, and what does not go into it does not."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest

from moorage.build.digests import Inputs, NodeInputs
from moorage.build.outline import outline_of
from moorage.config.loader import load_project
from tests.unit.program_samples import SERVICES, write_monorepo

if TYPE_CHECKING:
    from pathlib import Path

FILES = {
    "images/python/Dockerfile": True,
    "images/python/python.conf": True,
    "apps/backend/Dockerfile": True,
    "apps/backend/src/main.txt": True,
    "apps/backend/README.md": False,
    "apps/frontend/Dockerfile": False,
    "apps/frontend/src/main.txt": False,
    "README.md": False,
}
"""Whether a change of it is one of the backend's image, which is built from images/python."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_monorepo(tmp_path, "dev", {"ingress": {"host": "harbour.example"}}, SERVICES)
    for path in FILES:
        if not (tmp_path / path).exists():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text("first\n")
    for name in ("backend", "frontend"):
        (tmp_path / f"apps/{name}/Dockerfile.dockerignore").write_text(f"*\n!apps/{name}/src\n")
    (tmp_path / "images/python/Dockerfile.dockerignore").write_text("*\n!images/python/python.conf\n")
    return tmp_path


def backend(root: Path) -> NodeInputs:
    return next(
        found for node, found in Inputs(outline_of(load_project(root, "dev"))).all().items() if node.name == "backend"
    )


@pytest.mark.parametrize("path", FILES)
def test_a_changed_file_counts_where_it_reaches_the_image_also_through_its_base(root: Path, path: str) -> None:
    before = backend(root).digest
    assert backend(root).digest == before
    with (root / path).open("a") as file:
        file.write("# changed\n")
    assert (backend(root).digest != before) == FILES[path]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("dockerfile", "apps/backend/other.Dockerfile"),
        ("settings", {"target": "other"}),
        ("bases", {"python": "0" * 64}),
        ("secrets", ("token",)),
        ("listings", ()),
    ],
)
def test_every_other_input_counts(root: Path, field: str, value: Any) -> None:
    found = backend(root)
    assert getattr(found, field) != value
    assert dataclasses.replace(found, **{field: value}).digest != found.digest
