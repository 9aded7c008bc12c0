"""The stacks that CI is about: ``python -m moorage.ci.stacks`` prints their names as JSON, for a job's matrix.

Read with nothing but Python, before anything is installed: a new ``Pulumi.<stack>.yaml`` needs no change of a workflow.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_DEVELOPMENT = ("dev", "development", "local", "test", "sandbox")
_KEY = r"^ +[\"']?moorage:{key}[\"']?:"


def stacks(root: Path, *, deployed: bool, only: str = "") -> list[str]:
    """Return the stacks of a checkout: those for development first, then by name.

    Environments for a while are left out, and with ``deployed`` those of the embedded platform, which would end with the
    job. ``only`` names the one that is wanted; raises `ValueError` where there is no such stack.
    """
    found = {path.name[len("Pulumi.") : -len(".yaml")]: path.read_text() for path in root.glob("Pulumi.?*.yaml")}
    staying = {name: text for name, text in found.items() if not re.search(r"\bexpiresAt\b", text)}
    if only and only not in staying:
        raise ValueError(f"there is no stack {only}: stacks are {', '.join(sorted(staying)) or 'none'}")
    wanted = {name: text for name, text in staying.items() if not only or name == only}
    if deployed:
        wanted = {
            name: text for name, text in wanted.items() if re.search(_KEY.format(key="cluster"), text, re.MULTILINE)
        }
        if only and not wanted:
            raise ValueError(f"stack {only} has no cluster of its own: on a runner it would end with the job")
    return sorted(wanted, key=lambda name: (not _for_development(name, wanted[name]), name))


def _for_development(name: str, text: str) -> bool:
    if told := re.search(_KEY.format(key="stage") + r" *[\"']?(\w+)", text, re.MULTILINE):
        return told[1] == "development"
    return name.partition("-")[0].lower() in _DEVELOPMENT


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the names; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m moorage.ci.stacks",
        description="Print the names of the stacks as JSON, in the order of updates.",
    )
    parser.add_argument("--deployed", action="store_true", help="only those with a cluster of their own")
    parser.add_argument(
        "--only", metavar="STACK", default="", help="only this one; an error where there is no such stack"
    )
    given = parser.parse_args(arguments)
    try:
        found = stacks(Path.cwd(), deployed=given.deployed, only=given.only)
    except ValueError as error:
        print(f"::error title=No such stack::{error}")  # noqa: T201  # CI reads annotations from standard output
        return 1
    print(json.dumps(found))  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
