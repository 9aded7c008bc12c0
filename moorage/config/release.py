"""A release: what one successful update left running, complete enough to run it again without a build."""

from __future__ import annotations

import base64
import json
import lzma
import re
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from moorage.config.service import POSTGRES, Service
from moorage.config.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from moorage.config.project import Project

FORM = 1
"""The way in which releases are recorded; a higher one is of a newer Moorage."""
KEPT = 50
"""Releases that a stack's state keeps."""
UPDATE = "update"
_MAJOR = re.compile(r"\bpostgresql[-/](\d+)\b")
_SEPARATOR = ":"


class NewerFormError(Exception):
    """Releases that a newer Moorage recorded."""


class Release(BaseModel):
    """What one successful update left running; no secret is in it."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True)

    form: int = FORM
    number: int = 0
    """From 1; 0 where it is not recorded yet."""
    time: str = ""
    """When the update began: UTC, ISO 8601."""
    seconds: float = 0
    """From the program's start until everything was ready."""
    commit: str = ""
    """The checkout's, ``-dirty`` after it where files were changed; empty outside of git."""
    by: str = ""
    """Who ran the update."""
    cause: str = UPDATE
    """``update``, ``rollback to 3`` or ``restart of backend``."""
    stage: str
    namespace: str
    images: dict[str, str]
    """``repository@digest`` of each service."""
    stores: dict[str, str] = {}  # pydantic gives each instance its own
    """``repository@digest`` of each data store."""
    database: str = ""
    """Major version of PostgreSQL; empty without one."""
    services: dict[str, dict[str, Any]]
    """Each service as its model, with the stack's overrides, in the order in which they start."""
    settings: dict[str, Any]
    """The stack's settings as their model."""
    restarts: dict[str, str] = {}  # likewise
    """When a service was last restarted by hand."""
    ready: dict[str, float] = {}  # likewise
    """Seconds from the program's start until each service was ready."""

    def same_as(self, other: Release) -> bool:
        """Whether both leave the same running."""
        return self.content() == other.content()

    def content(self) -> dict[str, Any]:
        """Return what runs, without when, why and by whom."""
        return {
            key: getattr(self, key)
            for key in ("stage", "namespace", "images", "stores", "services", "settings", "restarts")
        }

    def model_of(self, name: str) -> Service:
        """Return the model of a service; raises `NewerFormError` where it has what this Moorage does not know."""
        found: Service = _model(Service, self.services[name])
        return found

    def stack_settings(self) -> Stack:
        """Return the stack's settings; raises `NewerFormError` likewise."""
        found: Stack = _model(Stack, self.settings)
        return found


def _model(kind: type[Any], data: Mapping[str, Any]) -> Any:
    try:
        return kind.model_validate_json(json.dumps(data))
    except ValidationError as error:
        first = error.errors()[0]
        raise NewerFormError(".".join(str(part) for part in first["loc"]) or first["msg"]) from None


def release_of(
    project: Project,
    images: Mapping[str, str],
    stores: Mapping[str, str],
    *,
    restarts: Mapping[str, str],
    cause: str = UPDATE,
) -> Release:
    """Return what a project leaves running with these images; it has no number yet."""
    return Release(
        cause=cause,
        stage=project.stage,
        namespace=project.namespace,
        images=dict(images),
        stores=dict(stores),
        database=database_major(project) if POSTGRES in stores else "",
        services={name: _dumped_service(project.services[name]) for name in project.running},
        settings=_dumped(project.settings),
        restarts={name: when for name, when in restarts.items() if name in project.services},
    )


def _dumped_service(service: Service) -> dict[str, Any]:
    found = _dumped(service)
    if service.scaling and not service.scaling.holds(service.replicas):
        # The default, beside an autoscaler: unused, and refused where somebody writes it.
        del found["replicas"]
    return found


def _dumped(model: BaseModel) -> dict[str, Any]:
    found: dict[str, Any] = model.model_dump(mode="json", by_alias=True)
    return found


def database_major(project: Project) -> str:
    """Return the major version of PostgreSQL that the Dockerfile of its base image installs; empty where it tells none."""
    try:
        text = (project.image_folder(POSTGRES) / "Dockerfile").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return found[1] if (found := _MAJOR.search(text)) else ""


def pack(releases: Sequence[Release]) -> str:
    """Return the newest `KEPT` releases, oldest first, as one text: most of each is the same as in the one before."""
    kept = [release.model_dump(mode="json", by_alias=True) for release in releases[-KEPT:]]
    # The key order of a release is its order of starting, so keys are not sorted.
    content = lzma.compress(json.dumps(kept, separators=(",", ":")).encode())
    return f"{FORM}{_SEPARATOR}{base64.b64encode(content).decode()}"


def unpack(text: str) -> tuple[Release, ...]:
    """Return the releases that a text holds, oldest first; none of an empty one.

    Raises `NewerFormError` where a newer Moorage wrote it.
    """
    if not text:
        return ()
    form, _, content = text.partition(_SEPARATOR)
    if form != str(FORM):
        raise NewerFormError(f"form {form[:8]}")
    entries: Iterable[dict[str, Any]] = json.loads(lzma.decompress(base64.b64decode(content)))
    return tuple(Release.model_validate(entry) for entry in entries)


def appended(earlier: Sequence[Release], new: Release) -> tuple[Release, ...]:
    """Return the releases with a new one at the end, numbered; without it where it leaves what runs already."""
    if earlier and earlier[-1].same_as(new):
        return tuple(earlier)
    number = earlier[-1].number + 1 if earlier else 1
    return (*earlier, new.model_copy(update={"number": number}))
