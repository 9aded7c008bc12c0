"""The images that a stack runs: built from the sources, or those of a release."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from moorage.config.service import DATA_SERVICES

from .image_builds import ImageBuilder

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pulumi

    from moorage.config.project import Project
    from moorage.config.release import Release


@dataclass(frozen=True, kw_only=True)
class RunImages:
    """``repository@digest`` of everything that a stack runs, by the name of service or data store."""

    services: Mapping[str, pulumi.Input[str]]
    stores: Mapping[str, pulumi.Input[str]]
    bases: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    """Likewise of every base image that was built, by the name of its folder."""
    inputs: Mapping[str, str] = field(default_factory=dict)
    """Short input digest of each image, by its folder."""


def built_images(project: Project) -> RunImages:
    """Declare the builds of a project and return what they give."""
    images = ImageBuilder(project).build()
    return RunImages(
        services=images.references,
        stores={name: image.image for name, image in images.bases.items() if name in DATA_SERVICES},
        bases={name: image.image for name, image in images.bases.items()},
        inputs={str(node): found.short for node, found in images.inputs.items()},
    )


def pinned_images(release: Release, inputs: Mapping[str, str]) -> RunImages:
    """Return the images of a release; ``inputs`` is what the newest ones were built from."""
    return RunImages(services=release.images, stores=release.stores, inputs=inputs)
