"""The layers of an image and their sizes: asked of its registry, compared with the build before, held against a budget."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from moorage.base.console import duration, size
from moorage.report.model import LayerSize

if TYPE_CHECKING:
    from moorage.base.image_reference import ImageReference
    from moorage.base.registry import Registry
    from moorage.report.model import Build

_TRAILER_BYTES = 4


def layers(registry: Registry, reference: ImageReference) -> list[LayerSize]:
    """Return the layers of an image (its first platform) with what made them.

    Raises `MoorageError` where the registry does not answer.
    """
    manifest = registry.manifests(reference)[0]
    config = registry.document(reference, manifest.data["config"]["digest"])
    made = [entry.get("created_by", "") for entry in config.get("history") or [] if not entry.get("empty_layer")]
    entries = manifest.data["layers"]
    words = made if len(made) == len(entries) else [""] * len(entries)
    return [
        LayerSize(
            digest=entry["digest"],
            packed=entry["size"],
            unpacked=_unpacked(registry, reference, entry),
            created_by=" ".join(word.removesuffix("# buildkit").split()),
        )
        for entry, word in zip(entries, words, strict=True)
    ]


def _unpacked(registry: Registry, reference: ImageReference, layer: dict[str, Any]) -> int:
    """Return a layer's size after decompression.

    It is the last thing in a gzip file, modulo 4 GiB; BuildKit writes one such file a layer.
    """
    if not layer["mediaType"].endswith("gzip"):
        size: int = layer["size"]
        return size
    (found,) = struct.unpack("<I", registry.tail(reference, layer["digest"], _TRAILER_BYTES))
    return int(found)


@dataclass(frozen=True, kw_only=True)
class Growth:
    """The difference of one layer's unpacked size, in bytes."""

    created_by: str
    grown: int


def growth(build: Build, before: Build | None) -> list[Growth]:
    """Return the layers whose size differs, the largest difference first; layers correspond by their instruction."""
    if before is None:
        return []
    new, old = _sizes(build), _sizes(before)
    found = [Growth(created_by=name, grown=new.get(name, 0) - old.get(name, 0)) for name in dict.fromkeys([*new, *old])]
    return sorted((entry for entry in found if entry.grown), key=lambda entry: -abs(entry.grown))


def _sizes(build: Build) -> dict[str, int]:
    found: dict[str, int] = {}
    for layer in build.layers:
        found[layer.created_by] = found.get(layer.created_by, 0) + layer.unpacked
    return found


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a build may cost; None for no limit."""

    unpacked: int | None = None
    """Bytes."""
    warm_seconds: float | None = None
    hit_rate: float | None = None
    """Percent."""


def exceeded(build: Build, limits: Limits) -> list[str]:
    """Return in words what of its budget a build exceeds; time and hit rate count for warm builds only."""
    found = []
    if limits.unpacked is not None and build.unpacked > limits.unpacked:
        found.append(f"{size(build.unpacked)} unpacked, at most {size(limits.unpacked)} allowed")
    if build.warm and limits.warm_seconds is not None and build.seconds > limits.warm_seconds:
        found.append(f"a warm build took {duration(build.seconds)}, at most {duration(limits.warm_seconds)} allowed")
    if build.warm and limits.hit_rate is not None and build.hit_rate < limits.hit_rate:
        found.append(f"{build.hit_rate:.0f} % of the steps were cached, at least {limits.hit_rate:.0f} % required")
    return found
