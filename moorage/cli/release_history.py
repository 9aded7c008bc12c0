"""``moorage history``: a stack's releases, and what one of them changed and why."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING

import typer
from rich.markup import escape
from rich.table import Table

from moorage.base.console import duration, out
from moorage.build.git import subjects
from moorage.cli.sessions import session_of
from moorage.engine import releases

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from moorage.config.release import Release
    from moorage.engine.releases import Change

_COMMIT = 8
_COMMITS = 20
_SHOWN = 3
"""Parts of a release that its line names."""


def show(root: Path, stack: str, number: int | None, *, as_json: bool) -> None:
    """Print a stack's releases, newest first, or what the one of a number changed.

    Raises `MoorageError` where they cannot be read, or there is none of that number.
    """
    session = session_of(root, stack)
    recorded = releases.read(session)
    if number is not None:
        _show_one(root, recorded, releases.by_number(recorded, number, stack), as_json=as_json)
    elif as_json:
        typer.echo(json.dumps([_plain(recorded, one) for one in recorded], indent=2))
    elif recorded:
        out.print(_table(recorded))
    else:
        out.print(f"stack {stack} has no releases yet: `moorage up {stack}` records the first one")


def _table(recorded: Sequence[Release]) -> Table:
    table = Table(box=None, pad_edge=False)
    for title in ("release", "when", "took", "commit", "by", "what"):
        table.add_column(title, justify="right" if title in ("release", "took") else "left", overflow="fold")
    for one in reversed(recorded):
        what = summary(releases.changes(releases.before(recorded, one), one))
        cause = "" if one.cause == "update" else f"[yellow]{escape(one.cause)}[/]: "
        table.add_row(
            str(one.number), _when(one.time), duration(one.seconds), _commit(one.commit), one.by, cause + escape(what)
        )
    return table


def summary(found: Sequence[Change]) -> str:
    """Return what a release changed in a few words: ``backend image, worker env.LOG_LEVEL and 2 more``."""
    told = list(dict.fromkeys(one.part if one.name == one.part else f"{one.part} {one.name}" for one in found))
    rest = len(told) - _SHOWN
    return ", ".join(told[:_SHOWN]) + (f" and {rest} more" if rest > 0 else "")


def _show_one(root: Path, recorded: Sequence[Release], one: Release, *, as_json: bool) -> None:
    earlier = releases.before(recorded, one)
    if as_json:
        typer.echo(json.dumps(_plain(recorded, one), indent=2))
        return
    out.print(f"[bold]release {one.number}[/]  {escape(one.cause)}")
    out.print(f"[dim]when[/]    {_when(one.time)}, took {duration(one.seconds)}")
    out.print(f"[dim]by[/]      {escape(one.by)}")
    out.print(f"[dim]commit[/]  {one.commit or '(outside of git)'}")
    for name, image in (one.images | one.stores).items():
        ready = f"  [dim]ready after {duration(one.ready[name])}[/]" if name in one.ready else ""
        out.print(f"[dim]image[/]   {escape(name)}  {escape(image)}{ready}")
    found = releases.changes(earlier, one)
    out.print(f"\n[bold]changed since release {earlier.number}[/]" if earlier else "\n[bold]the first release[/]")
    for change in found:
        out.print(f"  {escape(change.part)}  {escape(str(change))}")
    commits = subjects(root, earlier.commit if earlier else "", one.commit, _COMMITS)
    if commits:
        out.print("\n[bold]commits[/]")
        for line in commits:
            out.print(f"  {escape(line)}")


def _plain(recorded: Sequence[Release], one: Release) -> dict[str, object]:
    """Return a release for programs."""
    found = releases.changes(releases.before(recorded, one), one)
    changed = [{"part": each.part, "name": each.name, "before": each.before, "after": each.after} for each in found]
    return {**one.model_dump(mode="json", by_alias=True), "changes": changed}


def _when(time: str) -> str:
    try:
        return dt.datetime.fromisoformat(time).strftime("%Y-%m-%d %H:%M:%S")
    except ValueError:
        return time


def _commit(commit: str) -> str:
    base = commit.removesuffix("-dirty")[:_COMMIT]
    return f"{base}+" if commit.endswith("-dirty") else base
