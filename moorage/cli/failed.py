"""What follows a failed update: its dossier, and the way back where the stack's settings say so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moorage.base import console
from moorage.base.errors import MoorageError, Problem
from moorage.engine import dossier, failure, pinned_update, releases, undo, unfinished
from moorage.engine.undo import failed_services

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from moorage.config.project import Project
    from moorage.config.release import Release
    from moorage.engine.events import Diagnostic
    from moorage.engine.session import Session
    from moorage.engine.undo import Undo

UNDONE, NOT_UNDONE = 3, 4
"""Exit statuses of an update that failed and was taken back, and of one that failed and could not be."""


class UpdateError(MoorageError):
    """A failed update, with the exit status that tells what became of it."""

    def __init__(self, *problems: Problem, exit_status: int) -> None:
        """Hold the problems, causes first."""
        super().__init__(*problems)
        self.exit_status = exit_status


def end(
    session: Session, project: Project, status: int, since: dt.datetime, diagnostics: Sequence[Diagnostic]
) -> MoorageError:
    """Return the error for a failed update, after its failed services have been taken back where that is wanted.

    An update that somebody interrupted is left as it is.
    """
    error = failure.explain(session, project, status, since, diagnostics)
    if status < 0:
        return error
    failed = failed_services(session, project, since)
    reports = dossier.pod_reports(session, project) if failed else []
    # What was good is asked for only where a rollout failed: not for an image that did not build.
    recorded = _recorded(session) if failed else ()
    differs = _differs(session, project, recorded)
    plan = undo.planned(session, project, recorded, failed)
    outcome, exit_status = "nothing was undone", 1
    if failed and project.undoes_failures:
        outcome, exit_status = _take_back(session, plan)
    told = Problem(what=outcome, where=f"stack {session.stack}", remedy=_remedy(exit_status, session, plan))
    path = dossier.keep(
        session,
        dossier.Dossier(
            stack=session.stack,
            time=dossier.now(),
            problems=tuple(str(problem) for problem in error.problems),
            pods=tuple(reports),
            differs=tuple(differs),
            outcome=outcome,
        ),
    )
    more = [told] if failed else []
    console.err.print(f"[dim]dossier[/] {path.relative_to(session.root)}")
    return UpdateError(*error.problems, *more, exit_status=exit_status)


def _take_back(session: Session, plan: Undo | None) -> tuple[str, int]:
    """Take the failed services back, and return what became of it and the exit status that says so."""
    if plan is None:
        return "there is no earlier release to go back to", NOT_UNDONE
    names = ", ".join(plan.names)
    console.out.print(f"[yellow]undoing[/] · {names} goes back to release {plan.to.number}")
    with unfinished.while_it_runs(session) as finished:
        status, _ = pinned_update.run(session, plan.pinned, plan.names, refresh=True)
        finished(status)
    if status:
        return f"{names} could not be taken back to release {plan.to.number}", NOT_UNDONE
    kept = f"; {', '.join(plan.kept)} keeps what this update brought" if plan.kept else ""
    return f"{names} was taken back to release {plan.to.number}{kept}", UNDONE


def _remedy(exit_status: int, session: Session, plan: Undo | None) -> str:
    if exit_status == UNDONE:
        return "fix the cause and run the command again; the old pods served meanwhile"
    if plan is None:
        return "fix the cause and run the command again"
    return f"fix the cause and run the command again, or go back: `moorage rollback {session.stack}`"


def _recorded(session: Session) -> Sequence[Release]:
    try:
        return releases.read(session)
    except MoorageError:
        return ()


def _differs(session: Session, project: Project, recorded: Sequence[Release]) -> list[str]:
    if not recorded:
        return []
    from moorage.engine.state import read_state

    found = releases.changes(recorded[-1], undo.intended(read_state(session), project, recorded[-1]))
    return [f"{change.part}: {change}" for change in found]
