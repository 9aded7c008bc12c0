"""Releases of a small monorepo, one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moorage.config.release import Release, release_of

if TYPE_CHECKING:
    from moorage.config.project import Project

REPOSITORY = "127.0.0.1:5000/harbour"


def image(name: str, letter: str) -> str:
    """Return an image whose digest is all of one letter."""
    return f"{REPOSITORY}/{name}@sha256:{letter * 64}"


def images(**letters: str) -> dict[str, str]:
    """Return images by the name of their service."""
    return {name: image(name, letter) for name, letter in letters.items()}


def release(project: Project, number: int, *, restarts: dict[str, str] | None = None, **letters: str) -> Release:
    """Return a project's release with images of these letters."""
    given = dict.fromkeys(project.running, "a") | letters
    found = release_of(project, images(**given), images(postgres="a", redis="a"), restarts=restarts or {})
    return found.model_copy(update={"number": number, "time": f"2026-01-{number:02d}T10:00:00+00:00", "by": "anna"})


def with_service(release_: Release, name: str, **changes: Any) -> Release:
    """Return a release with settings of one service changed."""
    services = {**release_.services, name: {**release_.services[name], **changes}}
    return release_.model_copy(update={"services": services})
