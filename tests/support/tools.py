"""Runs a program of the test toolchain, building it when missing: ``python -m tests.support.tools actionlint …``."""

from __future__ import annotations

import subprocess
import sys

from moorage.base.console import Steps
from moorage.platform.pins import cache_folder, components
from moorage.platform.toolchain_builder import ToolchainBuilder


def path_of(name: str) -> str:
    """Return the path of a test program, built when the cache does not hold it."""
    component = next(component for component in components("test") if component.name == name)
    builder = ToolchainBuilder()
    if builder.missing([component]):
        with Steps().step(f"{name} {component.version}") as step:
            ToolchainBuilder(step).build([component])
    return str(cache_folder() / "toolchain" / component.folder / "bin" / name)


if __name__ == "__main__":
    sys.exit(subprocess.run([path_of(sys.argv[1]), *sys.argv[2:]], check=False).returncode)
