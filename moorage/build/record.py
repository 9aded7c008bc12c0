"""What is kept, in the stack's state or for a revision, of the inputs that images and workloads were made from."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from moorage.build.digests import DIGEST_FORMAT, SHORT
from moorage.build.outline import workload_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from moorage.build.digests import NodeInputs
    from moorage.build.outline import Outline
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


def record_of(outline: Outline, inputs: Mapping[Any, NodeInputs]) -> Record:
    """Return the record of a project as it is on disk."""
    return Record(
        images={str(node): image_record(found) for node, found in inputs.items()}, workloads=outline.workloads
    )


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
