"""Plain ``buildx build`` on the platform's builder, as a user runs it after ``eval "$(moorage env)"``."""

from __future__ import annotations

import functools
import subprocess
from typing import TYPE_CHECKING

from tests.support.quiet import busy
from tests.support.stack import ROOT, session_environment

if TYPE_CHECKING:
    from pathlib import Path

BUILDER = "moorage"


@functools.cache
def environment() -> dict[str, str]:
    """Return the environment in which the builder is known."""
    return session_environment()


def buildx(
    *arguments: str, cwd: Path = ROOT, stdin: str | None = None, check: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run ``buildx build`` and return what it printed."""
    with busy():
        result = subprocess.run(
            ["buildx", "build", "--builder", BUILDER, *arguments],
            cwd=cwd,
            env=environment(),
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
    if check:
        assert result.returncode == 0, f"buildx build {' '.join(arguments)}\n{result.stdout}\n{result.stderr[-4000:]}"
    return result
