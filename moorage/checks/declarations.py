"""Whether what service.yaml and image.yaml declare is what Dockerfiles and code really use."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from moorage.base.errors import Location, MoorageError, Problem
from moorage.base.words import did_you_mean, listed
from moorage.build.contexts import given_files
from moorage.build.ignorefile import has_wildcards, parse_ignore_file, read_ignore_file
from moorage.build.stages import Dockerfile, load_dockerfile
from moorage.checks.allowlist import allow_list_patterns, context_inputs, differences, ignore_path, takes
from moorage.checks.exemptions import without_exemptions
from moorage.checks.foreign import foreign_problems
from moorage.checks.imports import ImportScanner, Packages, find_packages, unread_languages
from moorage.checks.lint import BASE, EXPOSE, Purpose, contradictions
from moorage.checks.stackwishes import Wishes, read_wishes
from moorage.checks.usedcode import UsedCode, declaration_of
from moorage.config.graph import Kind
from moorage.config.service import image_build_arg

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from moorage.build.ignorefile import IgnoreFile
    from moorage.build.instructions import Instruction
    from moorage.build.stages import Input
    from moorage.config.graph import Node
    from moorage.config.monorepo import Monorepo
    from moorage.config.repository import Repository
    from moorage.config.service import Build
    from moorage.config.validate import Source

WRITE = "moorage graph --write"


@dataclass
class Findings:
    """What is wrong, what is only superfluous, and what was not looked at."""

    errors: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    """Sentences."""


def check_sources(monorepo: Monorepo) -> Findings:
    """Hold every declared edge of the monorepo against the Dockerfiles and the code; find everything at once."""
    findings = Findings()
    repository = monorepo.repository
    nodes = monorepo.graph().nodes
    scanner = ImportScanner(repository.top, repository.home)
    packages = find_packages(repository)
    wishes = read_wishes(repository.program)
    files: dict[Node, tuple[str, ...]] = {}
    for node, source, build in monorepo.builds():
        entry = monorepo.services.get(node.name) if node.kind is Kind.service else None
        purpose = Purpose(service=entry is not None, port=entry.model.port if entry and entry.model else None)
        checked = BuildCheck(repository, node, source, build, frozenset(nodes), packages, scanner, wishes, purpose)
        try:
            if build.own_context:
                folder = (monorepo.services if entry else monorepo.images)[node.name].folder
                findings.errors += missing_stages(node, source, build, checked.dockerfile, wishes)
                findings.errors += foreign_problems(repository.top, folder, build, checked.dockerfiles)
                continue
            findings.errors += checked.errors()
            findings.warnings += checked.warnings()
            files[node] = checked.files
        except MoorageError as error:
            findings.errors += error.problems
    scanner.keep()
    findings.warnings += scanner.problems(files)
    findings.unread += unread_languages(files)
    return findings


def read_build(root: Path, node: Node, build: Build, images: frozenset[str], platform: str = "") -> Dockerfile:
    """Return a node's Dockerfile with its build args, and with stand-ins for the base images."""
    bases = {image_build_arg(image): f"{BASE}{image}" for image in images}
    return load_dockerfile(build.dockerfile_in(root / node.folder), build.args | bases, platform)


def read_builds(root: Path, node: Node, build: Build, images: frozenset[str], wishes: Wishes) -> tuple[Dockerfile, ...]:
    """Return the same for each platform that a stack builds for."""
    return tuple(read_build(root, node, build, images, platform) for platform in wishes.platforms)


def missing_stages(
    node: Node, source: Source, build: Build, dockerfile: Dockerfile, wishes: Wishes
) -> Iterator[Problem]:
    """Yield each stage that should be built but that the Dockerfile does not have."""
    asked = [(build.target, source.document.value_at(source.trail(("build", "target"))))] if build.target else []
    asked += wishes.of(node.name) if node.kind is Kind.service else []
    stages = [stage for stage in dockerfile.stages if stage.name]
    names = [stage.name for stage in stages]
    for target, where in asked:
        if dockerfile.built(target) is None:
            yield Problem(
                what=f"{node} is built up to the stage {target}, which its Dockerfile does not have",
                where=where,
                why=f"its stages are {listed(names)}" if names else "none of its stages has a name",
                remedy=did_you_mean(target, names, f"name one of them, or write FROM … AS {target}"),
                detail=tuple(
                    f"{Location(file=str(dockerfile.path), line=stage.instruction.line, column=1)} {stage.name}"
                    for stage in stages
                ),
            )


@dataclass(frozen=True)
class BuildCheck:
    """The check of one image."""

    repository: Repository
    node: Node
    source: Source
    build: Build
    nodes: frozenset[Node]
    packages: Packages
    scanner: ImportScanner
    wishes: Wishes
    purpose: Purpose

    @property
    def root(self) -> Path:
        """The monorepo's top."""
        return self.repository.top

    @cached_property
    def dockerfiles(self) -> tuple[Dockerfile, ...]:
        """The Dockerfile with its build args, for each platform."""
        images = frozenset(node.name for node in self.nodes if node.kind is Kind.image)
        return read_builds(self.root, self.node, self.build, images, self.wishes)

    @property
    def dockerfile(self) -> Dockerfile:
        """The first of them."""
        return self.dockerfiles[0]

    @cached_property
    def ignore(self) -> IgnoreFile:
        """The ignore file; what it has to be where there is none that can be read, which is told elsewhere."""
        try:
            return read_ignore_file(ignore_path(self.root, self.node, self.build))
        except MoorageError:
            return parse_ignore_file(allow_list_patterns(self.repository, self.dockerfiles))

    @cached_property
    def files(self) -> tuple[str, ...]:
        """The build context."""
        return given_files(self.root, self.ignore)

    @cached_property
    def inputs(self) -> tuple[Input, ...]:
        """What the Dockerfile takes of the build context."""
        return context_inputs(self.dockerfiles)

    def errors(self) -> Iterator[Problem]:
        """Yield what would ship a stale or a broken image."""
        yield from missing_stages(self.node, self.source, self.build, self.dockerfile, self.wishes)
        yield from self._ports(by_declaration=True)
        yield from self._bases()
        for taken in self.inputs:
            yield from self._input(taken)
        yield from self._ignore_file()
        copied = frozenset(owner for taken in self.inputs if (owner := self.repository.owner_of(taken.path)))
        code = UsedCode(self.root, self.node, self.build, self.nodes, self.packages, self.scanner)
        yield from code.problems(self.files, copied)

    def warnings(self) -> Iterator[Problem]:
        """Yield what is declared for nothing."""
        yield from self._ports(by_declaration=False)
        for index, base in enumerate(self.build.bases):
            if not any(image == f"{BASE}{base}" for image, _ in self.dockerfile.images()):
                yield self.source.problem(
                    ("build", "bases", index),
                    what=f"{self.node} declares the base image {base} and does not use it",
                    why=f"no FROM, COPY --from or RUN --mount of its Dockerfile names ${{{image_build_arg(base)}}}, and "
                    f"every change of {self.repository.node(Kind.image, base)} rebuilds {self.node}",
                    remedy=f"remove {base} from build.bases",
                )
        copied = {self.repository.owner_of(taken.path) for taken in self.inputs}
        for index, lib in enumerate(self.build.libs):
            if self.repository.node(Kind.lib, lib) not in copied:
                yield self.source.problem(
                    ("build", "libs", index),
                    what=f"{self.node} declares the library {lib} and does not use it",
                    why=f"its Dockerfile copies nothing of {self.repository.node(Kind.lib, lib)}",
                    remedy=f"remove {lib} from build.libs, or copy it",
                )

    def _ports(self, *, by_declaration: bool) -> Iterator[Problem]:
        """Yield where EXPOSE is another port than service.yaml's, or where that has none."""
        if not self.purpose.service or by_declaration is (self.purpose.port is None):
            return
        found: dict[int, Problem] = {}
        for target in (self.build.target, *(stage for stage, _ in self.wishes.of(self.node.name))):
            findings = contradictions(self.dockerfile, replace(self.purpose, target=target))
            for finding in without_exemptions(self.dockerfile, findings, buildkit_asked=False):
                if finding.id == EXPOSE:
                    found.setdefault(finding.line, finding.problem())
        yield from found.values()

    def _bases(self) -> Iterator[Problem]:
        known = {node.name for node in self.nodes if node.kind is Kind.image}
        for image, instruction in self.dockerfile.images():
            name = image.removeprefix(BASE)
            if name != image and name not in self.build.bases:
                yield self._problem(
                    instruction,
                    what=f"{self.node} uses the base image {name} without declaring it",
                    why=f"a change of {self.repository.node(Kind.image, name)} would not rebuild {self.node}, and "
                    f"${{{image_build_arg(name)}}} would not be the image of this stack",
                    remedy=f"add {name} to build.bases in {declaration_of(self.node)}",
                )
            last = image.rsplit("/", 1)[-1].split("@")[0].split(":")[0].removeprefix("base-")
            if name == image and last in known and f"base-{last}" in image:
                yield self._problem(
                    instruction,
                    what=f"{self.node} names the base image {image} itself",
                    why=f"it is whatever was last pushed under that name, not what {self.repository.node(Kind.image, last)} builds now",
                    remedy=f"write ARG {image_build_arg(last)} before the first FROM and use ${{{image_build_arg(last)}}}",
                )

    def _input(self, taken: Input) -> Iterator[Problem]:
        owner = self.repository.owner_of(taken.path)
        if taken.path == "." or self._takes_several(taken.path):
            yield self._problem(
                taken.instruction,
                what=f"{self.node} copies {'the whole repository' if taken.path == '.' else f'all of {taken.path}'}",
                why="every change of any service or library would rebuild it",
                remedy=f"copy {self.node}/… and {self.repository.node(Kind.lib, '<name>')}/… by name",
            )
        elif owner is None or owner == self.node or (owner.kind is Kind.lib and owner.name in self.build.libs):
            yield from self._hidden(taken)
        elif owner.kind is Kind.lib and owner in self.nodes:
            yield self._problem(
                taken.instruction,
                what=f"{self.node} copies {taken.path} without declaring the library {owner.name}",
                why=f"a change of {owner} would not rebuild {self.node}",
                remedy=f"add {owner.name} to build.libs in {declaration_of(self.node)}",
            )
        elif owner in self.nodes:
            yield self._problem(
                taken.instruction,
                what=f"{self.node} copies {taken.path}, which belongs to {owner}",
                why=f"a change of {owner} would not rebuild {self.node}",
                remedy=f"move the shared code to a library in {self.repository.home_of(Kind.lib)}/",
            )
        else:
            yield from self._hidden(taken)

    def _takes_several(self, path: str) -> bool:
        """Return whether a path or pattern may take of several services and libraries: ``apps``, ``libs/*``."""
        parts = path.split("/")
        wild = next((index for index, part in enumerate(parts) if has_wildcards(part)), len(parts))
        above = "/".join(parts[:wild])
        return self.repository.is_above(above) if above else wild < len(parts)

    def _hidden(self, taken: Input) -> Iterator[Problem]:
        path = taken.path
        if any(takes(taken, file) for file in self.files):
            return
        there = any(self.root.glob(path)) if has_wildcards(path) else (self.root / path).exists()
        ignore = ignore_path(self.root, self.node, self.build).name
        yield self._problem(
            taken.instruction,
            what=f"{path} is left out of the build context" if there else f"{path} does not exist",
            why=f"{ignore} beside the Dockerfile does not include it" if there else "the Dockerfile copies it",
            remedy=WRITE if there else "correct the path, which is relative to the repository's root",
        )

    def _ignore_file(self) -> Iterator[Problem]:
        path = ignore_path(self.root, self.node, self.build)
        try:
            found = differences(read_ignore_file(path), allow_list_patterns(self.repository, self.dockerfiles))
        except MoorageError as error:
            yield from error.problems
            return
        if found:
            yield Problem(
                what="the build context is not what the Dockerfile copies",
                where=Location(file=str(path)),
                why="missing files cannot be copied, and extra files rebuild the image needlessly",
                remedy=WRITE,
                detail=found,
            )

    def _problem(self, instruction: Instruction, *, what: str, why: str, remedy: str) -> Problem:
        where = Location(file=str(self.dockerfile.path), line=instruction.line, column=1)
        return Problem(what=what, where=where, why=why, remedy=remedy)
