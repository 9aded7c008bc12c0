"""Git, asked about a checkout without changing it."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from moorage.base.errors import MoorageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def run_git(
    root: Path, arguments: Sequence[str], *, index: Path | None = None, stdin: bytes = b"", check: bool = False
) -> subprocess.CompletedProcess[bytes]:
    """Run git in ``root``, with an ``index`` of its own where one is named.

    Raises `MoorageError` where there is no git, and with ``check`` where it fails.
    """
    environment = os.environ | ({"GIT_INDEX_FILE": str(index)} if index else {})
    try:
        result = subprocess.run(
            ["git", *arguments], cwd=root, env=environment, input=stdin, capture_output=True, check=False
        )
    except FileNotFoundError:
        raise MoorageError.of(
            "git is not installed", where="PATH", why="it is asked for commits and revisions", remedy="install git"
        ) from None
    if check and result.returncode:
        raise MoorageError.of(
            f"git {arguments[0]} failed",
            where=str(root),
            why=result.stderr.decode(errors="replace").strip() or f"exit status {result.returncode}",
            remedy="put right what git names, then run the same command again",
        )
    return result
