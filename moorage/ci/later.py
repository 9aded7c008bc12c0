"""Whether a stack is at a later commit than this checkout: ``python -m moorage.ci.later STACK``.

A CI job that is run again, or that has waited for a reviewer, may find that a later commit was deployed meanwhile.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

_HISTORY = 'eval "$("$1" env "$2")" && exec pulumi stack history --stack "$2" --json --page-size 20 --page 1'


def main(arguments: Sequence[str] | None = None) -> int:
    """Print ``later=COMMIT``, as an output of the step, where the stack is at a later commit; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m moorage.ci.later",
        description="Print later=COMMIT where the last update of a stack was made from a later commit than HEAD.",
    )
    parser.add_argument("stack", metavar="STACK", help="name of the stack")
    stack = parser.parse_args(arguments).stack
    moorage = Path(sys.prefix) / "bin" / "moorage"
    result = subprocess.run(
        ["bash", "-c", _HISTORY, "bash", str(moorage), stack], capture_output=True, text=True, check=False
    )
    if result.returncode and "no stack named" in result.stderr:
        return 0  # the first update makes it
    if result.returncode:
        sys.stderr.write(
            f"error: the history of stack {stack} could not be read; see Pulumi's output:\n{result.stderr}"
        )
        return 1
    deployed = last_commit(json.loads(result.stdout or "[]"))
    if deployed and is_later(Path.cwd(), deployed):
        sys.stderr.write(f"stack {stack} is at {deployed}, a later commit than this one: nothing is deployed\n")
        print(f"later={deployed}")  # noqa: T201  # an output of the step
    return 0


def last_commit(history: Sequence[dict[str, Any]]) -> str:
    """Return the commit of the latest update in Pulumi's ``history``, newest first; empty where none names one."""
    updates = (entry for entry in history if entry.get("kind") == "update")
    return str(next(updates, {}).get("environment", {}).get("git.head", ""))


def is_later(checkout: Path, commit: str) -> bool:
    """Return whether HEAD of ``checkout`` is an ancestor of ``commit``; not where git does not know that commit."""

    def git(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["git", *words], cwd=checkout, capture_output=True, text=True, check=False)

    if git("rev-parse", "HEAD").stdout.strip() == commit:
        return False
    return git("merge-base", "--is-ancestor", "HEAD", commit).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
