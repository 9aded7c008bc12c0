"""Taking a failed rollout back: which services go, what they go back to, and what stays."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from moorage.build.record import workload_record
from moorage.config import outputs
from moorage.config.pinned import mixed
from moorage.config.release import release_of
from moorage.engine import kubectl
from moorage.engine.pods import trouble
from moorage.engine.state import read_state

if TYPE_CHECKING:
    from collections.abc import Sequence

    from moorage.config.project import Project
    from moorage.config.release import Release
    from moorage.engine.session import Session
    from moorage.engine.state import State


@dataclass(frozen=True, kw_only=True)
class Undo:
    """What takes a failed rollout back."""

    names: tuple[str, ...]
    """The services that go back."""
    kept: tuple[str, ...]
    """The services of the same update that stay as it left them."""
    pinned: Release
    """What is brought about."""
    to: Release


def failed_services(session: Session, project: Project, since: dt.datetime) -> list[str]:
    """Return the services of which a pod that was made after ``since`` did not come up, causes first."""
    pods = kubectl.items(session, project.namespace, ["pods"])
    found = {trouble_.workload for pod in pods if _made_after(pod, since) and (trouble_ := trouble(pod))}
    # Where the check of new pods failed, they never got any traffic, and the service counts as failed.
    return [name for name in project.running if {name, f"{name}{outputs.VERIFY_SUFFIX}"} & found]


def _made_after(pod: dict[str, Any], since: dt.datetime) -> bool:
    return dt.datetime.fromisoformat(pod["metadata"]["creationTimestamp"]) >= since.replace(microsecond=0)


def planned(session: Session, project: Project, recorded: Sequence[Release], failed: Sequence[str]) -> Undo | None:
    """Return what takes the failed services back, or the whole stack where its settings say so.

    None where nothing failed that was good before, and where no release is recorded.
    """
    if not failed or not recorded:
        return None
    last, state = recorded[-1], read_state(session)
    whole = project.settings.atomic == "stack"
    touched = tuple(dict.fromkeys((*failed, *_advanced(state, project, last))))
    names = tuple(dict.fromkeys((*touched, *last.services))) if whole else tuple(failed)
    kept = () if whole else tuple(name for name in touched if name not in failed)
    base = last
    if kept:
        newer = intended(state, project, last)
        newer = newer.model_copy(update={"images": newer.images | running_images(state)})
        base = mixed(last, newer, dict.fromkeys(kept, True), cause=last.cause)
    cause = f"update, {', '.join(touched if whole else names)} undone"
    pinned = mixed(base, last, {name: name in last.services for name in names}, cause=cause)
    return Undo(names=names, kept=kept, pinned=pinned, to=last)


def _advanced(state: State, project: Project, last: Release) -> list[str]:
    """Return the services that the update has brought further than the last release."""
    images = running_images(state)
    live = {one.name: one.outputs.get(outputs.SETTINGS) for one in state.resources if one.type == outputs.SERVICE}
    new = intended(state, project, last)

    def moved(name: str) -> bool:
        settings_are_new = live.get(name) == workload_record(project, name)
        return images[name] != last.images.get(name) or (
            settings_are_new and last.services.get(name) != new.services[name]
        )

    return [name for name in project.running if name in images and moved(name)]


def intended(state: State, project: Project, last: Release) -> Release:
    """Return what an update was to leave running, with the images that it has come to."""
    images = last.images | running_images(state) | dict(state.images)
    return release_of(
        project,
        {name: images[name] for name in project.running if name in images},
        last.stores,
        restarts=last.restarts,
    )


def running_images(state: State) -> dict[str, str]:
    """Return the image of each service's Deployment, as the state knows it."""
    found = {}
    services = {one.urn: one.name for one in state.resources if one.type == outputs.SERVICE}
    for one in state.resources:
        if one.kind != "Deployment" or one.parent not in services or one.leaving:
            continue
        containers = (((one.inputs.get("spec") or {}).get("template") or {}).get("spec") or {}).get("containers") or []
        if containers:
            found[services[one.parent]] = str(containers[0].get("image"))
    return found
