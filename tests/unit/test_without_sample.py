"""The sample can be taken out as docs/adding-a-service.md says: tried in a copy of the checkout."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.support.checkout import copy_repository
from tests.support.stack import ROOT

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.registry

UV = ROOT / ".moorage" / "bin" / "uv"
PAGE = ROOT / "docs" / "adding-a-service.md"


def run(checkout: Path, *command: str | Path) -> str:
    """Run a command in the copy, which must succeed; return what it printed."""
    environment = os.environ | {"VIRTUAL_ENV": str(ROOT / ".venv")}
    result = subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A copy whose sample was taken out by the commands of the page."""
    copy_repository(tmp_path)
    commands = (
        PAGE.read_text().partition("## To start without the sample")[2].partition("```sh\n")[2].partition("```")[0]
    )
    assert "rm -r" in commands
    run(tmp_path, "sh", "-euc", commands.replace(".moorage/bin/uv", str(UV)))
    return tmp_path


def test_nothing_of_the_sample_is_named_in_the_settings_of_the_tools(bare: Path) -> None:
    assert list((bare / "apps").iterdir()) == list((bare / "libs").iterdir()) == []
    run(bare, UV, "lock", "--check")
    names = {path.name for folder in ("apps", "libs") for path in (ROOT / folder).iterdir()} - {"frontend"}
    for file in ("pyproject.toml", "uv.lock", "Pulumi.dev.yaml", "Pulumi.prod.yaml", "tests/run"):
        words = set(re.findall(r"[\w-]+", (bare / file).read_text()))
        assert words & names == set(), file


def test_the_parts_of_the_test_run_that_look_at_services_are_content_with_none(bare: Path) -> None:
    run(bare, "tests/run", "apps")
    run(bare, sys.executable, "-m", "mypy", "--version")
    code = "from mypy.config_parser import parse_config_file as p; from mypy.options import Options; o = Options(); "
    code += "p(o, lambda: None, 'pyproject.toml'); print(o.files)"
    assert "backend" not in run(bare, sys.executable, "-c", code)


def test_a_service_of_the_adopters_takes_its_place(bare: Path) -> None:
    shutil.copytree(ROOT / "tests" / "support", bare / "tests" / "support", dirs_exist_ok=True)
    service = bare / "apps" / "tides"
    service.mkdir()
    blocks = re.findall(
        r"```(?:python|toml|dockerfile|yaml)\n# (apps/tides/\S+)\n(.*?)```", PAGE.read_text(), re.DOTALL
    )
    for name, text in blocks:
        path = bare / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.write_text(text)
    assert (service / "service.yaml").exists()
    assert yaml.safe_load((bare / "Pulumi.dev.yaml").read_text())["config"]
    run(bare, UV, "lock")
    run(bare, ROOT / ".venv" / "bin" / "moorage", "graph", "--write")
    assert "tides" in run(bare, ROOT / ".venv" / "bin" / "moorage", "graph")
    run(bare, ROOT / ".venv" / "bin" / "moorage", "graph", "--check")
