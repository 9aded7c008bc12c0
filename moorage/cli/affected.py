"""``moorage affected`` and ``moorage why``: what a change touches and by which way, from what the stack was made from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from moorage.base.errors import MoorageError
from moorage.build.comparison import Changes, changes
from moorage.build.digests import Inputs
from moorage.build.record import Record, record_of
from moorage.cli.sessions import session_for
from moorage.config.loader import load_project
from moorage.engine.state import read_state

if TYPE_CHECKING:
    from pathlib import Path

    from moorage.build.comparison import ServiceChange
    from moorage.config.project import Project


def affected(root: Path, stack: str, *, since: str, as_json: bool) -> None:
    """Print the services that a change touches, each with the ways from what changed to it."""
    project = load_project(root, stack)
    after = record_of(project, Inputs(project).all())
    found = changes(project, _before(project, after, since), after)
    if as_json:
        # Plain text: a terminal's width and colours have no place in what a program reads.
        print(json.dumps(_as_json(project, found, since), ensure_ascii=False, indent=2))  # noqa: T201
        return
    from moorage.cli import affected_text  # what draws on a terminal is not loaded for a program's sake

    affected_text.affected(found)


def why(root: Path, stack: str, name: str) -> None:
    """Print why a service would, or would not, be rebuilt and redeployed.

    Raises `MoorageError` where the stack has no such service.
    """
    project = load_project(root, stack)
    after = record_of(project, Inputs(project).all())
    found = changes(project, _before(project, after, ""), after)
    service = next((service for service in found.services if service.name == name), None)
    if service is None:
        names = ", ".join(service.name for service in found.services)
        raise MoorageError.of(
            f"there is no service {name} in stack {stack}",
            where=f"stack {stack}",
            why=f"it runs {names}",
            remedy="name one of these",
        )
    folder = str(project.service(name) if name in project.services else project.image(name))
    from moorage.cli import affected_text

    affected_text.why(service, after.images[folder])


def _as_json(project: Project, found: Changes, since: str) -> dict[str, Any]:
    def entry(service: ServiceChange) -> dict[str, Any]:
        return {
            "name": service.name,
            "rebuilt": bool(service.rebuilt),
            "redeployed": service.touched,
            "chains": [list(chain) for chain in service.chains],
        }

    touched = [service for service in found.services if service.touched]
    return {
        "stack": project.stack_name,
        "since": since or None,
        "images": sorted(found.images),
        "services": [entry(service) for service in touched if service.name in project.services],
        "stores": [entry(service) for service in touched if service.name not in project.services],
    }


def _before(project: Project, after: Record, since: str) -> Record:
    if not since:
        return read_state(session_for(project)).record(project.monorepo.repository)
    from moorage.build.revisions import record_at

    found = record_at(project, since, after)
    if found is None:
        from moorage.base.console import err

        err.print(f"[yellow]the settings at {since} have errors, so everything counts as changed[/]")
    return found or Record()
