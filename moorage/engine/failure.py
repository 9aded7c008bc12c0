"""Why an update failed: the images that did not build, the pods that are not ready."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from moorage.base.errors import MoorageError, Problem
from moorage.engine import failed_builds, kubectl
from moorage.engine.pods import causes_first, last_lines, problem, trouble

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from moorage.config.project import Project
    from moorage.engine.events import Diagnostic
    from moorage.engine.session import Session

MOST_PODS = 4
_CONFLICT = re.compile(r"already exists|field conflict|field is immutable")
_IMMUTABLE = re.compile(r"spec\.selector.*field is immutable")
_OWNER = re.compile(r'conflicts? with "([^"]+)"')
_FIELD = re.compile(r"(?:^- |: )\.([a-z][\w.\[\]]+)", re.MULTILINE)


def explain(
    session: Session, project: Project, status: int, since: dt.datetime, diagnostics: Sequence[Diagnostic] = ()
) -> MoorageError:
    """Return the error for a failed update: every image that did not build after ``since``, every troubled pod.

    ``diagnostics`` are the errors that Pulumi reported.
    """
    problems = failed_builds.failed(session, since)
    problems += [told for diagnostic in diagnostics if (told := foreign(session, project, diagnostic))]
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
                remedy="fix the cause, then run the command again; it continues where it stopped",
            )
        )
    return MoorageError(*problems)


def foreign(session: Session, project: Project, diagnostic: Diagnostic) -> Problem | None:
    """Return the problem of an object that somebody else made or changed; None for another diagnostic."""
    if not diagnostic.type.startswith("kubernetes:") or not _CONFLICT.search(diagnostic.message):
        return None
    name = diagnostic.name or diagnostic.urn.rpartition("::")[2]
    owners = sorted(set(_OWNER.findall(diagnostic.message)))
    fields = list(dict.fromkeys(_FIELD.findall(diagnostic.message)))
    said = f"{', '.join(fields) or 'fields of it'} belong to {', '.join(owners) or 'another field manager'}"
    delete = f"kubectl delete {diagnostic.kind.lower()} {name} --namespace {project.namespace}"
    if _IMMUTABLE.search(diagnostic.message) or "spec.selector" in fields:
        remedy = f"its selector cannot be changed, so it cannot be taken over: {delete}, and run the command again; "
        remedy += "--cascade=orphan leaves its pods running meanwhile"
    else:
        remedy = "to let the stack take it over, as the sources describe it: "
        remedy += f"PULUMI_K8S_ENABLE_PATCH_FORCE=true moorage up {session.stack}; or delete it: {delete}"
    return Problem(
        what=f"{diagnostic.kind} {name} was made or changed by somebody else",
        where=f"namespace {project.namespace}",
        why="its selector is another one" if _IMMUTABLE.search(diagnostic.message) else said,
        remedy=remedy,
    )
