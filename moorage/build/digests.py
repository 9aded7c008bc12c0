"""The input digest of each image: one value that is the same exactly as long as everything that goes into it is."""

from __future__ import annotations

import functools
import hashlib
import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from moorage.base.errors import Location, MoorageError, Problem
from moorage.build.contexts import Contexts
from moorage.build.filedigests import FileDigests, file_line
from moorage.build.git import source_labels
from moorage.build.slices import Slicer
from moorage.build.stages import load_dockerfile, mounted_secrets
from moorage.config.graph import BUILD, Kind, Node
from moorage.config.imagelock import LOCK_FILE, UPDATE
from moorage.config.repository import shipped_root
from moorage.config.service import image_build_arg

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    from moorage.build.filedigests import Listing
    from moorage.build.slices import Slice
    from moorage.build.stages import Dockerfile
    from moorage.config.project import Project
    from moorage.config.service import Build

DIGEST_FORMAT = 2
"""Part of every digest: a change of how images are built of the same inputs makes it another one."""
SHORT = 16
_REMEMBERED = "inputs.json"
_REMEMBERED_OF_SHIPPED = "shipped-inputs.json"
EPOCH = 315_532_800
"""Seconds of the time that everything in an image has: 1980-01-01, the first that a zip file can hold."""


@dataclass(frozen=True, kw_only=True)
class NodeInputs:
    """Everything that goes into one image."""

    node: Node
    dockerfile: str
    """Path relative to the repository's root."""
    context: str = "."
    """Folder that the builder is given, relative to the repository's root."""
    ignore_file: str = ""
    """Path of the ignore file, relative to the repository's root; empty where there is none."""
    pinned: Mapping[str, str] = field(default_factory=dict)
    """``repository@digest`` of each image of others that the Dockerfile names, by what it calls it."""
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
        # What is shipped with Moorage lies elsewhere, and is what it is at every revision.
        self._shipped = FileDigests(shipped_root(), (home or project.home) / _REMEMBERED_OF_SHIPPED)
        self._shipped_contexts = Contexts(shipped_root(), self._shipped)

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
            if project.services[name].image is not None:
                continue
            node = project.service(name)
            found[node] = self._inputs(node, project.service_folder(name), project.services[name].build, found)
        self._digests.save()
        if project.monorepo.repository.shipped:
            self._shipped.save()
        return found

    def _inputs(self, node: Node, folder: Path, build: Build, found: Mapping[Node, NodeInputs]) -> NodeInputs:
        repository, settings = self._project.monorepo.repository, self._project.settings
        root = repository.root_of(node)
        dockerfile, place = build.dockerfile_in(folder), build.context_in(root, folder)
        ignore = build.ignore_file_in(root, folder)
        shipped = node in repository.shipped
        digests, contexts = (self._shipped, self._shipped_contexts) if shipped else (self._digests, self._contexts)
        name = dockerfile.relative_to(root).as_posix()
        own = digests.listed(f"dockerfile {name}", (name,))
        context = contexts.below(place, ignore)
        key = f"dockerfile {own.text[:64]}"
        images = {image_build_arg(name): f"base-{name}" for name in self._project.base_images}
        read = functools.partial(load_dockerfile, dockerfile, build.args | images)
        secrets: list[str] = digests.note(f"{key} secrets", lambda: sorted(mounted_secrets(read().instructions)))
        slicer = Slicer(
            root=root,
            digests=digests,
            context=context,
            key=f"{key} {build.target} {json.dumps(build.args, sort_keys=True)}",
            read=read,
            target=build.target,
        )
        sliced = slicer.sliced()
        pinned = self._pinned(dockerfile, f"{key} {json.dumps(build.args, sort_keys=True)}", read)
        return NodeInputs(
            node=node,
            dockerfile=name,
            context=place.relative_to(root).as_posix(),
            ignore_file=ignore.relative_to(root).as_posix() if ignore else "",
            pinned=pinned,
            listings=(own, *context),
            slices=sliced.slices,
            whole=sliced.whole,
            settings=_settings(build, settings.platforms, self._labels)
            | {f"image.{key}": pinned[key] for key in pinned},
            labels=self._labels,
            bases={base: found[Node(Kind.image, base)].digest for base in sorted(build.bases)},
            secrets=tuple(sorted(set(secrets) & {"ca", *settings.build_secrets})),
        )

    def _pinned(self, dockerfile: Path, key: str, read: Callable[[], Dockerfile]) -> dict[str, str]:
        """Return the images of others that a Dockerfile names, pinned; nothing where the repository has no lock file.

        Raises `MoorageError` for one whose digest is not known.
        """
        lock = self._project.lock
        if not lock.exists:
            return {}
        own = {f"base-{name}" for name in self._project.base_images}
        noted = self._digests.note(f"{key} images {sorted(own)}", lambda: foreign_images(read(), own))
        found = {image: lock.pinned(image) for image, _ in noted if "@" not in image}
        problems = [unpinned_problem(dockerfile, image, line) for image, line in noted if found.get(image, "") is None]
        if problems:
            raise MoorageError(*problems)
        return {image: reference for image, reference in sorted(found.items()) if reference}


def foreign_images(dockerfile: Dockerfile, own: AbstractSet[str]) -> list[tuple[str, int]]:
    """Return each image of others that a Dockerfile names, with its line; ``own`` are the monorepo's."""
    found: dict[str, int] = {}
    for image, instruction in dockerfile.images():
        if image not in own:
            found.setdefault(image, instruction.line)
    return sorted(found.items())


def unpinned_problem(dockerfile: Path, image: str, line: int) -> Problem:
    """Return what is said of an image whose digest the lock file does not have."""
    return Problem(
        what=f"the digest of {image} is not in {LOCK_FILE}",
        where=Location(file=str(dockerfile), line=line, column=1),
        why="with a lock file each image of others is pinned, so that the same sources give the same image",
        remedy=UPDATE,
    )


def needed_images(project: Project) -> frozenset[Node]:
    """Return the base images that the stack's services are built FROM, and those that it runs as they are."""
    roots = {project.service(name) for name in project.services}
    roots |= {project.image(name) for name in project.run_images}
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
    if build.context is not None:
        found["context"] = build.context
    if build.target:
        found["target"] = build.target
    if platforms:
        found["platforms"] = " ".join(sorted(platforms))
    return found
