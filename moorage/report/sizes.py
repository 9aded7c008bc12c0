"""The layers of an image and their sizes, without downloading them."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from moorage.report.model import LayerSize

if TYPE_CHECKING:
    from moorage.scan.registry import Reference, Registry

_TRAILER_BYTES = 4


def layers(registry: Registry, reference: Reference) -> list[LayerSize]:
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


def _unpacked(registry: Registry, reference: Reference, layer: dict[str, Any]) -> int:
    """Return a layer's size after decompression.

    It is the last thing in a gzip file, modulo 4 GiB; BuildKit writes one such file a layer.
    """
    if not layer["mediaType"].endswith("gzip"):
        size: int = layer["size"]
        return size
    (found,) = struct.unpack("<I", registry.tail(reference, layer["digest"], _TRAILER_BYTES))
    return int(found)
