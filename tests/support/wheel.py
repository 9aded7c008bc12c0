"""The distribution as an adopter has it: a wheel, and an environment in which nothing else is installed."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.support.environment import ROOT

if TYPE_CHECKING:
    from pathlib import Path


def uv() -> str:
    """Return the uv of this checkout."""
    own = ROOT / ".moorage" / "bin" / "uv"
    return str(own) if own.exists() else shutil.which("uv") or "uv"


def _run(*command: str, **variables: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"} | variables
    result = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert result.returncode == 0, result.stderr


@functools.cache
def build_wheel(folder: Path) -> Path:
    """Build the wheel into a folder and return its path."""
    _run(uv(), "build", "--quiet", "--wheel", "--out-dir", str(folder), str(ROOT))
    (wheel,) = folder.glob("*.whl")
    return wheel


def install(wheel: Path, environment: Path, *, extras: str = "") -> Path:
    """Make an environment with the wheel and what it needs, as locked here; return its ``bin`` folder."""
    constraints = environment.parent / "constraints.txt"
    constraints.parent.mkdir(parents=True, exist_ok=True)
    export = ("export", "--quiet", "--frozen", "--no-hashes", "--no-emit-workspace", "--output-file", str(constraints))
    _run(uv(), *export, "--project", str(ROOT))
    _run(uv(), "venv", "--quiet", "--python", sys.executable, str(environment))
    python = str(environment / "bin" / "python")
    _run(
        *(uv(), "pip", "install", "--quiet", "--python", python, "--constraints", str(constraints)), f"{wheel}{extras}"
    )
    return environment / "bin"
