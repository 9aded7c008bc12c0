"""What of an image grew or shrank since the build before, layer by layer; and what its budget says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from moorage.base.console import duration, size

if TYPE_CHECKING:
    from moorage.report.model import Build


@dataclass(frozen=True, kw_only=True)
class Growth:
    """The difference of one layer's unpacked size, in bytes."""

    created_by: str
    octets: int


def growth(build: Build, before: Build | None) -> list[Growth]:
    """Return the layers whose size differs, the largest difference first; layers correspond by their instruction."""
    if before is None:
        return []
    new, old = _sizes(build), _sizes(before)
    found = [
        Growth(created_by=name, octets=new.get(name, 0) - old.get(name, 0)) for name in dict.fromkeys([*new, *old])
    ]
    return sorted((entry for entry in found if entry.octets), key=lambda entry: -abs(entry.octets))


def _sizes(build: Build) -> dict[str, int]:
    found: dict[str, int] = {}
    for layer in build.layers:
        found[layer.created_by] = found.get(layer.created_by, 0) + layer.unpacked
    return found


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a build may cost; None is no limit."""

    unpacked: int | None = None
    """Bytes."""
    warm_seconds: float | None = None
    hit_rate: float | None = None
    """Percent."""


def exceeded(build: Build, limits: Limits) -> list[str]:
    """Return in words what of its budget a build exceeds; time and hit rate count for warm builds only."""
    found = []
    if limits.unpacked is not None and build.unpacked > limits.unpacked:
        found.append(f"{size(build.unpacked)} unpacked, {size(limits.unpacked)} are allowed")
    if build.warm and limits.warm_seconds is not None and build.seconds > limits.warm_seconds:
        found.append(f"a warm build took {duration(build.seconds)}, {duration(limits.warm_seconds)} are allowed")
    if build.warm and limits.hit_rate is not None and build.hit_rate < limits.hit_rate:
        found.append(f"{build.hit_rate:.0f} % of the steps were cached, {limits.hit_rate:.0f} % are wanted")
    return found
