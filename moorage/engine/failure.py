"""Why an update failed: the images that did not build, the pods that are not ready."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moorage.base.errors import MoorageError, Problem
from moorage.engine import failed_builds, kubectl
from moorage.engine.pods import causes_first, last_lines, problem, trouble

if TYPE_CHECKING:
    import datetime as dt

    from moorage.config.project import Project
    from moorage.engine.session import Session

MOST_PODS = 4


def explain(session: Session, project: Project, status: int, since: dt.datetime) -> MoorageError:
    """Return the error for a failed update: every image that did not build after ``since``, every troubled pod."""
    problems = failed_builds.failed(session, since)
    if not problems:
        pods = kubectl.items(session, project.namespace, ["pods"])
        order = (*project.stores, *project.running)
        found = causes_first((found for pod in pods if (found := trouble(pod))), order)
        problems = [
            problem(one, project.namespace, last_lines(session, project.namespace, one)) for one in found[:MOST_PODS]
        ]
    if not problems or status < 0:
        problems.append(
            Problem(
                what="the update did not finish" if status < 0 else "the update failed",
                where=f"stack {project.stack_name}",
                why="it was interrupted" if status < 0 else "see Pulumi's output above",
                remedy="run the command again once the cause is gone: it goes on from where it stopped",
            )
        )
    return MoorageError(*problems)
