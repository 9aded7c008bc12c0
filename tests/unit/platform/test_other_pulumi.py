"""A Pulumi or a Go of the system that does not fit: what was found and what is wanted is said."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

import pytest

from moorage.base.console import Step
from moorage.base.errors import MoorageError, Problem
from moorage.platform import toolchain
from moorage.platform.go import require_go
from moorage.platform.layout import Layout
from moorage.platform.toolchain import find_pulumi, pinned_pulumi, wanted_pulumi

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH of one folder, with an empty cache behind it."""
    folder = tmp_path / "path"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("MOORAGE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("MOORAGE_TOOLCHAIN", raising=False)
    return folder


def program(folder: Path, name: str, says: str) -> None:
    """A program that says the same whatever it is asked."""
    file = folder / name
    file.write_text(f"#!{sys.executable} -IS\nprint({says!r})\n")
    file.chmod(0o755)


def refused(tmp_path: Path, *, platform: bool = False) -> Problem:
    with pytest.raises(MoorageError) as caught:
        toolchain.ensure(Layout.of(tmp_path), platform=platform, step=Step("", ""))
    (problem,) = caught.value.problems
    return problem


@pytest.mark.parametrize("version", ["v3.187.0", "3.300.1", "v4.0.0-alpha.1", "v2.259.0"])
def test_without_go_another_pulumi_is_named_with_the_one_that_is_wanted(
    path: Path, tmp_path: Path, version: str
) -> None:
    program(path, "pulumi", version)
    program(path, "pulumi-language-python", "")
    problem = refused(tmp_path)
    assert version.removeprefix("v") in problem.what
    assert str(path / "pulumi") in problem.what
    assert f"{wanted_pulumi()} is wanted" in problem.what
    assert "Go is missing" in problem.what
    assert f"install Pulumi {pinned_pulumi()}" in str(problem.remedy)
    assert "Go 1.26" in str(problem.remedy)


def test_a_pulumi_without_its_python_host_is_not_taken(path: Path, tmp_path: Path) -> None:
    program(path, "pulumi", f"v{pinned_pulumi()}")
    problem = refused(tmp_path)
    assert "pulumi-language-python" in problem.what
    program(path, "pulumi-language-python", "")
    found = find_pulumi()
    assert found is not None
    assert found.unfit == ""
    assert toolchain.wanted(platform=False) == []


def test_a_pulumi_that_is_linked_is_looked_at_where_it_lies(path: Path, tmp_path: Path) -> None:
    real = tmp_path / "opt"
    real.mkdir()
    program(real, "pulumi", f"v{pinned_pulumi()}")
    program(real, "pulumi-language-python", "")
    (path / "pulumi").symlink_to(real / "pulumi")
    assert toolchain.system_pulumi() == str(path / "pulumi")


def test_where_the_platform_is_to_be_built_pulumi_alone_would_not_help(path: Path, tmp_path: Path) -> None:
    program(path, "pulumi", "v3.187.0")
    problem = refused(tmp_path, platform=True)
    assert "3.187.0" in problem.what
    assert "install Pulumi" not in str(problem.remedy)


@pytest.mark.parametrize("says", ["", "no version here", "pulumi: command failed"])
def test_a_pulumi_that_tells_no_version_is_no_traceback(path: Path, tmp_path: Path, says: str) -> None:
    program(path, "pulumi", says)
    assert "of an unknown version" in refused(tmp_path).what


def test_the_systems_pulumi_that_was_asked_for_and_does_not_fit_is_named(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOORAGE_TOOLCHAIN", "system")
    with pytest.raises(MoorageError) as caught:
        toolchain.wanted(platform=False)
    assert "no pulumi is on PATH" in caught.value.problems[0].what
    program(path, "pulumi", "v3.187.0")
    with pytest.raises(MoorageError) as caught:
        toolchain.wanted(platform=False)
    problem = caught.value.problems[0]
    assert "3.187.0" in problem.what
    assert f"{wanted_pulumi()} is wanted" in str(problem.why)


@pytest.mark.parametrize(
    ("version", "setting", "fits"),
    [
        ("go1.19.8", "auto", False),
        ("go1.20", "auto", False),
        ("go1.22.3", "local", False),
        ("go1.22.3", "local+path", False),
        ("go1.22.3", "auto", True),
        ("go1.26.8", "local", True),
        ("go1.30", "local", True),
        ("devel go1.27-abcdef", "auto", True),
    ],
)
def test_a_go_that_is_too_old_is_told_from_one_that_may_fetch_another(
    path: Path, version: str, setting: str, *, fits: bool
) -> None:
    file = path / "go"
    file.write_text(
        f"#!{sys.executable} -IS\nimport sys\nprint(dict(GOVERSION={version!r}, GOTOOLCHAIN={setting!r})[sys.argv[2]])\n"
    )
    file.chmod(0o755)
    if fits:
        require_go()
        return
    with pytest.raises(MoorageError) as caught:
        require_go()
    problem = caught.value.problems[0]
    assert f"Go {version.removeprefix('go')} is too old" in problem.what
    assert "1.26" in str(problem.remedy)
    assert ("GOTOOLCHAIN=local" in str(problem.why)) == (setting != "auto")


def test_the_go_of_this_machine_fits() -> None:
    assert shutil.which("go")
    require_go()
