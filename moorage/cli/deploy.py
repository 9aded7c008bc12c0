"""``moorage up``, ``preview`` and ``down``: prepare, run Pulumi, and say how it went."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from typing import TYPE_CHECKING

from moorage.base.console import Steps, out
from moorage.base.errors import MoorageError, Terminated
from moorage.cli import collect, diagnosis, graph, preflight, summary
from moorage.config.loader import load_project, load_target
from moorage.engine import stacklock, stacks
from moorage.engine.session import Session
from moorage.platform import packages, toolchain
from moorage.platform.layout import Layout
from moorage.platform.platform import Platform

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from moorage.config.loader import Project


WATCH_SECONDS = 5.0
"""How often the pods of an update are looked at."""
_FOR_THE_POLICIES = {"PULUMI_DISABLE_PROVIDER_PREVIEW": "true"}
"""An update's own preview asks the policies, not the cluster, which would refuse what takes the place of something."""


def session_of(root: Path, stack: str) -> Session:
    """Return the session of a stack, whose settings say whether the embedded platform is its target."""
    return Session(layout=Layout.of(root), stack=stack, embedded=load_target(root, stack).embedded)


def up(root: Path, stack: str, *, yes: bool) -> None:
    """Bring the stack up and print a summary.

    Raises `MoorageError` with the first thing that stops it.
    """
    project = load_project(root, stack)
    graph.hold_sources(root)
    embedded = project.target.embedded
    session = _session(root, project)
    steps = Steps(4)
    _prepare(session, steps)
    project = load_project(root, stack)
    if not embedded:
        preflight.check(project)
    stacks.ensure(session)
    if project.settings.protect and not embedded and not yes:
        _confirm(session, stack)
    stacklock.wait_for_others(session)
    steps.count += 1
    out.print(f"[dim]4/4[/] pulumi up · stack {stack}")
    began = dt.datetime.now(dt.UTC)
    with steps.timed("Deploy"):
        status = _update(session, project)
    if status:
        raise diagnosis.explain(session, project, status, began)
    collect.keep(session, project, began)
    summary.show(session, project, steps)


def preview(root: Path, stack: str, *, diff: bool) -> None:
    """Show what would change."""
    project = load_project(root, stack)
    graph.hold_sources(root)
    session = _session(root, project)
    with Steps().step("Toolchain") as step:
        # A preview asks the platform where it runs, but does not need it: neither builder nor cluster does anything.
        built = toolchain.ensure(session.layout, platform=False, step=step)
        step.done(f"{built} built" if built else "in place")
    stacks.ensure(session)
    arguments = ["preview", "--stack", stack, *(["--diff"] if diff else [])]
    status = _pulumi(session, arguments)
    if status:
        raise MoorageError.of(
            "the preview failed",
            where=f"stack {stack}",
            why="see Pulumi's words above",
            remedy="correct what it names and run the same command again",
        )


def down(root: Path, stack: str, *, unprotect: bool, keep_data: bool) -> None:
    """Delete the stack's objects, and the stack itself where its state lives in this checkout.

    What the stack protects is deleted only with ``unprotect``, and left alone with ``keep_data``. Raises `MoorageError`
    before anything is deleted where there is such and neither is said.
    """
    session = session_of(root, stack)
    _prepare(session, Steps(3))
    if not stacks.exists(session):
        out.print(f"[green]✓[/] there is no stack {stack}: nothing to delete")
        return
    stacklock.wait_for_others(session)
    if unprotect:
        _pulumi(session, ["state", "unprotect", "--all", "--yes", "--stack", stack])
    elif not keep_data and (kept := stacks.protected(session)):
        raise _protects(stack, kept)
    excluded = ["--exclude-protected"] if keep_data else []
    status = _pulumi(session, ["destroy", "--yes", "--skip-preview", *excluded, "--stack", stack])
    if status:
        raise MoorageError.of(
            "not everything could be deleted",
            where=f"stack {stack}",
            why="see Pulumi's words above",
            remedy="put right what it names and run the same command again",
        )
    if keep_data and (kept := stacks.protected(session)):
        out.print(f"[green]✓[/] of stack {stack} there is only what it protects, and what that needs")
        return
    if session.own_backend:
        stacks.pulumi(session, ["stack", "rm", stack, "--yes", "--preserve-config"])
    out.print(f"[green]✓[/] stack {stack} is gone")


def _protects(stack: str, kept: Sequence[stacks.Resource]) -> MoorageError:
    return MoorageError.of(
        f"stack {stack} protects {len(kept)} of its resources; nothing was deleted",
        where=f"stack {stack}",
        why="they hold data, or data would go with them",
        remedy=f"moorage down {stack} --keep-data deletes all but these, moorage down {stack} --unprotect the data too",
        detail=[str(resource) for resource in kept],
    )


def _session(root: Path, project: Project) -> Session:
    return Session(layout=Layout.of(root), stack=project.stack_name, embedded=project.target.embedded)


def _prepare(session: Session, steps: Steps) -> None:
    with steps.step("System packages") as step:
        installed = packages.install(packages.PLATFORM_NEEDS) if session.embedded else []
        step.done(f"installed {', '.join(installed)}" if installed else "in place")
    with steps.step("Toolchain") as step:
        built = toolchain.ensure(session.layout, platform=session.embedded, step=step)
        step.done(f"{built} components built" if built else "in place")
    with steps.step("Platform") as step:
        if session.embedded:
            step.done("started" if Platform(session.layout).start(step) else "already running")
        else:
            step.done("your own cluster, registry and builder")


def _confirm(session: Session, stack: str) -> None:
    """Show the preview of a protected stack and ask.

    Raises `MoorageError` where the answer is no, or nobody can be asked.
    """
    if not sys.stdin.isatty():
        raise MoorageError.of(
            f"stack {stack} is protected, and nobody can be asked",
            where=f"Pulumi.{stack}.yaml",
            why="protect: true in its settings asks for a look at the preview first",
            remedy="run it in a terminal, or confirm with --yes",
        )
    status = _pulumi(session, ["preview", "--stack", stack])
    if status or input(f"Apply this to {stack}? [y/N] ").strip().lower() not in {"y", "yes"}:
        raise MoorageError.of(
            f"stack {stack} is unchanged",
            where=f"stack {stack}",
            why="not confirmed",
            remedy="run the command again when it is to change",
        )


def _update(session: Session, project: Project) -> int:
    """Run `pulumi up` and remember meanwhile that it has not finished."""
    mark = session.layout.home / f"unfinished-{project.stack_name}"
    arguments = update_arguments(project, after_unfinished=mark.exists())
    mark.touch()
    status = _pulumi(session, arguments, watched=project, variables=_FOR_THE_POLICIES)
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
    by_policies_only = not project.development and not project.settings.protect
    preview = [] if by_policies_only else ["--skip-preview"]
    refresh = ["--refresh"] if after_unfinished else []
    return ["up", "--yes", *preview, *refresh, "--stack", project.stack_name]


def _pulumi(
    session: Session,
    arguments: Sequence[str],
    *,
    watched: Project | None = None,
    variables: Mapping[str, str] | None = None,
) -> int:
    """Run Pulumi on the user's terminal, so that its own live display is the progress; return its exit status.

    The pods of a ``watched`` stack are looked at meanwhile: where one is hopeless, Pulumi, which would wait for minutes,
    is asked to end. ``variables`` are set for this run alone.
    """
    interactive = [] if out.is_terminal else ["--non-interactive"]
    command = [session.program("pulumi"), *arguments, *interactive]
    began = dt.datetime.now(dt.UTC).replace(microsecond=0)
    process = subprocess.Popen(command, cwd=session.root, env=session.environment() | dict(variables or {}))
    while True:
        try:
            return process.wait(timeout=WATCH_SECONDS if watched else None)
        except subprocess.TimeoutExpired:
            if watched and diagnosis.watch(session, watched, began):
                out.print("[yellow]giving up[/] · a pod will not become ready; Pulumi finishes what is under way")
                process.terminate()
                watched = None
        except KeyboardInterrupt as stop:
            # Ctrl-C reached Pulumi as well; it ends in good order and releases the stack's lock.
            if isinstance(stop, Terminated):
                process.terminate()
            out.print("[yellow]interrupting[/] · Pulumi finishes what is under way")
