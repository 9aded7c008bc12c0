"""``moorage affected`` and ``moorage why``: what a change touches and by which way, from what the stack was made from."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

from moorage.base.errors import MoorageError
from moorage.build.comparison import Changes, changes
from moorage.build.digests import Inputs
from moorage.build.record import Record, image_record_of, record_of, workload_record_of
from moorage.config.loader import load_project
from moorage.engine.session import Session
from moorage.platform.layout import Layout

if TYPE_CHECKING:
    from pathlib import Path

    from moorage.build.comparison import ServiceChange
    from moorage.config.project import Project

_IMAGE = "moorage:image:ServiceImage"
_BASE = "base-"
_WORKLOADS = ("moorage:service:Service", "moorage:postgres:PostgresDatabase", "moorage:redis:RedisCache")


def affected(root: Path, stack: str, *, since: str, as_json: bool) -> None:
    """Print the services that a change touches, each with the ways from what changed to it."""
    project = load_project(root, stack)
    after = record_of(project, Inputs(project).all())
    found = changes(project, _before(project, after, since), after)
    if as_json:
        # Plain text: a terminal's width and colours have no place in what a program reads.
        print(json.dumps(_as_json(project, found, since), ensure_ascii=False, indent=2))  # noqa: T201
        return
    from moorage.cli import changetext  # what draws on a terminal is not loaded for a program's sake

    changetext.affected(found)


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
    folder = f"apps/{name}" if name in project.services else f"images/{name}"
    from moorage.cli import changetext

    changetext.why(service, after.images[folder])


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
        return recorded(project)
    from moorage.build.revisions import record_at

    found = record_at(project, since, after)
    if found is None:
        from moorage.base.console import err

        err.print(f"[yellow]the settings at {since} have errors, so everything counts as changed[/]")
    return found or Record()


def recorded(project: Project) -> Record:
    """Return what a stack was made from; an empty record for a stack that never came up."""
    layout = Layout.of(project.root)
    session = Session(layout=layout, stack=project.stack_name, embedded=project.target.embedded)
    images, workloads = {}, {}
    for resource in _resources(session, project.stack_name):
        name, outputs = resource["urn"].rpartition("::")[2], resource.get("outputs") or {}
        if resource["type"] == _IMAGE and (image := image_record_of(str(outputs.get("inputs", "")))):
            images[f"images/{name[len(_BASE) :]}" if name.startswith(_BASE) else f"apps/{name}"] = image
        elif resource["type"] in _WORKLOADS and (found := workload_record_of(str(outputs.get("settings", "")))):
            workloads[name] = found
    return Record(images, workloads)


def _resources(session: Session, stack: str) -> list[dict[str, Any]]:
    """Return the resources of a stack's state; where that is a file of this checkout, without starting Pulumi."""
    if session.own_backend:
        state = session.layout.home / "state" / ".pulumi" / "stacks" / "moorage" / f"{stack}.json"
        if not state.exists():
            return []
        latest = json.loads(state.read_bytes())["checkpoint"].get("latest") or {}
        return list(latest.get("resources") or [])
    result = subprocess.run(
        [session.program("pulumi"), "stack", "export", "--stack", stack],
        cwd=session.root,
        env=session.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        raise MoorageError.of(
            f"the state of stack {stack} cannot be read",
            where=session.backend(),
            why=(result.stderr.strip().splitlines() or ["pulumi stack export failed"])[-1],
            remedy="log in with `pulumi login`, or compare with a git revision: moorage affected --since REV",
        )
    return list(json.loads(result.stdout)["deployment"].get("resources") or [])
