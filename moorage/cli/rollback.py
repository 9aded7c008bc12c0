"""``moorage rollback`` and ``moorage restart``: changes of what runs that need neither sources nor a build."""

from __future__ import annotations

import datetime as dt
import sys
from typing import TYPE_CHECKING

from rich.markup import escape

from moorage.base import console
from moorage.base.console import Steps, out
from moorage.base.errors import MoorageError
from moorage.base.words import did_you_mean, listed
from moorage.cli.preparation import prepare
from moorage.cli.sessions import session_of
from moorage.config.pinned import pinned_project
from moorage.config.release import NewerFormError
from moorage.engine import failure, pinned_update, pods, releases, rollback, stacklock, unfinished

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from moorage.config.release import Release
    from moorage.engine.session import Session


def back(root: Path, stack: str, number: int | None, names: Sequence[str], *, yes: bool, only_show: bool) -> None:
    """Bring images and settings of a release back, of all services or of those named.

    Raises `MoorageError` with what stands against it, and with what failed.
    """
    steps = Steps(4)
    session = session_of(root, stack)
    prepare(session, steps)
    with stacklock.turn(session):
        recorded = releases.read(session)
        broken = unfinished.marked(session)
        plan = rollback.plan(session, recorded, number=number, names=names, unfinished=broken)
        for warning in plan.unproven:
            console.warn(warning)
        _tell(plan)
        if not only_show:
            _confirm(session, plan.pinned, f"rollback to release {plan.to.number}", yes=yes)
        steps.count += 1
        out.print(f"[dim]4/4[/] pulumi {'preview' if only_show else 'up'} · stack {stack} · release {plan.to.number}")
        with steps.timed("Rollback"):
            _bring_about(session, plan.pinned, plan.names, only_show=only_show, refresh=broken)
    if not only_show:
        seconds = console.duration(steps.timings["Rollback"])
        out.print(
            f"[green]✓[/] stack {stack} runs {', '.join(plan.names)} of release {plan.to.number} [dim]{seconds}[/]"
        )
        out.print(
            f"[dim]next[/]  moorage preview {stack} shows what was taken back; the next `moorage up` brings it again"
        )


def restart(root: Path, stack: str, name: str) -> None:
    """Replace all pods of a service by new ones of the same kind, without downtime, and wait until they are ready.

    Raises `MoorageError` where the stack runs no such service, and with what failed.
    """
    steps = Steps(4)
    session = session_of(root, stack)
    prepare(session, steps)
    with stacklock.turn(session):
        recorded = releases.read(session)
        running = recorded[-1].services if recorded else {}
        if name not in running:
            raise MoorageError.of(
                f"stack {stack} runs no service {name}",
                where=f"stack {stack}",
                why=f"it runs {listed(sorted(running))}" if running else "no update of it has succeeded yet",
                remedy=did_you_mean(name, list(running), f"`moorage history {stack}` tells what runs"),
            )
        when = dt.datetime.now(dt.UTC).replace(microsecond=0).isoformat()
        restarts = recorded[-1].restarts | {name: when}
        pinned = recorded[-1].model_copy(update={"cause": f"restart of {name}", "restarts": restarts})
        steps.count += 1
        out.print(f"[dim]4/4[/] pulumi up · stack {stack} · restart of {name}")
        with steps.timed("Restart"):
            _bring_about(session, pinned, [name], only_show=False, refresh=unfinished.marked(session))
    out.print(f"[green]✓[/] {name} has been restarted [dim]{console.duration(steps.timings['Restart'])}[/]")


def _tell(plan: rollback.Plan) -> None:
    found = releases.changes(plan.now, plan.pinned)
    out.print(f"release {plan.now.number} → [bold]{plan.to.number}[/] [dim]({plan.to.time}, {plan.to.by})[/]")
    for change in found:
        out.print(f"  {escape(change.part)}  {escape(str(change))}")
    if not found:
        out.print("  [dim]nothing differs from the last release; what an update left half done is put back[/]")


def _bring_about(session: Session, release: Release, names: Sequence[str], *, only_show: bool, refresh: bool) -> None:
    try:
        project = pinned_project(session.root, session.stack, release)
    except NewerFormError as error:
        raise releases.newer(session.stack, str(error)) from None
    began = dt.datetime.now(dt.UTC).replace(microsecond=0)
    if only_show:
        status, _ = pinned_update.run(session, release, names, refresh=refresh, preview=True)
    else:
        with unfinished.while_it_runs(session) as finished:
            status, diagnostics = pinned_update.run(
                session,
                release,
                names,
                refresh=refresh,
                hopeless=lambda: pods.any_hopeless(session, project.namespace, began),
            )
            finished(status)
        if status:
            raise failure.explain(session, project, status, began, diagnostics)
    if status:
        raise MoorageError.of(
            "the preview of the rollback failed",
            where=f"stack {session.stack}",
            why="see Pulumi's output above",
            remedy="fix the errors above, then run the command again",
        )


def _confirm(session: Session, release: Release, what: str, *, yes: bool) -> None:
    if yes or release.stage == "development":
        return
    if not sys.stdin.isatty():
        raise MoorageError.of(
            f"{what} of stack {session.stack} needs a confirmation, and confirmation needs a terminal",
            where=f"stack {session.stack}",
            why="the stack is not for development",
            remedy="run it in a terminal, or confirm with --yes; --preview shows what would change",
        )
    if input(f"Apply this {what} to {session.stack}? [y/N] ").strip().lower() not in {"y", "yes"}:
        raise MoorageError.of(
            f"stack {session.stack} is unchanged",
            where=f"stack {session.stack}",
            why="not confirmed",
            remedy="run the command again to apply",
        )
