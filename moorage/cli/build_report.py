"""``moorage report``: what the last build of each image did."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from moorage.base.console import duration, out, printable, size, warn
from moorage.base.errors import MoorageError
from moorage.base.files import write_atomic
from moorage.base.quantity import quantity_value
from moorage.cli.sessions import session_for
from moorage.config.loader import load_project
from moorage.config.service import Budget
from moorage.engine.kept_builds import collect, history_of, store_of
from moorage.engine.state import BASE
from moorage.report.page import render
from moorage.report.sizes import Limits, exceeded, growth

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from moorage.config.loader import Project
    from moorage.engine.session import Session
    from moorage.report.model import Build


def show(root: Path, stack: str, *, as_json: bool, html: Path | None, strict: bool) -> int:
    """Print the report of a stack, write it as a page where one is asked for, and return the exit status.

    Raises `MoorageError` where no build of the stack is known.
    """
    project = load_project(root, stack)
    session = session_for(project)
    builds = _known(session, project)
    over = {name: exceeded(found[-1], _limits(project, name)) for name, found in builds.items()}
    over = {name: words for name, words in over.items() if words}
    if html is not None:
        write_atomic(html, render(stack, builds, over))
    if as_json:
        out.print_json(json.dumps(_document(stack, builds, over)))
    else:
        _print(builds)
        if html is not None:
            out.print(f"\n[dim]page[/]  {escape(str(html))}")
    for name, words in over.items():
        for word in words:
            warn(f"{name} is over its budget: {word}")
    return 1 if over and (strict or os.environ.get("CI") == "true") else 0


def _known(session: Session, project: Project) -> dict[str, list[Build]]:
    """Return the kept builds of the stack; those that the builder still remembers where none were kept."""
    builds = store_of(session).builds()
    if not builds and (history := history_of(session)):
        collect(session, project, history, history.completed())
        builds = store_of(session).builds()
    if not builds:
        raise MoorageError.of(
            "no builds of this stack yet",
            where=f"stack {session.stack}",
            why="reports are kept when `moorage up` builds something, and the builder's history is empty too",
            remedy=f"moorage up {session.stack}",
        )
    return builds


def _limits(project: Project, name: str) -> Limits:
    service = project.services.get(name)
    image = project.base_images.get(name.removeprefix(BASE))
    budget = service.build.budget if service else image.build.budget if image else Budget()
    return Limits(
        unpacked=None if budget.size is None else int(quantity_value(budget.size)),
        warm_seconds=budget.warm_seconds,
        hit_rate=budget.hit_rate,
    )


def _document(stack: str, builds: Mapping[str, list[Build]], over: Mapping[str, list[str]]) -> dict[str, object]:
    images = []
    for name, found in builds.items():
        last, before = found[-1], found[-2] if len(found) > 1 else None
        images.append(
            {
                **last.model_dump(mode="json", by_alias=True, exclude={"files"}),
                "image": name,
                "hitRate": round(last.hit_rate, 1),
                "packed": last.packed,
                "unpacked": last.unpacked,
                "growth": [{"createdBy": part.created_by, "bytes": part.grown} for part in growth(last, before)],
                "overBudget": over.get(name, []),
                "trend": [
                    {
                        "started": build.started.isoformat(),
                        "seconds": build.seconds,
                        "hitRate": round(build.hit_rate, 1),
                        "unpacked": build.unpacked,
                    }
                    for build in found
                ],
            }
        )
    return {"stack": stack, "images": images}


def _print(builds: Mapping[str, list[Build]]) -> None:
    table = Table(box=None, pad_edge=False)
    table.add_column("image", style="bold")
    for column in ("built", "took", "steps run", "cached", "packed", "unpacked", "since before"):
        table.add_column(column, justify="right")
    for name, found in builds.items():
        last, before = found[-1], found[-2] if len(found) > 1 else None
        table.add_row(
            name,
            f"{last.started.astimezone():%d %b %H:%M}",
            duration(last.seconds),
            f"{len(last.counted) - last.cached} of {len(last.counted)}",
            f"{last.hit_rate:.0f} %",
            size(last.packed),
            size(last.unpacked),
            _signed(last.unpacked - before.unpacked) if before else "first",
        )
    out.print(table)
    for name, found in builds.items():
        _print_build(name, found[-1], found[-2] if len(found) > 1 else None)


def _print_build(name: str, build: Build, before: Build | None) -> None:
    missed = [step for step in build.counted if not step.cached]
    parts = growth(build, before)
    if not missed and not parts:
        return
    out.print(f"\n[bold]{escape(name)}[/] [dim]{escape(build.dockerfile)} · {escape(build.target or 'last stage')}[/]")
    for stage, steps in build.stages().items():
        counted = [step for step in steps if not step.base]
        if counted:
            seconds, cached = sum(step.seconds for step in counted), sum(step.cached for step in counted)
            out.print(f"  {escape(stage):24} {duration(seconds):>10}  [dim]{cached} of {len(counted)} cached[/]")
    for step in missed:
        text = escape(printable(step.instruction[:100]))
        out.print(f"  [yellow]ran[/] {duration(step.seconds):>8}  line {step.line:<3} {text}")
        out.print(f"      [dim]{escape(printable(step.missed))}[/]")
    for part in parts[:3]:
        out.print(f"  [magenta]{_signed(part.grown):>12}[/]  {escape(printable(part.created_by[:100]))}")


def _signed(count: int) -> str:
    return f"{'-' if count < 0 else '+'}{size(abs(count))}" if count else "same size"
