"""Where the ``moorage`` command starts: only what has to happen before anything else is imported."""

from __future__ import annotations

import gc
import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

from moorage.base.errors import Terminated

_OBJECTS_BETWEEN_COLLECTIONS = 50_000
"""A command makes few cycles and ends soon."""


def main() -> None:
    """Run the command line, its bytecode kept; a request to end is met as Ctrl-C is."""
    keep_bytecode()
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    # Otherwise pydantic searches all installed packages for plugins, of which this program has none.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    signal.signal(signal.SIGTERM, _terminate)
    from moorage.cli import direct

    try:
        if not direct.answered(sys.argv[1:]):
            from moorage.cli import main as command_line

            command_line.main()
    finally:
        gc.freeze()  # Python would look through all of it for cycles once more, and the process ends


def _terminate(_number: int, _frame: object) -> NoReturn:
    raise Terminated


def keep_bytecode() -> None:
    """Keep bytecode below ``.moorage`` where the environment forbids it beside the sources.

    Container images and CI runners set PYTHONDONTWRITEBYTECODE so that nothing litters the sources; to compile all of
    them again at every start costs more than the command itself.
    """
    home = Path(__file__).resolve().parents[2] / ".moorage"
    if sys.dont_write_bytecode and sys.pycache_prefix is None and home.is_dir():
        sys.pycache_prefix = str(home / "pycache")
        sys.dont_write_bytecode = False
