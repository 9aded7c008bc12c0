"""``moorage preview``: what an update would change, shown, and kept for an update or for a pull request."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from moorage.base import console
from moorage.base.console import Steps
from moorage.cli import plans, preview_report, preview_summary
from moorage.cli.sessions import session_for
from moorage.cli.source_check import check_declared
from moorage.config.loader import load_project
from moorage.engine import events, preflight, pulumi, stacks
from moorage.engine.look import Seen, look
from moorage.engine.state import read_state
from moorage.platform import toolchain
from moorage.platform.embedded import Platform
from moorage.platform.layout import Layout

if TYPE_CHECKING:
    from moorage.config.project import Project


def preview(root: Path, stack: str, *, diff: bool, save: Path | None = None, report: Path | None = None) -> None:
    """Show what would change, and what of the stack is missing or does not answer.

    ``save`` is where it is kept for an update, ``report`` for the comment of a pull request.
    """
    project = load_project(root, stack)
    check_declared(project.monorepo)
    for problem in project.warnings:
        console.warn(str(problem))
    session = session_for(project)
    layout = Layout.of(project.program)
    own = not project.target.embedded
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(preflight.failures, session) if own else None
        with Steps().step("Toolchain") as step:
            # A preview asks the platform where it runs, but does not need it: neither builder nor cluster does anything.
            built = toolchain.ensure(layout, platform=False, step=step)
            step.done(f"{built} built" if built else "in place")
        for problem in asked.result() if asked else []:
            console.warn(str(problem))
    stacks.ensure(session)
    seen = look(session) if own or Platform(layout).running() else Seen(read_state(session))
    for name in seen.vanished(project):
        console.warn(vanished(project, name))
    tell(seen, f"`moorage up {stack}` restores {'it' if len(seen.drifts) == 1 else 'them'}")
    refresh = ["--refresh"] if seen.drifts else []
    with TemporaryDirectory() as folder:
        log = Path(folder) / "events.json"
        arguments = ["preview", "--stack", stack, *refresh, *(["--diff"] if diff else []), f"--event-log={log}"]
        status = pulumi.show(session, arguments, variables=events.VARIABLES)
        planned = events.planned(log)
    if report:
        preview_report.write(report, project, seen, planned)
    if status:
        raise pulumi.failed_before_the_user(session, "the preview failed", status)
    preview_summary.show(project, seen.state, planned)
    if save:
        plans.save(save, project, session, seen, planned)


def vanished(project: Project, name: str) -> str:
    """Return what an update does to a service that the state has and the project has not."""
    if name in project.monorepo.services:
        return f"service {name} runs in stack {project.stack_name} but has run: false in its settings: an update deletes it"
    return (
        f"service {name} runs in stack {project.stack_name} but is no longer in the sources: an update deletes it. "
        f"Was its folder moved? A service is {project.service(name)}/service.yaml"
    )


def tell(seen: Seen, remedy: str) -> None:
    """Warn of what has changed in the cluster since the last update."""
    if seen.drifts:
        console.warn("\n  ".join(["the cluster has changed since the last update", *seen.lines(), remedy]))
