"""Build contexts from ignore files, without a builder; `tests/live/test_build_context.py` asks BuildKit itself."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from moorage.base.errors import MoorageError
from moorage.build.contexts import context_files
from moorage.build.ignorefile import parse_ignore_file
from tests.support.monorepo import Generated, Shape, generate

if TYPE_CHECKING:
    from pathlib import Path

FILES = (
    "a/one.py",
    "a/__pycache__/one.pyc",
    "a/deep/two.py",
    "a/deep/two.md",
    "b/one.py",
    "node_modules/x/y.js",
    "top.txt",
)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for path in FILES:
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(path)
    return tmp_path


def files(tree: Path, *lines: str) -> list[str]:
    ignore = tree / "Dockerfile.dockerignore"
    ignore.write_text("\n".join(lines))
    found = context_files(tree, ignore)
    ignore.unlink()
    assert list(found) == sorted(found)
    return [path for path in found if path != ignore.name]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["*", "!a", "**/__pycache__"], ["a/deep/two.md", "a/deep/two.py", "a/one.py"]),
        (["*", "!a/deep", "a/deep/*.md"], ["a/deep/two.py"]),
        (["*", "!a", "a", "!a/one.py"], ["a/one.py"]),
        (["*", "!**/*.py"], ["a/deep/two.py", "a/one.py", "b/one.py"]),
        (["a", "b", "node_modules"], ["top.txt"]),
        (["# comment", "", "  *  ", "! /top.txt "], ["top.txt"]),
        (["*", "!nowhere", "!../x"], []),
        (["*/*"], ["top.txt"]),
    ],
)
def test_the_last_pattern_that_matches_decides(tree: Path, lines: list[str], expected: list[str]) -> None:
    assert files(tree, *lines) == expected


def test_links_belong_to_the_context_and_are_not_followed(tree: Path) -> None:
    (tree / "a/link").symlink_to("../b")
    (tree / "c").symlink_to("a")
    assert files(tree, "*", "!a/link", "!c") == ["a/link", "c"]


@pytest.mark.parametrize("line", ["!", "!/", "[", "a/[", "a\\", "[]a]", "[b-a]"])
def test_a_pattern_that_buildkit_refuses_is_an_error_with_its_line(tree: Path, line: str) -> None:
    ignore = tree / "Dockerfile.dockerignore"
    ignore.write_text(f"*\n{line}\n")
    with pytest.raises(MoorageError, match=r"dockerignore:2:1"):
        context_files(tree, ignore)


def test_a_missing_ignore_file_is_an_error_with_a_remedy(tree: Path) -> None:
    with pytest.raises(MoorageError, match="moorage graph --write"):
        context_files(tree, tree / "Dockerfile.dockerignore")


def test_an_allow_list_walks_only_what_it_names(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    walked: list[str] = []
    scandir = os.scandir

    def recorded(path: str) -> object:
        walked.append(str(path).removeprefix(f"{tree}/"))
        return scandir(path)

    monkeypatch.setattr("moorage.build.contexts.os.scandir", recorded)
    assert files(tree, "*", "!a", "**/__pycache__") == ["a/deep/two.md", "a/deep/two.py", "a/one.py"]
    assert sorted(walked) == ["a/", "a/deep/"]


def test_the_contexts_of_fifty_services_are_found_at_once(tmp_path: Path) -> None:
    made: Generated = generate(tmp_path, Shape())
    assert len(made.written) == 10_000
    assert (len(made.services), len(made.libs)) == (50, 12)
    began = time.process_time()
    contexts = {
        name: context_files(tmp_path, tmp_path / f"apps/{name}/Dockerfile.dockerignore") for name in made.services
    }
    assert time.process_time() - began < 1
    for name, found in contexts.items():
        service = made.services[name]
        folders = {"/".join(path.split("/")[:2]) for path in found if "/" in path}
        assert folders == {service.folder, *(f"libs/{lib}" for lib in service.libs)}
        assert set(found) <= made.written


def test_a_path_is_judged_from_the_verdict_on_its_folder() -> None:
    ignore = parse_ignore_file(["*", "!a", "a/b", "**/*.md"])
    assert ignore.match("a") == (False, (False, 1))
    assert ignore.match("a/b", (False, 1)) == (True, (True, 2))
    assert ignore.match("a/b/c", (True, 2)) == (True, (True, 2))
    assert ignore.match("a/x.md", (False, 1))[0]
