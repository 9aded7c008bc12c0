"""``moorage affected --json`` as CI asks it, answered without loading the command line, which takes longer than the answer."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from moorage.cli.endings import ended, interrupted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_DEFAULT_STACK = "dev"


def answered(arguments: Sequence[str]) -> bool:
    """Answer the question if it is one of this form; return whether it was. Exits where a mistake ends the command."""
    asked = question(arguments)
    if asked is None:
        return False
    ended(lambda: _until_interrupted(lambda: _affected(*asked)))
    return True


def question(arguments: Sequence[str]) -> tuple[str, str] | None:
    """Return the stack and the revision that ``affected`` is asked for as JSON; None for every other command line."""
    if arguments[:1] != ["affected"]:
        return None
    stacks, revisions, as_json = list[str](), list[str](), False
    rest = iter(arguments[1:])
    for word in rest:
        if word == "--json":
            as_json = True
        elif word == "--since":
            revisions.append(next(rest, "-"))
        elif word.startswith("--since="):
            revisions.append(word.partition("=")[2])
        else:
            stacks.append(word)
    # Options that there are not, and words too many, are the command line's to refuse.
    clear = all(word and not word.startswith("-") for word in (*stacks, *revisions))
    if not (as_json and clear and len(stacks) <= 1 and len(revisions) <= 1):
        return None
    return (*stacks, _DEFAULT_STACK)[0], (*revisions, "")[0]


def _affected(stack: str, since: str) -> None:
    from moorage.cli.affected import affected
    from moorage.config.locate import find_root

    affected(find_root(), stack, since=since, as_json=True)


def _until_interrupted(command: Callable[[], None]) -> None:
    try:
        command()
    except KeyboardInterrupt as stop:
        sys.exit(interrupted(stop))
