"""A copy of this repository's services that a test may change, as a session of `moorage dev` has it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from moorage.config.develop import VARIABLE, Developing
from tests.support.stack import ROOT

if TYPE_CHECKING:
    from pathlib import Path

SESSION = Developing(services=("backend", "worker", "frontend"), receiver="127.0.0.1:5000/receiver@sha256:" + "0" * 64)


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(VARIABLE, SESSION.to_json())
    left_out = shutil.ignore_patterns("node_modules", "__pycache__", ".venv", "dist")
    for folder in ("apps", "libs", "images"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=left_out, symlinks=True)
    for file in ("Pulumi.yaml", "Pulumi.dev.yaml", "__main__.py", "pyproject.toml", "uv.lock", "README.md"):
        shutil.copyfile(ROOT / file, tmp_path / file)
    return tmp_path
