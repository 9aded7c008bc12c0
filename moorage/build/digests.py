"""The input digest of each image: one value that is the same exactly as long as everything that goes into it is."""

from __future__ import annotations

import functools
import hashlib
import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from moorage.base.errors import MoorageError
from moorage.build.contexts import Contexts
from moorage.build.filedigests import FileDigests, file_line
from moorage.build.git import source_labels
from moorage.build.slices import Slicer
from moorage.build.stages import load_dockerfile, mounted_secrets
from moorage.config.graph import BUILD, Kind, Node
from moorage.config.service import image_build_arg

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from moorage.build.filedigests import Listing
    from moorage.build.slices import Slice
    from moorage.config.project import Project
    from moorage.config.service import Build

DIGEST_FORMAT = 2
"""Part of every digest: a change of how images are built of the same inputs makes it another one."""
SHORT = 16
_REMEMBERED = "inputs.json"
EPOCH = 315_532_800
"""Seconds of the time that everything in an image has: 1980-01-01, the first that a zip file can hold."""


@dataclass(frozen=True, kw_only=True)
class NodeInputs:
    """Everything that goes into one image."""

    node: Node
    dockerfile: str
    """Path relative to the repository's root."""
    listings: tuple[Listing, ...] = field(repr=False)
    """The Dockerfile, then the files of the build context in the order of their paths."""
    slices: Mapping[str, Slice] = field(repr=False)
    """What counts of a workspace's files instead of all of them, by path."""
    whole: Mapping[str, str] = field(repr=False)
    """Why all of a workspace's lock file counts, by its path."""
    settings: Mapping[str, str]
    """Stage, build args, platforms and labels, by a name that people know."""
    labels: Mapping[str, str]
    """Labels that the image is given beside those of its Dockerfile."""
    bases: Mapping[str, str]
    """Input digests of the images that it is built FROM, by name."""
    secrets: tuple[str, ...]
    """Names of the build secrets that it is given."""

    @cached_property
    def digest(self) -> str:
        """The input digest: SHA-256 in hex."""
        found = hashlib.sha256()
        for listing in self.listings:
            text = listing.text
            for path, part in self.slices.items():
                if line := listing.line(path):
                    text = text.replace(line, file_line(part.digest, 0, path), 1)
            found.update(text.encode(errors="surrogateescape"))
        rest = [DIGEST_FORMAT, EPOCH, self.dockerfile, dict(self.settings), dict(self.bases), self.secrets]
        found.update(b"\0" + json.dumps(rest, sort_keys=True).encode())
        return found.hexdigest()

    @property
    def short(self) -> str:
        """The part of the digest that images are tagged with."""
        return self.digest[:SHORT]

    def files(self, digits: int = 64) -> dict[str, str]:
        """Return kind and digest, or its first ``digits``, of each file by path, of a sliced file those of its slice."""
        found: dict[str, str] = {}
        for listing in self.listings:
            found |= listing.entries(digits)
        return found | {path: f"-{part.digest[:digits]}" for path, part in self.slices.items()}


class Inputs:
    """The inputs of the images of one stack."""

    def __init__(
        self,
        project: Project,
        *,
        checkout: Path | None = None,
        home: Path | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> None:
        """Prepare for a project; what is found is remembered in its ``.moorage`` folder.

        Of another revision than the one on disk ``checkout`` is the monorepo that is, ``home`` the folder that remembers,
        and ``labels`` are the revision's own. Raises `MoorageError` where the stack wants labels of a source that cannot be told.
        """
        self._project = project
        wanted = project.settings.source_labels
        self._labels = (source_labels(project.root) if labels is None else labels) if wanted else {}
        self._digests = FileDigests(project.root, (home or project.home) / _REMEMBERED, checkout=checkout)
        self._contexts = Contexts(project.root, self._digests)

    def all(self) -> dict[Node, NodeInputs]:
        """Return the inputs of every image that the stack builds, each after those it is built FROM.

        Raises `MoorageError` where the files of one cannot be told.
        """
        project = self._project
        needed = needed_images(project)
        found: dict[Node, NodeInputs] = {}
        for name in project.order:
            if (node := project.image(name)) in needed:
                found[node] = self._inputs(node, project.image_folder(name), project.base_images[name].build, found)
        for name in project.running:
            node = project.service(name)
            found[node] = self._inputs(node, project.service_folder(name), project.services[name].build, found)
        self._digests.save()
        return found

    def _inputs(self, node: Node, folder: Path, build: Build, found: Mapping[Node, NodeInputs]) -> NodeInputs:
        root, settings = self._project.root, self._project.settings
        dockerfile = folder / build.dockerfile
        name = dockerfile.relative_to(root).as_posix()
        own = self._digests.listed(f"dockerfile {name}", (name,))
        context = self._contexts.listing(dockerfile.with_name(f"{dockerfile.name}.dockerignore"))
        key = f"dockerfile {own.text[:64]}"
        images = {image_build_arg(name): f"base-{name}" for name in self._project.base_images}
        read = functools.partial(load_dockerfile, dockerfile, build.args | images)
        secrets: list[str] = self._digests.note(f"{key} secrets", lambda: sorted(mounted_secrets(read().instructions)))
        slicer = Slicer(
            root=root,
            digests=self._digests,
            context=context,
            key=f"{key} {build.target} {json.dumps(build.args, sort_keys=True)}",
            read=read,
            target=build.target,
        )
        sliced = slicer.sliced()
        return NodeInputs(
            node=node,
            dockerfile=name,
            listings=(own, *context),
            slices=sliced.slices,
            whole=sliced.whole,
            settings=_settings(build, settings.platforms, self._labels),
            labels=self._labels,
            bases={base: found[Node(Kind.image, base)].digest for base in sorted(build.bases)},
            secrets=tuple(sorted(set(secrets) & {"ca", *settings.build_secrets})),
        )


def needed_images(project: Project) -> frozenset[Node]:
    """Return the base images that the stack's services are built FROM, and those of the data stores they need."""
    roots = {project.service(name) for name in project.services}
    roots |= {project.image(name) for name in project.store_images}
    found = project.graph.below(roots, via=BUILD)
    return frozenset(node for node in found if node.kind is Kind.image)


def changed_meanwhile(path: str) -> Exception:
    """Return the error of a file that is another one than a moment ago."""
    return MoorageError.of(
        f"{path} changed while it was read",
        where=path,
        why="an image is built from exactly the files that its digest was made of",
        remedy="wait until nothing writes to the repository, then run the command again",
    )


def _settings(build: Build, platforms: Sequence[str], labels: Mapping[str, str]) -> dict[str, str]:
    found = {f"args.{name}": value for name, value in sorted(build.args.items())}
    found |= {f"labels.{name}": value for name, value in sorted(labels.items())}
    if build.target:
        found["target"] = build.target
    if platforms:
        found["platforms"] = " ".join(sorted(platforms))
    return found
