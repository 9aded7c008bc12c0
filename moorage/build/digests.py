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
from moorage.build.slices import Slicer
from moorage.config.graph import Kind, Node

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from moorage.build.filedigests import Listing
    from moorage.build.outline import ImageOutline, Outline
    from moorage.build.slices import Slice
    from moorage.build.stages import Dockerfile

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
        outline: Outline,
        *,
        checkout: Path | None = None,
        home: Path | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> None:
        """Prepare for a stack; what is found is remembered in its ``.moorage`` folder.

        Of another revision than the one on disk ``checkout`` is the monorepo that is, ``home`` the folder that remembers,
        and ``labels`` are the revision's own. Raises `MoorageError` where the stack wants labels of a source that cannot be told.
        """
        self._outline, root = outline, outline.root
        self._labels = (_labels(root) if labels is None else labels) if outline.source_labels else {}
        self._digests = FileDigests(root, (home or outline.home) / _REMEMBERED, checkout=checkout)
        self._contexts = Contexts(root, self._digests)

    def all(self) -> dict[Node, NodeInputs]:
        """Return the inputs of every image that the stack builds, each after those it is built FROM.

        Raises `MoorageError` where the files of one cannot be told.
        """
        found: dict[Node, NodeInputs] = {}
        for image in self._outline.images:
            found[image.node] = self._inputs(image, found)
        self._digests.save()
        return found

    def _inputs(self, image: ImageOutline, found: Mapping[Node, NodeInputs]) -> NodeInputs:
        outline, name = self._outline, image.dockerfile
        dockerfile = outline.root / name
        own = self._digests.listed(f"dockerfile {name}", (name,))
        context = self._contexts.listing(dockerfile.with_name(f"{dockerfile.name}.dockerignore"))
        key = f"dockerfile {own.text[:64]}"
        read = functools.partial(_read, dockerfile, {**image.args, **outline.base_args})
        secrets: list[str] = self._digests.note(f"{key} secrets", lambda: _secrets(read()))
        slicer = Slicer(
            root=outline.root,
            digests=self._digests,
            context=context,
            key=f"{key} {image.target} {json.dumps(image.args, sort_keys=True)}",
            read=read,
            target=image.target,
        )
        sliced = slicer.sliced()
        return NodeInputs(
            node=image.node,
            dockerfile=name,
            listings=(own, *context),
            slices=sliced.slices,
            whole=sliced.whole,
            settings=_settings(image, outline.platforms, self._labels),
            labels=self._labels,
            bases={base: found[Node(Kind.image, base)].digest for base in sorted(image.bases)},
            secrets=tuple(sorted(set(secrets) & {"ca", *outline.build_secrets})),
        )


def _labels(root: Path) -> dict[str, str]:
    from moorage.build.git import source_labels  # here and below: most commands need none of it

    return source_labels(root)


def _read(path: Path, build_args: Mapping[str, str]) -> Dockerfile:
    from moorage.build.stages import load_dockerfile

    return load_dockerfile(path, build_args)


def _secrets(dockerfile: Dockerfile) -> list[str]:
    from moorage.build.stages import mounted_secrets

    return sorted(mounted_secrets(dockerfile.instructions))


def changed_meanwhile(path: str) -> Exception:
    """Return the error of a file that is another one than a moment ago."""
    return MoorageError.of(
        f"{path} changed while it was read",
        where=path,
        why="an image is built from exactly the files that its digest was made of",
        remedy="wait until nothing writes to the repository, then run the command again",
    )


def _settings(image: ImageOutline, platforms: Sequence[str], labels: Mapping[str, str]) -> dict[str, str]:
    found = {f"args.{name}": value for name, value in sorted(image.args.items())}
    found |= {f"labels.{name}": value for name, value in sorted(labels.items())}
    if image.target:
        found["target"] = image.target
    if platforms:
        found["platforms"] = " ".join(sorted(platforms))
    return found
