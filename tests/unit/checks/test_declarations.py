"""What is declared is held against what Dockerfiles and code use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from moorage.base.errors import Location, Problem
from moorage.checks.declarations import Findings, check_sources
from moorage.checks.imports import script_imports
from moorage.checks.pythonimports import python_imports
from moorage.config.monorepo import Monorepo
from moorage.config.repository import read_repository
from moorage.config.sources import find_libs, read_images, read_services
from tests.support.monorepo import Generated, Shape, generate

if TYPE_CHECKING:
    from pathlib import Path

SHAPE = Shape(services=10, libs=12, files=300, seed=5)
USER, SCRIPT_USER = "svc-01", "svc-04"
"""A Python and a TypeScript service of that shape, each with libraries of its own."""


@dataclass
class Fleet:
    """A small generated monorepo, and what is found in it."""

    made: Generated

    def check(self) -> Findings:
        problems = list[Problem]()
        repository = read_repository(self.made.root, problems)
        monorepo = Monorepo(
            repository=repository,
            services=read_services(repository, problems),
            images=read_images(repository, problems),
            libs=find_libs(repository),
        )
        assert problems == []
        return check_sources(monorepo)

    def add(self, path: str, text: str) -> int:
        """Append to a file, and return the number of the line added."""
        file = self.made.root / path
        before = file.read_text() if file.exists() else ""
        self.made.write(path, before + text)
        return before.count("\n") + 1

    def change(self, path: str, old: str, new: str) -> None:
        text = (self.made.root / path).read_text()
        assert old in text
        self.made.write(path, text.replace(old, new, 1))

    def places(self, problems: list[Problem]) -> list[str]:
        root = f"{self.made.root}/"
        return [
            f"{problem.where.file.removeprefix(root)}:{problem.where.line}"
            for problem in problems
            if isinstance(problem.where, Location)
        ]

    def other_lib(self, service: str) -> str:
        """Return a library of the same language that a service does not use."""
        member = self.made.services[service]
        return next(
            lib.name for lib in self.made.libs.values() if lib.python == member.python and lib.name not in member.libs
        )


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    return Fleet(generate(tmp_path, SHAPE))


def test_a_monorepo_whose_declarations_are_true_has_nothing_to_tell(fleet: Fleet) -> None:
    assert fleet.check() == Findings()
    assert fleet.made.services[USER].libs
    assert fleet.made.services[SCRIPT_USER].libs


def test_an_import_of_a_library_that_is_not_declared_is_told_with_its_line(fleet: Fleet) -> None:
    lib = fleet.other_lib(USER)
    path = f"apps/{USER}/svc_01/deep.py"
    fleet.add(path, f"import json\n\n\ndef late() -> None:\n    from {lib}.part0 import x\n")
    (problem,) = fleet.check().errors
    assert fleet.places([problem]) == [f"{path}:5"]
    assert problem.remedy == f"add {lib} to build.libs in apps/{USER}/service.yaml"


def test_what_a_library_imports_counts_for_those_that_use_it(fleet: Fleet) -> None:
    used = fleet.made.services[USER].libs[0]
    lib = fleet.other_lib(USER)
    line = fleet.add(f"libs/{used}/{used}/__init__.py", f"import {lib}\n")
    users = {name for name, member in fleet.made.services.items() if used in member.libs and lib not in member.libs}
    errors = fleet.check().errors
    assert {problem.what.split(", and apps/")[1].split()[0] for problem in errors} == users
    assert set(fleet.places(errors)) == {f"libs/{used}/{used}/__init__.py:{line}"}


@pytest.mark.parametrize("target", ["../../../libs/{lib}/src/index", "@fleet/{lib}", "@fleet/{lib}/src/deep"])
def test_a_typescript_import_is_followed_by_path_and_by_name(fleet: Fleet, target: str) -> None:
    lib = fleet.other_lib(SCRIPT_USER)
    path = f"apps/{SCRIPT_USER}/src/deep.ts"
    fleet.add(path, f"// a comment\nexport {{ x }} from\n  '{target.format(lib=lib)}';\n")
    (problem,) = fleet.check().errors
    assert fleet.places([problem]) == [f"{path}:3"]
    assert lib in problem.what


def test_a_typescript_import_is_followed_through_an_alias(fleet: Fleet) -> None:
    lib = fleet.other_lib(SCRIPT_USER)
    fleet.made.write("tsconfig.base.json", f'{{"compilerOptions": {{"paths": {{"~/*": ["./libs/{lib}/src/*"]}}}}}}')
    fleet.made.write(f"apps/{SCRIPT_USER}/tsconfig.json", '{"extends": "../../tsconfig.base.json"}')
    path = f"apps/{SCRIPT_USER}/src/deep.ts"
    fleet.add(path, "import x from '~/index';\nimport y from 'react';\n")
    (problem,) = fleet.check().errors
    assert fleet.places([problem]) == [f"{path}:1"]
    assert problem.remedy == f"add {lib} to build.libs in apps/{SCRIPT_USER}/service.yaml"


def test_code_of_another_service_cannot_be_imported(fleet: Fleet) -> None:
    fleet.add(f"apps/{USER}/svc_01/deep.py", "from svc_00 import x\n")
    fleet.add(f"apps/{SCRIPT_USER}/src/deep.ts", "import x from '../../svc-09/src/index';\n")
    errors = fleet.check().errors
    assert len(errors) == 2
    assert all("a library" in str(problem.remedy) for problem in errors)


def test_tests_and_what_only_type_checkers_read_are_no_use(fleet: Fleet) -> None:
    lib = fleet.other_lib(USER)
    fleet.add(f"apps/{USER}/tests/test_x.py", f"import {lib}\n")
    fleet.add(f"apps/{USER}/svc_01/deep.py", f"from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import {lib}\n")
    assert fleet.check() == Findings()


def test_a_copy_of_an_undeclared_library_and_of_another_service_is_told(fleet: Fleet) -> None:
    lib = fleet.other_lib(USER)
    path = f"apps/{USER}/Dockerfile"
    first = fleet.add(path, f"COPY libs/{lib}/{lib} /app/{lib}\n")
    fleet.add(path, "RUN --mount=type=bind,source=apps/svc-00,target=/x true\nCOPY images/os/os.conf /\nCOPY . /all\n")
    errors = fleet.check().errors
    assert fleet.places(errors) == [f"{path}:{first + step}" for step in range(4)] + [f"{path}.dockerignore:0"]
    assert [problem.what.split(f"apps/{USER} ")[-1] for problem in errors[:4]] == [
        f"copies libs/{lib}/{lib} without declaring the library {lib}",
        "copies apps/svc-00, which belongs to apps/svc-00",
        "copies images/os/os.conf, which belongs to images/os",
        "copies the whole repository",
    ]


def test_a_base_image_that_is_not_declared_is_told_and_one_not_used_is_a_warning(fleet: Fleet) -> None:
    fleet.change(f"apps/{USER}/service.yaml", "bases: [python, python-build]", "bases: [python, node]")
    found = fleet.check()
    assert fleet.places(found.errors) == [f"apps/{USER}/Dockerfile:4"]
    assert found.errors[0].remedy == f"add python-build to build.bases in apps/{USER}/service.yaml"
    assert fleet.places(found.warnings) == [f"apps/{USER}/service.yaml:4"]
    assert "declares the base image node and does not use it" in found.warnings[0].what


def test_a_base_image_by_a_name_of_its_own_would_be_stale(fleet: Fleet) -> None:
    fleet.change(f"apps/{USER}/Dockerfile", "FROM ${PYTHON_IMAGE}", "FROM localhost:5000/base-python:dev")
    found = fleet.check()
    assert [
        "names the base image localhost:5000/base-python:dev itself" in problem.what for problem in found.errors
    ] == [True]


def test_a_library_declared_for_nothing_is_a_warning(fleet: Fleet) -> None:
    lib = fleet.other_lib(USER)
    fleet.change(f"apps/{USER}/service.yaml", "libs: [", f"libs: [{lib}, ")
    found = fleet.check()
    assert found.errors == []
    assert fleet.places(found.warnings) == [f"apps/{USER}/service.yaml:5"]


def test_a_library_that_is_imported_but_not_copied_would_not_be_found(fleet: Fleet) -> None:
    lib = fleet.other_lib(USER)
    fleet.change(f"apps/{USER}/service.yaml", "libs: [", f"libs: [{lib}, ")
    fleet.add(f"apps/{USER}/svc_01/deep.py", f"import {lib}\n")
    found = fleet.check()
    assert ["does not copy" in problem.what for problem in found.errors] == [True]


def test_files_that_the_build_is_not_given_are_told(fleet: Fleet) -> None:
    fleet.change(f"apps/{USER}/Dockerfile.dockerignore", f"!apps/{USER}/pyproject.toml\n", "!README.md\n")
    line = fleet.add(f"apps/{USER}/Dockerfile", f"COPY apps/{USER}/nowhere /\n")
    hidden, absent, ignore = fleet.check().errors
    assert hidden.what == f"apps/{USER}/pyproject.toml is left out of the build context"
    assert hidden.remedy == "moorage graph --write"
    assert absent.what == f"apps/{USER}/nowhere does not exist"
    assert fleet.places([absent]) == [f"apps/{USER}/Dockerfile:{line}"]
    assert set(ignore.detail) == {f"+ !apps/{USER}/pyproject.toml", f"+ !apps/{USER}/nowhere", "- !README.md"}


def test_a_build_without_an_ignore_file_or_with_a_broken_dockerfile_does_not_hide_the_others(fleet: Fleet) -> None:
    (fleet.made.root / f"apps/{USER}/Dockerfile.dockerignore").unlink()
    fleet.change("apps/svc-02/Dockerfile", "FROM", "FRM")
    fleet.add("apps/svc-03/svc_03/deep.py", "import svc_00\n")
    assert len({place.split("/Dockerfile")[0] for place in fleet.places(fleet.check().errors)}) == 3


def test_what_was_found_is_kept_by_content(fleet: Fleet) -> None:
    first = fleet.check()
    lib = fleet.other_lib(USER)
    path = fleet.made.root / f"apps/{USER}/svc_01/__main__.py"
    path.write_text(f"import {lib}\n")
    assert (fleet.made.root / ".moorage/imports.json").exists()
    assert first == Findings()
    assert len(fleet.check().errors) == 1
    (fleet.made.root / ".moorage/imports.json").write_text("{broken")
    assert len(fleet.check().errors) == 1


def test_python_imports_are_told_in_full() -> None:
    text = "import a.b, c\nfrom d.e import f\nfrom . import g\ntry:\n    import h\nexcept ImportError:\n    import_module('i.j')\n"
    assert python_imports(text.encode()) == (("a.b", 1), ("c", 1), ("d.e:f", 2), ("h", 5), ("i.j", 7))
    assert python_imports(b"not python (") == (("", 1),)


def test_typescript_imports_are_found_among_comments_and_texts() -> None:
    text = (
        "import a, { b } from 'one';\n/* import x from 'no'\n*/ import 'two'\n// require('no')\n"
        "const s = \"import y from 'no'\"; const t = `from 'no'`;\nconst l = await import( 'three' );\n"
        "export * from \"four\"; const f = require('five'); notfrom 'no';\nimport type { T } from '@s/six/deep';\n"
    )
    assert script_imports(text) == (("one", 1), ("two", 3), ("three", 6), ("four", 7), ("five", 7), ("@s/six/deep", 8))
