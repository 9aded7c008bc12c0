"""Whether what service.yaml and image.yaml declare is what Dockerfiles and code really use."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property
from typing import TYPE_CHECKING

from moorage.base.errors import Location, MoorageError, Problem
from moorage.build.contexts import context_files
from moorage.build.ignorefile import has_wildcards, read_ignore_file
from moorage.build.stages import CONTEXT, Dockerfile, load_dockerfile
from moorage.checks.allowlist import allow_list_patterns, differences
from moorage.checks.imports import ImportScanner, Packages, find_packages, owner_of
from moorage.config.graph import Kind, Node
from moorage.config.service import image_build_arg

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from moorage.build.instructions import Instruction
    from moorage.build.stages import Input
    from moorage.config.monorepo import Monorepo
    from moorage.config.service import Build
    from moorage.config.validate import Source

BASE = "moorage.base/"
"""Stands in for the digests of base images, so that their use can be told whatever the variable."""
WRITE = "moorage graph --write"


@dataclass
class Findings:
    """What is wrong, and what is only superfluous."""

    errors: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)


def check_sources(root: Path, monorepo: Monorepo) -> Findings:
    """Hold every declared edge of the monorepo against the Dockerfiles and the code; find everything at once."""
    findings = Findings()
    nodes = monorepo.graph().nodes
    scanner = ImportScanner(root)
    packages = find_packages(root, nodes)
    for node, source, build in declared_builds(monorepo):
        checked = BuildCheck(root, node, source, build, frozenset(nodes), packages, scanner)
        try:
            findings.errors += checked.errors()
            findings.warnings += checked.warnings()
        except MoorageError as error:
            findings.errors += error.problems
    scanner.keep()
    return findings


def declared_builds(monorepo: Monorepo) -> Iterator[tuple[Node, Source, Build]]:
    """Yield how each image that could be read is built, with what it is and where that is written."""
    for name, image in monorepo.images.items():
        if image.source is not None and image.model is not None:
            yield Node(Kind.image, name), image.source, image.model.build
    for name, source, service in monorepo.read_services():
        yield Node(Kind.service, name), source, service.build


def read_build(root: Path, node: Node, build: Build, images: frozenset[str]) -> Dockerfile:
    """Return a node's Dockerfile with its build args, and with stand-ins for the base images."""
    bases = {image_build_arg(image): f"{BASE}{image}" for image in images}
    return load_dockerfile(root / str(node) / build.dockerfile, build.args | bases)


def ignore_path(root: Path, node: Node, build: Build) -> Path:
    """Return the path of a node's ignore file."""
    dockerfile = root / str(node) / build.dockerfile
    return dockerfile.with_name(f"{dockerfile.name}.dockerignore")


@dataclass(frozen=True)
class BuildCheck:
    """The check of one image."""

    root: Path
    node: Node
    source: Source
    build: Build
    nodes: frozenset[Node]
    packages: Packages
    scanner: ImportScanner

    @cached_property
    def dockerfile(self) -> Dockerfile:
        """The Dockerfile with its build args."""
        images = frozenset(node.name for node in self.nodes if node.kind is Kind.image)
        return read_build(self.root, self.node, self.build, images)

    @cached_property
    def files(self) -> tuple[str, ...]:
        """The build context."""
        return context_files(self.root, ignore_path(self.root, self.node, self.build))

    @cached_property
    def inputs(self) -> tuple[Input, ...]:
        """What the Dockerfile takes of the build context."""
        return tuple(taken for taken in self.dockerfile.inputs() if taken.origin == CONTEXT)

    @property
    def declaration(self) -> str:
        """The file with the declarations."""
        return f"{self.node}/{'service' if self.node.kind is Kind.service else 'image'}.yaml"

    def errors(self) -> Iterator[Problem]:
        """Yield what would ship a stale or a broken image."""
        yield from self._bases()
        seen: set[tuple[str, int]] = set()
        for taken in self.inputs:
            if (taken.path, taken.line) not in seen:
                seen.add((taken.path, taken.line))
                yield from self._input(taken)
        yield from self._ignore_file()
        yield from self._imports()

    def warnings(self) -> Iterator[Problem]:
        """Yield what is declared for nothing."""
        for index, base in enumerate(self.build.bases):
            if not any(image == f"{BASE}{base}" for image, _ in self.dockerfile.images()):
                yield self.source.problem(
                    ("build", "bases", index),
                    what=f"{self.node} declares the base image {base} and does not use it",
                    why=f"no FROM, COPY --from or RUN --mount of its Dockerfile names ${{{image_build_arg(base)}}}, and "
                    f"every change of images/{base} rebuilds {self.node}",
                    remedy=f"remove {base} from build.bases",
                )
        copied = {owner_of(taken.path) for taken in self.inputs}
        for index, lib in enumerate(self.build.libs):
            if Node(Kind.lib, lib) not in copied:
                yield self.source.problem(
                    ("build", "libs", index),
                    what=f"{self.node} declares the library {lib} and does not use it",
                    why=f"its Dockerfile copies nothing of libs/{lib}",
                    remedy=f"remove {lib} from build.libs, or copy it",
                )

    def _bases(self) -> Iterator[Problem]:
        known = {node.name for node in self.nodes if node.kind is Kind.image}
        for image, instruction in self.dockerfile.images():
            name = image.removeprefix(BASE)
            if name != image and name not in self.build.bases:
                yield self._problem(
                    instruction,
                    what=f"{self.node} uses the base image {name} without declaring it",
                    why=f"a change of images/{name} would not rebuild {self.node}, and ${{{image_build_arg(name)}}} "
                    "would not be the image of this stack",
                    remedy=f"add {name} to build.bases in {self.declaration}",
                )
            last = image.rsplit("/", 1)[-1].split("@")[0].split(":")[0].removeprefix("base-")
            if name == image and last in known and f"base-{last}" in image:
                yield self._problem(
                    instruction,
                    what=f"{self.node} names the base image {image} itself",
                    why=f"it is whatever was pushed last under that name, not what images/{last} gives now",
                    remedy=f"write ARG {image_build_arg(last)} before the first FROM and use ${{{image_build_arg(last)}}}",
                )

    def _input(self, taken: Input) -> Iterator[Problem]:
        owner = owner_of(taken.path)
        first = "/".join(taken.path.split("/")[:2])
        if taken.path == "." or taken.path in {kind.value for kind in Kind} or has_wildcards(first):
            yield self._problem(
                taken.instruction,
                what=f"{self.node} copies {'the whole repository' if taken.path == '.' else f'all of {taken.path}'}",
                why="every change of any service or library would rebuild it",
                remedy=f"copy {self.node}/… and libs/<name>/… by name",
            )
        elif owner is None or owner == self.node or (owner.kind is Kind.lib and owner.name in self.build.libs):
            yield from self._hidden(taken)
        elif owner.kind is Kind.lib and owner in self.nodes:
            yield self._problem(
                taken.instruction,
                what=f"{self.node} copies {taken.path} without declaring the library {owner.name}",
                why=f"a change of {owner} would not rebuild {self.node}",
                remedy=f"add {owner.name} to build.libs in {self.declaration}",
            )
        elif owner in self.nodes:
            yield self._problem(
                taken.instruction,
                what=f"{self.node} copies {taken.path}, which belongs to {owner}",
                why=f"a change of {owner} would not rebuild {self.node}",
                remedy="move what both use to a library of libs/",
            )
        else:
            yield from self._hidden(taken)

    def _hidden(self, taken: Input) -> Iterator[Problem]:
        path = taken.path
        if has_wildcards(path):
            if any(fnmatchcase(file, path) or fnmatchcase(file, f"{path}/*") for file in self.files):
                return
        elif path in self.files or any(file.startswith(f"{path}/") for file in self.files):
            return
        there = any(self.root.glob(path)) if has_wildcards(path) else (self.root / path).exists()
        ignore = ignore_path(self.root, self.node, self.build).name
        yield self._problem(
            taken.instruction,
            what=f"{path} is left out of the build context" if there else f"{path} does not exist",
            why=f"{ignore} beside the Dockerfile does not give it to the build"
            if there
            else "the Dockerfile copies it",
            remedy=WRITE if there else "correct the path, which is relative to the repository's root",
        )

    def _ignore_file(self) -> Iterator[Problem]:
        path = ignore_path(self.root, self.node, self.build)
        found = differences(read_ignore_file(path), allow_list_patterns(self.root, self.dockerfile))
        if found:
            yield Problem(
                what="the build context is not what the Dockerfile copies",
                where=Location(file=str(path)),
                why="what is not given cannot be copied, and what is given too much rebuilds the image for nothing",
                remedy=WRITE,
                detail=found,
            )

    def _imports(self) -> Iterator[Problem]:
        copied = {owner_of(taken.path) for taken in self.inputs}
        told: set[tuple[Node | None, Node]] = set()
        for file in self.files:
            owner = owner_of(file)
            for module, line in self.scanner.imports(file):
                target = self.packages.target(file, module)
                if (
                    target is None
                    or target in {owner, self.node}
                    or (owner, target) in told
                    or target not in self.nodes
                ):
                    continue
                told.add((owner, target))
                problem = self._import(target, f"{owner or file} imports {module}", target in copied)
                if problem:
                    what, why, remedy = problem
                    yield Problem(
                        what=what,
                        why=why,
                        remedy=remedy,
                        where=Location(file=str(self.root / file), line=line, column=1),
                    )

    def _import(self, target: Node, imports: str, copied: bool) -> tuple[str, str, str] | None:
        """Return what is wrong with an import, why, and what to do; None where nothing is."""
        if target.kind is Kind.service:
            return (
                f"{imports} of the service {target.name}",
                f"the image of {self.node} does not hold {target}, and a change of it would not rebuild {self.node}",
                "move what both use to a library of libs/",
            )
        if target.name not in self.build.libs:
            return (
                f"{imports}, and {self.node} does not declare the library {target.name}",
                f"a change of {target} would not rebuild {self.node}",
                f"add {target.name} to build.libs in {self.declaration}",
            )
        if not copied:
            return (
                f"{imports}, and the Dockerfile of {self.node} does not copy {target}",
                "the process would not find it",
                f"copy {target}/… in {self.node}/{self.build.dockerfile}",
            )
        return None

    def _problem(self, instruction: Instruction, *, what: str, why: str, remedy: str) -> Problem:
        where = Location(file=str(self.dockerfile.path), line=instruction.line, column=1)
        return Problem(what=what, where=where, why=why, remedy=remedy)
