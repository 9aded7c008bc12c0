"""The keeping of builds: from the builder's history to ``.moorage/reports/<stack>/``."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from moorage.base.console import warn
from moorage.base.errors import MoorageError
from moorage.base.image_reference import ImageReference
from moorage.base.registry import Registry
from moorage.build.contexts import context_files
from moorage.engine.state import stack_images
from moorage.report.history import History
from moorage.report.model import Store
from moorage.report.reasons import explained
from moorage.report.sizes import layers

if TYPE_CHECKING:
    import datetime as dt
    from pathlib import Path

    from moorage.config.loader import Project
    from moorage.engine.session import Session
    from moorage.report.history import Listed
    from moorage.report.model import Build


def keep(session: Session, project: Project, since: dt.datetime) -> list[Build]:
    """Keep each build of the stack's images since a moment, and return them; none and at once where there were none.

    What cannot be read is left out with a warning: a report is never worth a failed update.
    """
    history = history_of(session)
    listed = history.completed() if history else []
    if history is None or not any(entry.created >= since for entry in listed):
        return []
    try:
        return collect(session, project, history, listed, since)
    except (MoorageError, OSError, ValueError, KeyError) as error:
        warn(f"the builds of this update are not in the report: {error}")
        return []


def collect(
    session: Session, project: Project, history: History, listed: list[Listed], since: dt.datetime | None = None
) -> list[Build]:
    """Keep those of the listed builds that made an image of the stack and are not kept yet."""
    images = {reference.partition("@")[2]: (name, reference) for name, reference in stack_images(session).items()}
    store = store_of(session)
    known = store.builds()
    kept = {build.reference for builds in known.values() for build in builds}
    registry = Registry(session.environment())
    found = []
    for index, entry in enumerate(listed):
        if entry.reference in kept or (since is not None and entry.created < since):
            continue
        inspected = history.inspected(entry.reference)
        digests = [attachment["Digest"] for attachment in inspected.get("Attachments") or []]
        name, image = next((images[digest] for digest in digests if digest in images), ("", ""))
        build = history.build(name, inspected) if name else None
        if build is None:
            continue
        before = known[name][-1] if name in known else _earlier(history, name, entry, listed[:index])
        update: dict[str, Any] = {
            "layers": layers(registry, ImageReference.parse(image)),
            "digest": image.partition("@")[2],
        }
        if since is not None:
            # Of an older build it is not known any more what it was given.
            update["files"] = _files(project, build.dockerfile)
        build = explained(build.model_copy(update=update), before)
        store.add(build)
        known.setdefault(name, []).append(build)
        found.append(build)
    return found


def _earlier(history: History, image: str, build: Listed, listed: list[Listed]) -> Build | None:
    """Return the build before of the same Dockerfile and stage that the builder still remembers."""
    same = [entry for entry in listed if entry.name == build.name]
    inspected = history.inspected(same[-1].reference) if same else {}
    return history.build(image, inspected) if inspected else None


def store_of(session: Session) -> Store:
    """Return where the builds of a stack are kept."""
    return Store(session.home / "reports" / session.stack)


def history_of(session: Session) -> History | None:
    """Return the history of the stack's builder; None where there is no buildx to ask it with."""
    command = session.buildx()
    if command is None:
        return None
    return History(command=command, builder=session.target.builder, environment=session.environment())


def _files(project: Project, dockerfile: str) -> dict[str, str]:
    """Return the digest of each file that the build was given, as it is now."""
    ignore = project.root / f"{dockerfile}.dockerignore"
    paths = context_files(project.root, ignore) if ignore.exists() else ()
    return {path: _digest(project.root / path) for path in paths}


def _digest(path: Path) -> str:
    if path.is_symlink():
        return f"link {path.readlink()}"
    mode = "x" if path.stat().st_mode & 0o100 else "-"
    return f"{mode} {hashlib.sha256(path.read_bytes()).hexdigest()}"
