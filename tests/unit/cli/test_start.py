"""The command keeps its bytecode, and keeps it out of the sources."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "moorage", tmp_path / "moorage", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / ".moorage").mkdir()
    return tmp_path


def start(clone: Path, **environment: str) -> None:
    given = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    code = "from moorage.cli.start import main; main()"
    command = [sys.executable, "-c", code, "--help"]
    subprocess.run(command, cwd=clone, env=given | environment, capture_output=True, check=True)


def test_where_bytecode_is_forbidden_beside_the_sources_it_is_kept_below_the_state(clone: Path) -> None:
    start(clone, PYTHONDONTWRITEBYTECODE="1")
    assert not list((clone / "moorage").rglob("*.pyc"))
    assert list((clone / ".moorage" / "pycache").rglob("typer/main.*.pyc"))
    assert list((clone / ".moorage" / "pycache").rglob("moorage/cli/main.*.pyc"))


def test_a_place_of_the_users_own_for_bytecode_is_used(clone: Path, tmp_path: Path) -> None:
    start(clone, PYTHONPYCACHEPREFIX=str(tmp_path / "own"))
    assert list((tmp_path / "own").rglob("moorage/cli/main.*.pyc"))
    assert not (clone / ".moorage" / "pycache").exists()
