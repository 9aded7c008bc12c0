"""``images.lock.yaml``: which digest each image of somebody else's stands for."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from moorage.base.image_reference import parse_image
from moorage.config.validate import Source
from moorage.config.yamlfile import read_yaml

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from moorage.base.errors import Problem

LOCK_FILE = "images.lock.yaml"
UPDATE = "run `moorage images update`, and commit the file"
_IMAGES = "images"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_HEADER = "# Written by `moorage images update`: which digest each image of others stands for. Commit it.\n"


@dataclass(frozen=True)
class ImageLock:
    """The digest of each image, by the name that Dockerfiles and service.yaml have for it."""

    exists: bool = False
    """Without the file only ``image:`` of a service must have a digest."""
    digests: Mapping[str, str] = field(default_factory=dict)

    def pinned(self, image: str) -> str | None:
        """Return an image as ``repository@digest``; None where neither it nor the lock file says the digest."""
        name, at, digest = image.partition("@")
        found = digest if at else self.digests.get(image)
        return f"{repository_of(name)}@{found}" if found else None


def repository_of(image: str) -> str:
    """Return an image without tag and digest, its registry written out."""
    return parse_image(image).path


def read_image_lock(root: Path, problems: list[Problem]) -> ImageLock:
    """Return what the lock file of ``root`` says; what is wrong with it is added to ``problems``."""
    path = root / LOCK_FILE
    if not path.exists():
        return ImageLock()
    source = Source(read_yaml(path))
    listed = source.document.data.get(_IMAGES)
    found: dict[str, str] = {}
    for image, digest in listed.items() if isinstance(listed, dict) else ():
        if isinstance(digest, str) and _DIGEST.fullmatch(digest):
            found[str(image)] = digest
        else:
            problems.append(
                source.problem(
                    (_IMAGES, str(image)),
                    what=f"the digest of {image} is invalid",
                    why="a digest is sha256: and 64 hex digits",
                    remedy=UPDATE,
                )
            )
    return ImageLock(exists=True, digests=found)


def lock_text(digests: Mapping[str, str]) -> str:
    """Return the lock file's content."""
    lines = [f"  {image}: {digest}\n" for image, digest in sorted(digests.items())]
    return f"{_HEADER}{_IMAGES}:{'' if lines else ' {}'}\n{''.join(lines)}"


def check_pinned(source: Source, service: str, image: str, lock: ImageLock) -> Problem | None:
    """Return what is wrong with a service's ``image``: no digest is known of it."""
    if lock.pinned(image) is not None:
        return None
    return source.problem(
        ("image",),
        what=f"the digest of {image} is not known",
        why=f"{service} runs exactly one image; what a tag stands for is written in {LOCK_FILE}",
        remedy=f"{UPDATE}, or write the digest after @",
    )
