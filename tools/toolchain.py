"""The whole compiled toolchain, and nothing else, in the cache, for CI to keep: ``python -m tools.toolchain``."""

from __future__ import annotations

import argparse
import shutil
import sys
from typing import TYPE_CHECKING

from moorage.base.console import Steps, out
from moorage.platform.debian import BUILD_NEEDS, install
from moorage.platform.pins import cache_folder, components
from moorage.platform.toolchain_builder import ToolchainBuilder

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path


def main(arguments: Sequence[str] | None = None) -> int:
    """Compile what is missing, remove what no pin asks for, and return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.toolchain",
        description="Compile what the cache lacks of the toolchain, and remove what the pins no longer ask for.",
    )
    parser.parse_args(arguments)
    wanted = components()
    with Steps().step("Toolchain") as step:
        builder = ToolchainBuilder(step)
        if any(component.cgo for component in builder.missing(wanted)):
            install(BUILD_NEEDS)
        built = builder.build(wanted)
        step.done(f"{built} components built" if built else "in place")
    removed = prune(cache_folder() / "toolchain", {component.folder for component in wanted})
    if removed:
        out.print(f"removed {', '.join(removed)}")
    return 0


def prune(folder: Path, wanted: Collection[str]) -> list[str]:
    """Remove the components of ``folder`` that are not ``wanted``; return their names."""
    stale = sorted(path for path in folder.iterdir() if path.is_dir() and path.name not in wanted)
    for path in stale:
        shutil.rmtree(path)
    return [path.name for path in stale]


if __name__ == "__main__":
    sys.exit(main())
