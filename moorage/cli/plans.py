"""``moorage preview --save PLAN`` and ``moorage up --plan PLAN``: what was reviewed is applied, and nothing else."""

from __future__ import annotations

import datetime as dt
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from moorage.base.console import out
from moorage.base.errors import MoorageError
from moorage.engine import events, pulumi
from moorage.engine.plan import FORM, Plan, differing, drift_of, plan_of, sources_of, state_digest, steps_of
from moorage.engine.state import read_state

if TYPE_CHECKING:
    from collections.abc import Sequence

    from moorage.config.project import Project
    from moorage.engine.events import Planned
    from moorage.engine.look import Seen
    from moorage.engine.session import Session

_MOST = 12
"""Of what differs that is named one by one."""


def save(path: Path, project: Project, session: Session, seen: Seen, planned: Planned) -> None:
    """Write what a preview found to a file.

    Raises `MoorageError` where the cluster could not be asked: nobody knows then what would be restored.
    """
    if seen.state.resources and not seen.answered:
        raise MoorageError.of(
            "no plan was saved",
            where=str(path),
            why="the cluster did not answer, so the preview does not show what has changed in it",
            remedy="fix that (`moorage doctor` asks it), then run the command again",
        )
    plan = Plan(
        stack=project.stack_name,
        project=session.project,
        commit=_commit(project.program),
        made=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        sources=sources_of(project),
        state=state_digest(seen.state),
        drift=drift_of(seen),
        steps=steps_of(planned.steps),
    )
    try:
        path.write_text(plan.to_json())
    except OSError as error:
        raise MoorageError.of(
            "the plan cannot be written",
            where=str(path),
            why=error.strerror or type(error).__name__,
            remedy="name a file in a folder that exists and is yours",
        ) from None
    out.print(f"[dim]plan[/] saved to {path} · moorage up {project.stack_name} --plan {path} applies it, or stops")


def read(path: Path, stack: str) -> Plan:
    """Return the plan of a file.

    Raises `MoorageError` where it is none, or another stack's.
    """
    try:
        plan = plan_of(path.read_text(encoding="utf-8", errors="replace"))
    except OSError as error:
        raise MoorageError.of(
            "the plan cannot be read",
            where=str(path),
            why=error.strerror or type(error).__name__,
            remedy=f"name the file that `moorage preview {stack} --save` wrote",
        ) from None
    if plan is None:
        raise MoorageError.of(
            "the file is not a plan",
            where=str(path),
            why=f"it is not what `moorage preview --save` of this version writes (form {FORM})",
            remedy=f"save it again: moorage preview {stack} --save {path}",
        )
    if plan.stack != stack:
        raise MoorageError.of(
            f"the plan is for stack {plan.stack}",
            where=str(path),
            why=f"this is an update of {stack}",
            remedy=f"moorage up {plan.stack} --plan {path}, or save a plan of {stack}",
        )
    return plan


def check_sources(plan: Plan, path: Path, project: Project) -> None:
    """Compare what the stack is made from with what was reviewed.

    Raises `MoorageError` with what differs.
    """
    if found := differing(plan.sources, sources_of(project)):
        why = f"the plan was made from {f'commit {plan.commit[:12]}' if plan.commit else 'other files'}"
        raise _refused(path, plan, "the sources are not those that were reviewed", why, found)


def check(plan: Plan, path: Path, session: Session, seen: Seen) -> None:
    """Compare state, cluster and steps with what was reviewed; the caller has the stack to itself.

    Raises `MoorageError` with what differs, before anything is changed.
    """
    if session.project != plan.project:
        why = f"it is for project {plan.project}, this is {session.project}"
        raise _refused(path, plan, "the plan is another project's", why, [])
    if state_digest(read_state(session)) != plan.state:
        why = "another update has changed its state"
        raise _refused(path, plan, f"stack {plan.stack} has changed since it was reviewed", why, [])
    if not seen.answered and seen.state.resources:
        raise _refused(path, plan, "the cluster does not answer", "so nobody knows whether it has changed", [])
    now = drift_of(seen)
    if now != plan.drift:
        differs = sorted(set(now) ^ set(plan.drift))
        raise _refused(path, plan, "the cluster has changed since the review", "somebody changed it by hand", differs)
    steps = steps_of(_previewed(session, refresh=bool(now)).steps)
    if found := differing(plan.steps, steps):
        named = [f"{_step(plan.steps, urn)} reviewed, {_step(steps, urn)} now: {_resource(urn)}" for urn in found]
        raise _refused(path, plan, "the update would do something else than was reviewed", "its steps differ", named)
    out.print(f"[green]✓[/] plan [dim]· {len(steps)} steps, as reviewed at {plan.made}[/]")


def _previewed(session: Session, *, refresh: bool) -> Planned:
    with TemporaryDirectory() as folder:
        log = Path(folder) / "events.json"
        arguments = ["preview", "--stack", session.stack, *(["--refresh"] if refresh else []), f"--event-log={log}"]
        result = pulumi.run(session, arguments, variables=events.VARIABLES)
        if result.returncode:
            raise pulumi.failure(session, arguments[:3], result)
        return events.planned(log)


def _refused(path: Path, plan: Plan, what: str, why: str, differs: Sequence[str]) -> MoorageError:
    rest = len(differs) - _MOST
    return MoorageError.of(
        f"{what}; nothing was changed",
        where=str(path),
        why=why,
        remedy=f"review it again: moorage preview {plan.stack} --save {path}",
        detail=[*differs[:_MOST], *([f"and {rest} more"] if rest > 0 else [])],
    )


def _step(steps: object, urn: str) -> str:
    return str(steps.get(urn, "nothing")).partition(" ")[0] if isinstance(steps, dict) else ""


def _resource(urn: str) -> str:
    return f"{urn.split('::')[2].rpartition(':')[2]} {urn.rpartition('::')[2]}"


def _commit(root: Path) -> str:
    try:
        result = subprocess.run(["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return result.stdout.strip() if result.returncode == 0 else ""
