"""Where the monorepo's parts lie: ``moorage.layout`` of ``Pulumi.yaml``, as globs."""

# ruff: noqa: RUF012  # pydantic gives each instance its own copy of a mutable default
from __future__ import annotations

from typing import Annotated

from moorage.config.fields import Model, Text, Unique
from moorage.config.graph import Kind

FolderGlob = Annotated[
    str,
    Text(
        pattern=r"(?!\.{1,2}(/|$))[^\s/]+(/(?!\.{1,2}(/|$))[^\s/]+)*",
        rule="a glob names folders below the monorepo's top: no / at its beginning or end, no spaces and no ..",
        example="services/*",
    ),
]
"""``services/*``, ``src/**``, or one folder by its name."""
FolderAbove = Annotated[
    str,
    Text(
        pattern=r"\.|\.\.(/\.\.)*(/(?!\.{1,2}(/|$))[^\s/]+)*",
        rule="the monorepo's top is the folder of Pulumi.yaml (.), one above it (..), or one that is reached from there",
        example="..",
    ),
]


class Layout(Model):
    """The monorepo's top, and globs of the folders of its parts: ``*`` is part of a name, ``**`` any folders."""

    example = "{root: .., services: [services/*]}"

    root: FolderAbove = "."
    """The monorepo's top, as seen from the folder of ``Pulumi.yaml``: globs and paths in Dockerfiles begin there."""
    services: Unique[FolderGlob] = ["apps/*"]
    """Folders of services: those that have a ``service.yaml``."""
    libs: Unique[FolderGlob] = ["libs/*"]
    """Folders of libraries; of those that ``**`` finds, the ones with a package manifest."""
    images: Unique[FolderGlob] = ["images/*"]
    """Folders of base images of your own: those that have an ``image.yaml``."""

    def globs(self, kind: Kind) -> tuple[str, ...]:
        """Return the globs of one kind of part."""
        return tuple({Kind.service: self.services, Kind.lib: self.libs, Kind.image: self.images}[kind])

    def says(self, kind: Kind) -> bool:
        """Return whether the globs of a kind are the project's own words, not the default."""
        return {Kind.service: "services", Kind.lib: "libs", Kind.image: "images"}[kind] in self.model_fields_set


class ProjectSettings(Model):
    """``moorage`` in ``Pulumi.yaml``: what holds for all stacks of the project."""

    layout: Layout = Layout()
    """Where the monorepo's parts lie."""
