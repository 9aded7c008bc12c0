"""What is kept, in the stack's state or for a revision, of the inputs that images and workloads were made from."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from moorage.build.digests import DIGEST_FORMAT, SHORT
from moorage.config.service import POSTGRES, REDIS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from moorage.build.digests import NodeInputs
    from moorage.config.fields import Model
    from moorage.config.project import Project

_DIGITS = 12
"""Of a digest: enough to tell two contents of one file from each other."""
_SCALING = "scaling."


@dataclass(frozen=True, kw_only=True)
class ImageRecord:
    """What an image was made from. No content and no secret is in it."""

    digest: str
    form: int
    """Which way of building images the digest is of."""
    files: Mapping[str, str]
    """Kind and the digest's beginning, by path."""
    slices: tuple[str, ...]
    """The files of which only what concerns this image counts."""
    settings: Mapping[str, str]
    bases: Mapping[str, str]
    """The beginning of the input digests of the images that it is built FROM, by name."""
    secrets: tuple[str, ...]
    whole: Mapping[str, str] = field(default_factory=dict, compare=False)
    """Why all of a lock file counts, by its path; not kept."""

    def to_json(self) -> str:
        """Return the record as one text."""
        kept = {key: value for key, value in asdict(self).items() if key != "whole"}
        return json.dumps(kept, separators=(",", ":"), sort_keys=True)


@dataclass(frozen=True)
class Record:
    """What a whole stack was made from."""

    images: Mapping[str, ImageRecord] = field(default_factory=dict)
    """By folder: ``apps/backend``."""
    workloads: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Settings of each workload, by its name and theirs; secrets by name alone."""


def image_record(inputs: NodeInputs) -> ImageRecord:
    """Return what is kept of an image's inputs."""
    return ImageRecord(
        digest=inputs.digest,
        form=DIGEST_FORMAT,
        files=inputs.files(_DIGITS),
        slices=tuple(sorted(inputs.slices)),
        settings=dict(inputs.settings),
        bases={name: digest[:SHORT] for name, digest in inputs.bases.items()},
        secrets=inputs.secrets,
        whole=dict(inputs.whole),
    )


def image_record_of(text: str) -> ImageRecord | None:
    """Return a record from its text; None for what another version of Moorage wrote."""
    try:
        found = json.loads(text)
        return ImageRecord(**{**found, "slices": tuple(found["slices"]), "secrets": tuple(found["secrets"])})
    except (ValueError, TypeError, KeyError):
        return None


def workload_record(project: Project, name: str) -> str:
    """Return what is kept of a workload's settings, as one text."""
    return json.dumps(workload_settings(project, name), separators=(",", ":"), sort_keys=True)


def workload_record_of(text: str) -> dict[str, str] | None:
    """Return a workload's settings from their text; None for what another version of Moorage wrote."""
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else None


def workload_settings(project: Project, name: str) -> dict[str, str]:
    """Return the settings on which a workload's objects depend, by names that people know them by."""
    shared = {
        "application": project.settings.application,
        "namespace": project.namespace,
        "registry": project.target.registry,
    }
    registry = project.settings.registry
    if registry and registry.image_pull_secret:
        shared["registry.imagePullSecret"] = registry.image_pull_secret
    if name in project.services:
        service = project.services[name]
        shared["stage"] = project.stage
        if name in project.prebuilt:
            shared["image.digest"] = project.prebuilt[name].partition("@")[2]
        return shared | _leaves(service, leave_out=("name", "build")) | _needed(project, service.needs)
    return shared | _leaves({POSTGRES: project.settings.postgres, REDIS: project.settings.redis}[name])


def record_of(project: Project, inputs: Mapping[Any, NodeInputs]) -> Record:
    """Return the record of a project as it is on disk."""
    return Record(
        images={str(node): image_record(found) for node, found in inputs.items()},
        workloads={name: workload_settings(project, name) for name in (*project.running, *project.stores)},
    )


def _needed(project: Project, needs: list[str]) -> dict[str, str]:
    """Return what the addresses that a service is told depend on."""
    found = {}
    for need in needs:
        if need in project.services:
            found[f"needs.{need}.port"] = str(project.services[need].port)
        elif need == POSTGRES:
            found[f"needs.{need}.database"] = project.settings.postgres.database
    return found


def _leaves(model: Model, leave_out: tuple[str, ...] = ()) -> dict[str, str]:
    dumped = model.model_dump(mode="json", by_alias=True, exclude_none=True)
    found: dict[str, str] = {}
    waiting = [(key, value) for key, value in dumped.items() if key not in leave_out]
    while waiting:
        key, value = waiting.pop()
        if isinstance(value, dict):
            waiting += [(f"{key}.{name}", inner) for name, inner in value.items()]
        else:
            found[key] = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    return dict(sorted(found.items()))


def touches_deployment(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[str, ...]:
    """Return the settings in which two workloads' Deployments differ: not those of routes and of the autoscaler."""
    differing = [key for key in sorted(before.keys() | after.keys()) if before.get(key) != after.get(key)]
    scaled = [any(key.startswith(_SCALING) for key in found) for found in (before, after)]
    other = [key for key in differing if not key.startswith(("route.", _SCALING))]
    if all(scaled):
        other = [key for key in other if key != "replicas"]
    if scaled[0] != scaled[1] and "replicas" not in other:
        other.append("replicas")
    return tuple(other)
