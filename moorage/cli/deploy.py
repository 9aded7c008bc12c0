"""``moorage up``, ``preview`` and ``down``: prepare, run Pulumi, and say how it went."""

from __future__ import annotations

import datetime as dt
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from moorage.base.console import Steps, out
from moorage.base.errors import MoorageError, Problem
from moorage.cli import summary
from moorage.cli.sessions import session_for, session_of
from moorage.cli.source_check import check_declared
from moorage.config.loader import load_project
from moorage.config.target import embedded_target
from moorage.engine import failure, kept_builds, pods, preflight, pulumi, stacklock, stacks
from moorage.engine.state import read_state
from moorage.platform import debian, toolchain
from moorage.platform.embedded import Platform
from moorage.platform.layout import Layout
from policy.settings import stage_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from moorage.config.project import Project
    from moorage.engine.session import Session
    from moorage.engine.state import Resource

_FOR_THE_POLICIES = {"PULUMI_DISABLE_PROVIDER_PREVIEW": "true"}
"""An update's own preview asks the policies, not the cluster, which would refuse what takes the place of something."""
_REMEDY = "fix the errors above, then run the command again"


def up(root: Path, stack: str, *, yes: bool) -> None:
    """Bring the stack up and print a summary.

    Raises `MoorageError` with the first thing that stops it.
    """
    project = load_project(root, stack)
    check_declared(project.root, project.monorepo)
    steps = Steps(4)
    _prepare(session_for(project), steps)
    project = _where_the_platform_is(project)
    session = session_for(project)
    if not project.target.embedded:
        preflight.check(session)
    stacks.ensure(session)
    if project.settings.protect and not project.target.embedded and not yes:
        _confirm(session)
    stacklock.wait_for_others(session)
    steps.count += 1
    out.print(f"[dim]4/4[/] pulumi up · stack {stack}")
    began = dt.datetime.now(dt.UTC)
    with steps.timed("Deploy"):
        status = _update(session, project)
    if status:
        raise failure.explain(session, project, status, began)
    kept_builds.keep(session, project, began)
    summary.show(session, project, steps)


def preview(root: Path, stack: str, *, diff: bool) -> None:
    """Show what would change."""
    project = load_project(root, stack)
    check_declared(project.root, project.monorepo)
    session = session_for(project)
    with Steps().step("Toolchain") as step:
        # A preview asks the platform where it runs, but does not need it: neither builder nor cluster does anything.
        built = toolchain.ensure(Layout.of(root), platform=False, step=step)
        step.done(f"{built} built" if built else "in place")
    stacks.ensure(session)
    arguments = ["preview", "--stack", stack, *(["--diff"] if diff else [])]
    status = pulumi.show(session, arguments)
    if status:
        raise MoorageError.of(
            "the preview failed", where=f"stack {stack}", why="see Pulumi's output above", remedy=_REMEDY
        )


def down(root: Path, stack: str, *, unprotect: bool, keep_data: bool) -> None:
    """Delete the stack's objects, and the stack itself where its state lives in this checkout.

    What the stack protects is deleted only with ``unprotect``, and left alone with ``keep_data``. Raises `MoorageError`
    before anything is deleted where there are protected resources and neither is given.
    """
    session = session_of(root, stack)
    _prepare(session, Steps(3))
    if not stacks.exists(session):
        out.print(f"[green]✓[/] there is no stack {stack}: nothing to delete")
        return
    stacklock.wait_for_others(session)
    if unprotect:
        stacks.unprotect(session)
    elif not keep_data and (kept := read_state(session).protected):
        raise _protects(stack, kept)
    excluded = ["--exclude-protected"] if keep_data else []
    status = pulumi.show(session, ["destroy", "--yes", "--skip-preview", *excluded, "--stack", stack])
    if status:
        raise MoorageError.of(
            "not everything could be deleted", where=f"stack {stack}", why="see Pulumi's output above", remedy=_REMEDY
        )
    if keep_data and read_state(session).protected:
        out.print(f"[green]✓[/] only the protected resources of stack {stack} are left")
        return
    if session.own_backend:
        stacks.remove(session)
    out.print(f"[green]✓[/] stack {stack} is gone")


def _protects(stack: str, kept: Sequence[Resource]) -> MoorageError:
    return MoorageError.of(
        f"stack {stack} protects {len(kept)} of its resources; nothing was deleted",
        where=f"stack {stack}",
        why="they hold data, or data would go with them",
        remedy=f"moorage down {stack} --keep-data deletes all but these, moorage down {stack} --unprotect the data too",
        detail=[str(resource) for resource in kept],
    )


def _where_the_platform_is(project: Project) -> Project:
    """Return the project with what the embedded platform says of itself now that it runs."""
    if not project.target.embedded:
        return project
    problems: list[Problem] = []
    target = embedded_target(project.root, project.settings, problems)
    if target is None:
        raise MoorageError(*problems)
    return replace(project, target=target)


def _prepare(session: Session, steps: Steps) -> None:
    layout, embedded = Layout.of(session.root), session.target.embedded
    with steps.step("System packages") as step:
        installed = debian.install(debian.PLATFORM_NEEDS) if embedded else []
        step.done(f"installed {', '.join(installed)}" if installed else "in place")
    with steps.step("Toolchain") as step:
        built = toolchain.ensure(layout, platform=embedded, step=step)
        step.done(f"{built} components built" if built else "in place")
    with steps.step("Platform") as step:
        if embedded:
            step.done("started" if Platform(layout).start(step) else "already running")
        else:
            step.done("your own cluster, registry and builder")


def _confirm(session: Session) -> None:
    """Show the preview of a protected stack and ask.

    Raises `MoorageError` where the answer is no, or nobody can be asked.
    """
    stack = session.stack
    if not sys.stdin.isatty():
        raise MoorageError.of(
            f"stack {stack} is protected; confirmation needs a terminal",
            where=f"Pulumi.{stack}.yaml",
            why="protect: true in its settings asks for a look at the preview first",
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


def _update(session: Session, project: Project) -> int:
    """Run `pulumi up` and remember meanwhile that it has not finished."""
    mark = session.home / f"unfinished-{project.stack_name}"
    arguments = update_arguments(project, after_unfinished=mark.exists())
    mark.touch()
    began = dt.datetime.now(dt.UTC).replace(microsecond=0)
    status = pulumi.show(
        session,
        arguments,
        hopeless=lambda: pods.any_hopeless(session, project.namespace, began),
        variables=_FOR_THE_POLICIES,
    )
    if status == 0:
        mark.unlink(missing_ok=True)
    return status


def update_arguments(project: Project, *, after_unfinished: bool = False) -> list[str]:
    """Return Pulumi's arguments for an update; after one that did not finish, it looks at the cluster first.

    Where an update is cut off while it waits for a rollout, the cluster has the new object and Pulumi's state the old
    one, and the next update would take a difference that is there for none.

    What an update deletes the policies judge in a preview, or else when it has happened: so there is a preview where
    they refuse deletions of data and no protection does.
    """
    by_policies_only = stage_of(project.stack_name) != "dev" and not project.settings.protect
    preview = [] if by_policies_only else ["--skip-preview"]
    refresh = ["--refresh"] if after_unfinished else []
    return ["up", "--yes", *preview, *refresh, "--stack", project.stack_name]
