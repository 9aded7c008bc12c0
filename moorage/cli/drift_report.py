"""``moorage drift``: what of a stack's live objects differs from its state, field by field; nothing is changed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from rich.markup import escape

from moorage.base import console
from moorage.base.console import out
from moorage.base.errors import MoorageError
from moorage.cli.sessions import session_of
from moorage.engine import hand_edits
from moorage.engine.state import read_state

if TYPE_CHECKING:
    from pathlib import Path

    from moorage.engine.drift import Drift
    from moorage.engine.hand_edits import Inspection

DRIFTED = 3
"""Exit status where something differs; 1 is an error, 2 a mistake on the command line."""


def show(root: Path, stack: str, *, as_json: bool) -> int:
    """Compare, print what was found, and return the exit status.

    Raises `MoorageError` where the stack never came up, and where its cluster cannot be asked.
    """
    session = session_of(root, stack)
    state = read_state(session)
    if not state.resources:
        raise MoorageError.of(
            "there is nothing to compare",
            where=f"stack {stack}",
            why="the stack is not up",
            remedy=f"moorage up {stack}",
        )
    found = hand_edits.inspect(session, state)
    if found is None:
        raise MoorageError.of(
            "the cluster does not answer, so nothing is known of its objects",
            where=f"context {session.target.context} of {session.target.kubeconfig}",
            why="a kubectl get of the stack's objects failed",
            remedy="check the context in Pulumi.<stack>.yaml, your credentials and your network; `moorage doctor` asks it",
        )
    if as_json:
        out.print_json(json.dumps(document(stack, found)))
    else:
        _tell(stack, found)
    return 0 if found.clean else DRIFTED


def document(stack: str, found: Inspection) -> dict[str, object]:
    """Return what was found for programs."""

    def entry(drift: Drift) -> dict[str, object]:
        return {
            "kind": drift.kind,
            "name": drift.name,
            "missing": drift.missing,
            "changes": list(drift.changes),
            "by": drift.by,
        }

    return {
        "stack": stack,
        "compared": found.compared,
        "drifts": [entry(drift) for drift in found.drifts],
        "strangers": [entry(drift) for drift in found.strangers],
        "notCompared": list(found.refused),
    }


def _tell(stack: str, found: Inspection) -> None:
    for drift in (*found.drifts, *found.strangers):
        title = f"[bold]{escape(drift.kind)} {escape(drift.name)}[/]"
        by = f" [dim]· last written by {escape(drift.by)}[/]" if drift.by else ""
        out.print(f"{title} [red]is missing[/]" if drift.missing else f"{title}{by}")
        for change in drift.changes:
            out.print(f"  {escape(console.printable(change))}")
    if found.refused:
        console.warn(f"not compared, as they may not be listed: {', '.join(found.refused)}")
    count = len(found.drifts) + len(found.strangers)
    if not count:
        out.print(f"[green]✓[/] the {found.compared} objects of stack {stack} are as its last update left them")
        return
    differ = "differs" if count == 1 else "differ"
    out.print(f"[red]✗[/] {count} of the objects of stack {stack} {differ}; `moorage up {stack}` restores what it sets")
    if found.strangers:
        out.print("what is not in the stack's state stays until somebody deletes it with kubectl")
