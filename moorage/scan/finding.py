"""What a check looks for and what it says: the expectation of an image, and each thing in it that breaks one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

TEMPORARY_FOLDERS = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108  # names of folders in images, not used here
"""Sticky folders that everybody may write to."""


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """What is declared of an image; None and empty values are not checked."""

    user: int | None = None
    """UID that the process runs as."""
    port: int | None = None
    """TCP port that EXPOSE names."""
    listens: bool = True
    """False for an image that exposes no port at all."""
    shell: bool = False
    """Whether a shell may be there."""
    writable_paths: tuple[str, ...] = ()
    """Folders that the process may write to, beside `TEMPORARY_FOLDERS`."""
    unpacked_bytes: int | None = None
    """The most that all layers may have."""
    secrets: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """Values that must be nowhere in the image, by a name that may be shown."""


@dataclass(frozen=True, kw_only=True, order=True)
class ImageFinding:
    """One thing of an image that breaks a rule; ``path`` is absolute, or empty where the image's config is meant."""

    rule: str
    path: str = ""
    why: str
