"""Where the ``moorage`` command starts: only what has to happen before anything else is imported."""

from __future__ import annotations

import sys
from pathlib import Path


def main() -> None:
    """Run the command line, its bytecode kept."""
    keep_bytecode()
    from moorage.cli import main as command_line

    command_line.main()


def keep_bytecode() -> None:
    """Keep bytecode below ``.moorage`` where the environment forbids it beside the sources.

    Container images and CI runners set PYTHONDONTWRITEBYTECODE so that nothing litters the sources; to compile all of
    them anew at every start costs more than the command itself.
    """
    home = Path(__file__).resolve().parents[2] / ".moorage"
    if sys.dont_write_bytecode and sys.pycache_prefix is None and home.is_dir():
        sys.pycache_prefix = str(home / "pycache")
        sys.dont_write_bytecode = False
