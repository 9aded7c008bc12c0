"""Where builds are kept: one JSON file each, below ``.moorage/reports/<stack>/``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pydantic import ValidationError

from moorage.report.model import Build

if TYPE_CHECKING:
    from pathlib import Path

KEPT = 200
"""Builds of each image; older ones are deleted."""


class Store:
    """The kept builds of one stack."""

    def __init__(self, folder: Path) -> None:
        """Use a folder, which need not exist yet."""
        self.folder = folder

    def builds(self) -> dict[str, list[Build]]:
        """Return the builds of each image, the oldest first; a file that is damaged is passed over."""
        found: dict[str, list[Build]] = {}
        for path in self.folder.glob("*.json"):
            try:
                build = Build.model_validate_json(path.read_bytes())
            except (OSError, ValidationError):
                continue
            found.setdefault(build.image, []).append(build)
        return {image: sorted(builds, key=lambda build: build.started) for image, builds in sorted(found.items())}

    def add(self, build: Build) -> Path:
        """Keep a build, whole or not at all, and return its file."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{build.started:%Y%m%dT%H%M%S.%f}-{build.image}.json"
        aside = path.with_name(f".{path.name}.{os.getpid()}")
        aside.write_text(build.model_dump_json(by_alias=True, indent=1))
        aside.replace(path)
        kept = sorted(entry for entry in self.folder.glob("[0-9]*.json") if _image_of(entry.name) == build.image)
        for old in kept[:-KEPT]:
            old.unlink(missing_ok=True)
        return path


def _image_of(name: str) -> str:
    return name.partition("-")[2].removesuffix(".json")
