"""``moorage up`` and ``down``: prepare, run Pulumi, and say how it went."""

from __future__ import annotations

import datetime as dt
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from moorage.base import console
from moorage.base.console import Steps, out
from moorage.base.errors import MoorageError, Problem
from moorage.cli import environments, failed, plans, previews, summary
from moorage.cli.preparation import prepare
from moorage.cli.sessions import session_for, session_of
from moorage.cli.source_check import check_declared
from moorage.config.loader import load_project
from moorage.config.target import embedded_target
from moorage.engine import (
    controller,
    events,
    kept_builds,
    pinned_update,
    pods,
    preflight,
    pulumi,
    routes,
    stacklock,
    stacks,
    unfinished,
)
from moorage.engine.look import Seen, look, look_meanwhile
from moorage.engine.state import read_state
from moorage.platform.embedded import Platform
from moorage.platform.layout import Layout

if TYPE_CHECKING:
    from collections.abc import Sequence

    from moorage.config.project import Project
    from moorage.engine.session import Session
    from moorage.engine.state import Resource

_FOR_THE_POLICIES = {"PULUMI_DISABLE_PROVIDER_PREVIEW": "true"}
"""An update's own preview asks the policies, not the cluster, which would refuse what takes the place of something."""


class ClosedRouteError(MoorageError):
    """The stack was deployed, and a route of it does not answer."""


def up(root: Path, stack: str, *, yes: bool, plan: Path | None = None, options: Sequence[str] = ()) -> None:
    """Bring the stack up, ask its routes and print a summary; with a ``plan``, only as it was reviewed.

    ``options`` are further ones of `pulumi up`.

    Raises `MoorageError` with the first thing that stops it, and with every route that is not open afterwards.
    """
    reviewed = plans.read(plan, stack) if plan else None
    project = load_project(root, stack)
    if plan and reviewed:
        plans.check_sources(reviewed, plan, project)
    check_declared(project.monorepo)
    for problem in project.warnings:
        console.warn(str(problem))
    steps = Steps(4)
    layout = Layout.of(project.program)
    running = not project.target.embedded or Platform(layout).running()
    early = look_meanwhile(session_for(project)) if running else None
    prepare(session_for(project), steps)
    project = where_the_platform_is(project)
    session = session_for(project)
    if not project.target.embedded:
        preflight.check(session)
    seen = early.result() if early else look(session)
    stacks.ensure(session)
    confirmed = _confirm_where_needed(session, project, seen, yes=yes or reviewed is not None)
    previews.tell(seen, f"this update restores {'it' if len(seen.drifts) == 1 else 'them'}")
    with stacklock.turn(session):
        if plan and reviewed:
            plans.check(reviewed, plan, session, seen)
        steps.count += 1
        out.print(f"[dim]4/4[/] pulumi up · stack {stack}")
        began = dt.datetime.now(dt.UTC)
        with steps.timed("Deploy"), TemporaryDirectory() as folder:
            log = Path(folder) / "events.json"
            status = _update(session, project, log, options, confirmed=confirmed, drifted=bool(seen.drifts))
            diagnostics = events.diagnostics(log) if status else []
        if status:
            raise failed.end(session, project, status, began, diagnostics)
    kept_builds.keep(session, project, began)
    environments.fill(session, project)
    _ask_routes(session, project, steps)


def _ask_routes(session: Session, project: Project, steps: Steps) -> None:
    """Ask every route and print the summary.

    Raises `ClosedRouteError` with each that is not open.
    """
    asked = routes.routes_of(session, project)
    with ThreadPoolExecutor() as pool:
        misplaced = pool.submit(controller.misplaced, session, project) if asked else None
        answers = routes.ask(asked)
    summary.show(session, project, steps, answers)
    cut_off = misplaced.result() if misplaced else None
    if closed := routes.problems(session, project, answers, cut_off):
        raise ClosedRouteError(*closed)
    if cut_off:
        # What is connected already stays connected for a while, and answers.
        console.warn(str(cut_off))


def down(root: Path, stack: str, *, unprotect: bool, keep_data: bool) -> None:
    """Delete the stack's objects, and the stack itself where its state lives in this checkout.

    What the stack protects is deleted only with ``unprotect``, and left alone with ``keep_data``. Raises `MoorageError`
    before anything is deleted where there are protected resources and neither is given.
    """
    session = session_of(root, stack)
    prepare(session, Steps(3))
    if not stacks.exists(session):
        out.print(f"[green]✓[/] stack {stack} does not exist: nothing to delete")
        return
    with stacklock.turn(session):
        if unprotect:
            stacks.unprotect(session)
        elif not keep_data and (kept := read_state(session).protected):
            raise _protects(stack, kept)
        excluded = ["--exclude-protected"] if keep_data else []
        status = pulumi.show(session, ["destroy", "--yes", "--skip-preview", *excluded, "--stack", stack])
        if status:
            raise pulumi.failed_before_the_user(session, "not everything could be deleted", status)
    if keep_data and read_state(session).protected:
        out.print(f"[green]✓[/] only the protected resources of stack {stack} are left")
        return
    if session.own_backend:
        stacks.remove(session)
        out.print(f"[green]✓[/] stack {stack} is gone, its history as well")
    else:
        out.print(
            f"[green]✓[/] everything that stack {stack} made is deleted; its history stays in {session.backend()}"
        )


def _protects(stack: str, kept: Sequence[Resource]) -> MoorageError:
    return MoorageError.of(
        f"stack {stack} protects {len(kept)} of its resources; nothing was deleted",
        where=f"stack {stack}",
        why="they hold data, or deleting them would delete data",
        remedy=f"moorage down {stack} --keep-data keeps them, moorage down {stack} --unprotect deletes them with their data",
        detail=[str(resource) for resource in kept],
    )


def where_the_platform_is(project: Project) -> Project:
    """Return the project with what the embedded platform says of itself now that it runs."""
    if not project.target.embedded:
        return project
    problems: list[Problem] = []
    target = embedded_target(project.program, project.settings, problems)
    if target is None:
        raise MoorageError(*problems)
    return replace(project, target=target)


def _confirm_where_needed(session: Session, project: Project, seen: Seen, *, yes: bool) -> bool:
    """Name what the update would delete, and ask where the stack is protected or deletes a service of production.

    Return whether somebody has confirmed. Raises `MoorageError` where the answer is no, or there is no terminal to ask in.
    """
    vanished = seen.vanished(project)
    for name in vanished:
        console.warn(previews.vanished(project, name))
    reason = ""
    if vanished and (project.settings.protect or not project.development):
        reason = f"this update deletes {', '.join(vanished)}"
    elif project.settings.protect and not project.target.embedded:
        reason = f"stack {session.stack} is protected"
    if yes or not reason:
        return yes
    _confirm(session, reason)
    return True


def _confirm(session: Session, reason: str) -> None:
    """Show the preview and ask.

    Raises `MoorageError` where the answer is no, or there is no terminal to ask in.
    """
    stack = session.stack
    if not sys.stdin.isatty():
        raise MoorageError.of(
            f"{reason}; confirmation needs a terminal",
            where=f"Pulumi.{stack}.yaml",
            why="a stack that is protected, or not for development, requires a confirmed preview",
            remedy="run it in a terminal, or confirm with --yes",
        )
    status = pulumi.show(session, ["preview", "--stack", stack])
    if status or input(f"Apply this to {stack}? [y/N] ").strip().lower() not in {"y", "yes"}:
        raise MoorageError.of(
            f"stack {stack} is unchanged",
            where=f"stack {stack}",
            why="not confirmed",
            remedy="run the command again to apply",
        )


def _update(
    session: Session, project: Project, log: Path, options: Sequence[str], *, confirmed: bool, drifted: bool
) -> int:
    """Run `pulumi up`, its events written to ``log``, and remember meanwhile that it has not finished."""
    refresh = drifted or unfinished.marked(session)
    arguments = update_arguments(project, confirmed=confirmed, refresh=refresh)
    began = dt.datetime.now(dt.UTC).replace(microsecond=0)
    with unfinished.while_it_runs(session) as finished:
        status = pulumi.show(
            session,
            [*arguments, *options, f"--event-log={log}"],
            hopeless=lambda: pods.any_hopeless(session, project.namespace, began),
            variables=_FOR_THE_POLICIES | events.VARIABLES | (pinned_update.TAKE_BACK if refresh else {}),
        )
        finished(status)
    return status


def update_arguments(project: Project, *, confirmed: bool = False, refresh: bool = False) -> list[str]:
    """Return Pulumi's arguments for an update; with ``refresh`` it looks at the cluster first.

    That is for what is missing there, and after an update that was cut off while it waited for a rollout: the cluster
    has the new object and Pulumi's state the old one, and the next update would take a difference that is there for none.

    What an update deletes the policies judge in a preview, or else when it has happened: so production is updated with a
    preview, unless its data is protected and somebody has looked and confirmed.
    """
    looked = project.settings.protect and confirmed
    preview = ["--skip-preview"] if looked or project.development else []
    return ["up", "--yes", *preview, *(["--refresh"] if refresh else []), "--stack", project.stack_name]
