"""Python code is found wherever a project keeps it, and what cannot be read is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from moorage.checks.imports import ImportScanner, find_packages, script_imports, unread_languages
from moorage.checks.pythonimports import UNREAD, python_imports
from moorage.config.graph import Kind, Node
from moorage.config.repository import Repository

if TYPE_CHECKING:
    from pathlib import Path

APP, CORE, AUTH = Node(Kind.service, "app"), Node(Kind.lib, "core"), Node(Kind.lib, "auth")
LAYOUTS: dict[str, tuple[dict[str, str], str]] = {
    "package": ({"core/__init__.py": "", "pyproject.toml": ""}, "import core"),
    "no pyproject.toml": ({"core/__init__.py": ""}, "import core.a"),
    "namespace package": ({"core/a.py": "", "pyproject.toml": ""}, "from core import a"),
    "namespace package, deep": ({"acme/core/deep/a.py": ""}, "from acme.core.deep import a"),
    "src": ({"src/core/__init__.py": ""}, "from core import x"),
    "src, namespace": ({"src/acme/core/a.py": ""}, "import acme.core.a"),
    "module": ({"core.py": ""}, "import core"),
    "src, module": ({"src/core.py": ""}, "from core import x"),
    "lib": ({"lib/core/__init__.py": ""}, "import core"),
    "python": ({"python/core/a.py": ""}, "import core.a"),
    "setuptools, package-dir": (
        {"code/core/a.py": "", "pyproject.toml": "[tool.setuptools.package-dir]\n'' = 'code'\n"},
        "import core",
    ),
    "setuptools, find": (
        {"code/core/a.py": "", "pyproject.toml": "[tool.setuptools.packages.find]\nwhere = ['code']\n"},
        "import core",
    ),
    "poetry": (
        {"code/core/a.py": "", "pyproject.toml": "[tool.poetry]\npackages = [{include = 'core', from = 'code'}]\n"},
        "import core",
    ),
    "hatch": (
        {"code/core/a.py": "", "pyproject.toml": "[tool.hatch.build.targets.wheel]\npackages = ['code/core']\n"},
        "import core",
    ),
    "hatch, sources": (
        {"code/core/a.py": "", "pyproject.toml": "[tool.hatch.build.targets.wheel]\nsources = ['code']\n"},
        "import core",
    ),
    "uv": (
        {"code/core/a.py": "", "pyproject.toml": "[tool.uv.build-backend]\nmodule-root = 'code'\n"},
        "import core",
    ),
    "pdm": ({"code/core/a.py": "", "pyproject.toml": "[tool.pdm.build]\npackage-dir = 'code'\n"}, "import core"),
    "broken pyproject.toml": ({"core/a.py": "", "pyproject.toml": "[project\n"}, "import core"),
}


def write(root: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)


def targets(root: Path, text: str | bytes, file: str = "apps/app/main.py") -> list[Node | None]:
    packages = find_packages(Repository(program=root, top=root, nodes=(APP, CORE, AUTH)))
    content = text.encode() if isinstance(text, str) else text
    return [packages.target(file, module) for module, _ in python_imports(content)]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_code_is_found_in_every_layout(tmp_path: Path, layout: str) -> None:
    files, statement = LAYOUTS[layout]
    write(tmp_path / "libs/core", files)
    write(tmp_path / "apps/app", {"main.py": "", "app/util.py": ""})
    assert targets(tmp_path, statement) == [CORE]
    assert targets(tmp_path, "import fastapi, os.path\nfrom app import util") == [None, None, APP]


@pytest.mark.parametrize("init", [False, True])
def test_libraries_that_share_a_namespace_are_told_apart(tmp_path: Path, init: bool) -> None:
    write(tmp_path / "libs/core", {"src/acme/core/a.py": "", **({"src/acme/__init__.py": ""} if init else {})})
    write(tmp_path / "libs/auth", {"acme/auth.py": ""})
    text = "import acme.core.a\nfrom acme import auth\nfrom acme.core import a\nimport acme.auth\nfrom acme.auth import User\n"
    assert targets(tmp_path, text) == [CORE, AUTH, CORE, AUTH, AUTH]
    assert targets(tmp_path, "import acme") == [CORE if init else None]


def test_ones_own_code_comes_before_that_of_others(tmp_path: Path) -> None:
    for folder in ("apps/app", "libs/core"):
        write(tmp_path / folder, {"config.py": ""})
    assert targets(tmp_path, "import config") == [APP]
    assert targets(tmp_path, "import config", "libs/core/x.py") == [CORE]


def test_folders_without_code_and_of_tests_are_nothing_to_import(tmp_path: Path) -> None:
    write(tmp_path / "libs/core", {"redis/readme.md": "", "tests/test_a.py": "", "docs/conf.py": "", "setup.py": ""})
    assert targets(tmp_path, "import redis, tests.test_a, docs, setup") == [None, None, None, None]


NEW = "import core.a\nfrom core.b import (c, d as e)\nclass = 3\n  import f, g as h\nfrom . import i\n"


def test_a_file_that_this_python_does_not_understand_is_read_line_by_line_and_told(tmp_path: Path) -> None:
    found = [("", 3), ("core.a", 1), ("core.b:c,d", 2), ("f", 4), ("g", 4)]
    assert list(python_imports(NEW.encode())) == found
    write(tmp_path, {"apps/app/new.py": NEW, "apps/app/fine.py": "import x\n"})
    for _ in range(2):
        scanner = ImportScanner(tmp_path, tmp_path / ".moorage")
        assert [name for name, _ in scanner.imports("apps/app/new.py")] == ["core.a", "core.b:c,d", "f", "g"]
        (problem,) = scanner.problems({APP: ["apps/app/fine.py", "apps/app/new.py"]})
        assert "apps/app/new.py:3:1" in str(problem)
        scanner.keep()


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfimport core\n",
        "# -*- coding: latin-1 -*-\nimport core  # é\n".encode("latin-1"),
        b"import core\r\n",
    ],
)
def test_bytes_are_read_as_python_reads_them(content: bytes) -> None:
    assert [name for name, _ in python_imports(content) if name != UNREAD] == ["core"]
    assert not any(name == UNREAD for name, _ in python_imports(content))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("import(/* webpackChunkName: 'x' */ 'a')", ["a"]),
        ("import a from /* why */ 'b'", ["b"]),
        ("import(\n// why\n'c')", ["c"]),
        ("const d = require(`e`)", ["e"]),
        ("await import(`f/g`)", ["f/g"]),
        ("await import(`h/${i}`)", []),
        ("// import('no')\n`import('no')`", []),
        ('export * from/**/"j"', ["j"]),
    ],
)
def test_scripts_are_read_whatever_stands_between(text: str, found: list[str]) -> None:
    assert [name for name, _ in script_imports(text)] == found


def test_languages_that_are_not_read_are_named() -> None:
    files = {APP: ["a/main.go", "a/x.rs"], CORE: ["b/c.py"], AUTH: ["c/D.java", "c/e.go"]}
    (sentence,) = unread_languages(files)
    assert sentence.startswith("imports of 2 images in Go, Java and Rust are not read")
    assert unread_languages({CORE: ["b/c.py", "d.ts"]}) == []


def test_a_remembered_file_that_anyone_else_wrote_says_nothing(tmp_path: Path) -> None:
    write(tmp_path, {"apps/app/a.py": "import x\n", ".moorage/imports.json": '{"version": 2, "files": {"a": [["b"]]}}'})
    assert ImportScanner(tmp_path, tmp_path / ".moorage").imports("apps/app/a.py") == (("x", 1),)
