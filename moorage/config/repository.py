"""The monorepo as its layout finds it on disk: which folder is which part, and which part a file belongs to."""

from __future__ import annotations

import fnmatch
import itertools
import os
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import moorage
from moorage.config.graph import Kind, Node
from moorage.config.layout import Layout, ProjectSettings
from moorage.config.projectfile import read_project
from moorage.config.validate import validated

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from moorage.base.errors import Problem
    from moorage.config.validate import Source

HOME = ".moorage"
"""Everything of a project that git does not track; beside ``Pulumi.yaml``."""
DESCRIBED_BY = {Kind.service: "service.yaml", Kind.image: "image.yaml"}
"""The file that makes a folder a service or a base image."""
_MANIFESTS = ("pyproject.toml", "setup.py", "package.json", "go.mod", "Cargo.toml", "pom.xml", "build.gradle")
_NOT_OURS = frozenset({"node_modules", "site-packages", "vendor", "venv", "__pycache__", "target", "dist"})
"""Folders that hold what others wrote, or copies: no ``**`` looks into them."""
_DEEP = "**"
_KEYS = {Kind.service: "services", Kind.lib: "libs", Kind.image: "images"}
_NAMES = {Kind.service: "service", Kind.lib: "library", Kind.image: "base image"}


@dataclass(frozen=True, kw_only=True)
class Repository:
    """Where everything of one project lies."""

    program: Path
    """The folder of ``Pulumi.yaml``, absolute."""
    top: Path
    """The monorepo's top, absolute: paths of nodes and in Dockerfiles begin there."""
    layout: Layout = field(default_factory=Layout)
    nodes: tuple[Node, ...] = ()
    """Base images, libraries and services that the layout's globs find, by kind and folder."""
    shipped: tuple[Node, ...] = ()
    """Base images of the distribution that this monorepo uses; their folders are relative to `shipped_root`."""

    @property
    def home(self) -> Path:
        """Everything of the project that git does not track."""
        return self.program / HOME

    def of_kind(self, kind: Kind) -> tuple[Node, ...]:
        """Return the nodes of one kind, by folder."""
        return tuple(node for node in self.nodes if node.kind is kind)

    @cached_property
    def _by_name(self) -> Mapping[tuple[Kind, str], Node]:
        return {(node.kind, node.name): node for node in (*self.shipped, *self.nodes)}

    def root_of(self, node: Node) -> Path:
        """Return the folder that a node's own is relative to, and that is the root of its build context."""
        return shipped_root() if node in self.shipped else self.top

    @cached_property
    def _by_folder(self) -> Mapping[str, Node]:
        return {node.folder: node for node in self.nodes}

    def node(self, kind: Kind, name: str) -> Node:
        """Return a node with its folder; of one that the globs do not find, the place where a first glob expects it."""
        known = self._by_name.get((kind, name))
        return known or Node(kind, name, f"{self.home_of(kind)}/{name}".lstrip("/"))

    def home_of(self, kind: Kind) -> str:
        """Return the folder in which the first glob of a kind looks: ``apps``; empty for the top itself."""
        glob = next(iter(self.layout.globs(kind)), f"{kind.value}/*")
        return "/".join(_plain_parts(glob.split("/")) if "*" in glob else glob.split("/")[:-1])

    def homes(self, kind: Kind) -> tuple[str, ...]:
        """Return the folders in which the globs of a kind look, but for those that name one folder."""
        globs = (glob.split("/") for glob in self.layout.globs(kind) if "*" in glob)
        return tuple(dict.fromkeys("/".join(_plain_parts(parts)) for parts in globs))

    def owner_of(self, path: str) -> Node | None:
        """Return the node whose folder a path, relative to the top, lies in; of nested ones the innermost."""
        while path:
            if (node := self._by_folder.get(path)) is not None:
                return node
            path = path.rpartition("/")[0]
        return None

    def is_above(self, path: str) -> bool:
        """Return whether a path is a folder of several parts, as ``apps`` is, and not one of a part's own."""
        inside = f"{path}/"
        return self.owner_of(path) is None and any(node.folder.startswith(inside) for node in self.nodes)


def shipped_root() -> Path:
    """Return the folder that holds the ``images/`` of the distribution: in a checkout the checkout's own."""
    return (Path(moorage.__file__).parent / "images").resolve().parent


def read_layout(program: Path, problems: list[Problem]) -> tuple[Path, Layout]:
    """Return the monorepo's top and its layout as the ``Pulumi.yaml`` of a folder says; add what is wrong with it.

    Raises `MoorageError` where ``Pulumi.yaml`` is not YAML.
    """
    file = read_project(program)
    settings = validated(ProjectSettings, file.own_data, file.own, problems) if file.own else None
    layout = settings.layout if settings else Layout()
    return Path(os.path.normpath(program.resolve() / layout.root)), layout


def read_repository(program: Path, problems: list[Problem]) -> Repository:
    """Return the monorepo that the ``Pulumi.yaml`` of a folder describes; add what is wrong with its layout.

    Raises `MoorageError` where ``Pulumi.yaml`` is not YAML.
    """
    program = program.resolve()
    top, layout = read_layout(program, problems)
    finder = _Finder(top, layout, read_project(program).own, problems)
    return Repository(program=program, top=top, layout=layout, nodes=tuple(finder.nodes()))


@dataclass
class _Finder:
    """Looks for the folders of all globs."""

    top: Path
    layout: Layout
    source: Source | None
    """Where the globs stand; None where they are all the default."""
    problems: list[Problem]
    found: dict[str, tuple[Kind, int]] = field(default_factory=dict)
    """By folder: the kind and the number of the glob that found it first."""

    def nodes(self) -> Iterator[Node]:
        """Yield a node for each folder; add the folders that two globs find, and the names that two folders have."""
        for kind in (Kind.image, Kind.service, Kind.lib):
            names: dict[str, Node] = {}
            for index, glob in enumerate(self.layout.globs(kind)):
                for node in self._of_glob(kind, index, glob):
                    twin = names.setdefault(node.name, node)
                    if twin is node:
                        yield node
                        continue
                    self._add(
                        kind,
                        index,
                        what=f"{twin.folder} and {node.folder} have one name, {node.name}",
                        why=f"a {_NAMES[kind]} is called what its folder is called",
                        remedy="rename one of the folders",
                    )

    def _of_glob(self, kind: Kind, index: int, glob: str) -> Iterator[Node]:
        empty = True
        for folder in sorted(set(_folders(self.top, "", glob.split("/")))):
            if not self._is_part(kind, folder, glob):
                continue
            empty = False
            before = self.found.setdefault(folder, (kind, index))
            if before == (kind, index):
                yield Node(kind, folder.rpartition("/")[2], folder)
            elif self.layout.says(kind):
                other = self.layout.globs(before[0])[before[1]]
                self._add(
                    kind,
                    index,
                    what=f"{folder} is found by two globs, {_KEYS[before[0]]}: {other} and {_KEYS[kind]}: {glob}",
                    why="each folder is one part of the monorepo",
                    remedy="narrow one of the globs, or remove it",
                )
        if empty and self.layout.says(kind):
            wanted = f" with a file {DESCRIBED_BY[kind]}" if kind in DESCRIBED_BY else ""
            self._add(
                kind,
                index,
                what=f"the glob {glob} finds no {_NAMES[kind]}",
                why=f"in {self.top} it matches no folder{wanted}",
                remedy="correct it, or remove it",
            )

    def _is_part(self, kind: Kind, folder: str, glob: str) -> bool:
        path = self.top / folder
        if kind in DESCRIBED_BY:
            name = DESCRIBED_BY[kind]
            return (path / name).exists() or (path / name).with_suffix(".yml").exists()
        # Where ** may lead, only a manifest tells a library; a glob of single levels is taken at its word.
        return _DEEP not in glob.split("/") or any((path / name).is_file() for name in _MANIFESTS)

    def _add(self, kind: Kind, index: int, *, what: str, why: str, remedy: str) -> None:
        if self.source is not None:
            trail = ("layout", _KEYS[kind], index)
            self.problems.append(self.source.problem(trail, what=what, why=why, remedy=remedy))


def _folders(top: Path, folder: str, parts: Sequence[str]) -> Iterator[str]:
    """Yield the folders below ``top`` that the rest of a glob matches from ``folder`` on; names with a dot or _ are passed over."""
    if not parts:
        if folder and (top / folder).is_dir():
            yield folder
        return
    first, rest = parts[0], parts[1:]
    if "*" not in first:
        yield from _folders(top, f"{folder}/{first}".lstrip("/"), rest)
        return
    if first == _DEEP and rest:
        yield from _folders(top, folder, rest)
    for name in _names_in(top / folder, deep=first == _DEEP):
        below = f"{folder}/{name}".lstrip("/")
        if first == _DEEP:
            yield from () if rest else (below,)
            yield from _folders(top, below, parts)
        elif fnmatch.fnmatchcase(name, first):
            yield from _folders(top, below, rest)


def _names_in(folder: Path, *, deep: bool) -> list[str]:
    """Return the names of the folders in a folder; ``deep`` leaves out links, and folders of what others wrote."""
    try:
        with os.scandir(folder) as entries:
            return sorted(
                entry.name
                for entry in entries
                if entry.name[0] not in "._"
                and entry.is_dir(follow_symlinks=not deep)
                and not (deep and entry.name in _NOT_OURS)
            )
    except (FileNotFoundError, NotADirectoryError):
        return []


def _plain_parts(parts: Iterable[str]) -> list[str]:
    """Return the parts of a glob before the first with a wildcard."""
    return list(itertools.takewhile(lambda part: "*" not in part, parts))
