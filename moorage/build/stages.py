"""The stages of a Dockerfile: what each is built FROM, and what it takes from the build context and elsewhere."""

from __future__ import annotations

import functools
import os
import posixpath
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from moorage.base.errors import Location, MoorageError
from moorage.build.dockerfile import is_heredoc, read_dockerfile
from moorage.build.expansion import ExpansionError, expand

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from moorage.build.instructions import Instruction

_STAGE_NAME = re.compile(r"[a-z][a-z0-9_.-]*")
_REMOTE = re.compile(r"^(?:https?://|ftp://|git@|git://|ssh://|oci-layout://)")
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm/v7", "i686": "386", "riscv64": "riscv64"}
CONTEXT = ""
"""What an input is taken from: the build context."""


@dataclass(frozen=True, kw_only=True)
class Input:
    """Something that an instruction takes; a path of the build context, unless ``origin`` says another place."""

    path: str
    """Relative to its origin, without a leading slash; ``.`` for all of it; may hold wildcards."""
    origin: str
    """`CONTEXT`, or the name of a stage or an image."""
    instruction: Instruction

    @property
    def line(self) -> int:
        """Where it is written."""
        return self.instruction.line


@dataclass
class Stage:
    """One stage; ``base`` is an image, ``scratch``, or the name of an earlier stage."""

    index: int
    name: str
    """In lower case; empty where it has none."""
    written_base: str
    base: str
    """With variables replaced."""
    instruction: Instruction
    instructions: list[Instruction] = field(default_factory=list)
    inputs: list[Input] = field(default_factory=list)
    ports: list[str] = field(default_factory=list)
    """What EXPOSE names, without protocols, variables replaced."""


@dataclass(frozen=True)
class Dockerfile:
    """A Dockerfile with the values that its variables have for a build."""

    path: Path
    instructions: tuple[Instruction, ...]
    stages: tuple[Stage, ...]
    arguments: tuple[Instruction, ...]
    """The ARG instructions before the first stage."""

    def stage(self, name: str) -> Stage | None:
        """Return a stage by its name or number; the last of that name."""
        if name.isdigit():
            return self.stages[int(name)] if int(name) < len(self.stages) else None
        return next((stage for stage in reversed(self.stages) if stage.name == name.lower()), None)

    def built(self, target: str) -> Stage | None:
        """Return the stage that a build gives: the one of that name, or the last."""
        if not target:
            return self.stages[-1]
        return next((stage for stage in reversed(self.stages) if stage.name == target.lower()), None)

    @property
    def origins_are_clear(self) -> bool:
        """Whether all that is taken is written here, with the stage that it comes from."""
        return not any(step.keyword == "ONBUILD" for step in self.instructions)

    def inputs(self) -> Iterator[Input]:
        """Yield what all stages take."""
        for stage in self.stages:
            yield from stage.inputs

    def images(self) -> Iterator[tuple[str, Instruction]]:
        """Yield each image that a stage is built FROM or takes something from, with where that is written."""
        for stage in self.stages:
            earlier = {other.name for other in self.stages[: stage.index] if other.name}
            if stage.base.lower() not in earlier and stage.base != "scratch":
                yield stage.base, stage.instruction
            for taken in stage.inputs:
                origin = taken.origin
                number = origin.isdigit() and int(origin) < stage.index
                if origin != CONTEXT and not number and origin.lower() not in earlier:
                    yield origin, taken.instruction

    def chain(self, stage: Stage) -> list[Stage]:
        """Return a stage and the stages that it is built FROM, the first of them first."""
        chain = [stage]
        while True:
            earlier = [other for other in self.stages[: chain[0].index] if other.name == chain[0].base.lower()]
            if not earlier or not chain[0].base:
                return chain
            chain.insert(0, earlier[-1])


def load_dockerfile(path: Path, build_args: Mapping[str, str] | None = None, platform: str = "") -> Dockerfile:
    """Return a Dockerfile as it is built with ``build_args`` for a platform, that of this machine where none is given.

    Raises `MoorageError` for what BuildKit could not make sense of.
    """
    return staged(path, read_dockerfile(path), build_args or {}, platform)


def staged(
    path: Path, instructions: tuple[Instruction, ...], build_args: Mapping[str, str], platform: str = ""
) -> Dockerfile:
    """Put instructions into stages and replace their variables.

    Raises `MoorageError` where there is no stage, or BuildKit refuses an instruction.
    """
    stages: list[Stage] = []
    before: list[Instruction] = []
    outer = platform_args(platform) | {key: value for key, value in build_args.items() if key in platform_args("")}
    scopes: list[dict[str, str]] = []
    for instruction in instructions:
        if instruction.keyword == "FROM":
            stage = _stage(path, instruction, len(stages), outer)
            inherited = [scope for other, scope in zip(stages, scopes, strict=True) if other.name == stage.base.lower()]
            stages.append(stage)
            scopes.append(dict(inherited[-1]) if inherited and stage.base else {})
        elif not stages:
            if instruction.keyword != "ARG":
                raise _refused(path, instruction, "only ARG may stand before the first FROM")
            before.append(instruction)
            _define(path, instruction, outer, build_args, {})
        else:
            stages[-1].instructions.append(instruction)
            if instruction.keyword in {"ARG", "ENV"}:
                _define(path, instruction, scopes[-1], build_args, outer)
            elif instruction.keyword == "EXPOSE":
                words = (_expanded(path, instruction, word, scopes[-1]) for word in instruction.words)
                stages[-1].ports += [port.partition("/")[0] for word in words for port in word.split()]
            stages[-1].inputs += _inputs(path, instruction, scopes[-1])
    if not stages:
        raise MoorageError.of(
            f"{path.name} has no stage",
            where=Location(file=str(path)),
            why="no FROM says what the image is built on",
            remedy="begin it with FROM and an image",
        )
    return Dockerfile(path, instructions, tuple(stages), tuple(before))


def platform_args(platform: str) -> dict[str, str]:
    """Return the variables that BuildKit gives every build: ``linux/arm/v7`` is the platform that it is for.

    An empty platform is that of this machine, which stands for the builder's as well.
    """
    own = _own_platform()
    found: dict[str, str] = {}
    for prefix, text in (("BUILD", own), ("TARGET", platform or own)):
        system, architecture, variant = (*text.split("/"), "", "")[:3]
        found |= {f"{prefix}PLATFORM": text, f"{prefix}OS": system, f"{prefix}ARCH": architecture}
        found |= {f"{prefix}VARIANT": variant, f"{prefix}OSVERSION": ""}
    return found


@functools.cache
def _own_platform() -> str:
    machine = os.uname().machine
    return f"linux/{_MACHINES.get(machine, machine)}"


def _stage(path: Path, instruction: Instruction, index: int, variables: Mapping[str, str]) -> Stage:
    words = instruction.words
    if len(words) != 1 and (len(words) != 3 or words[1].lower() != "as"):
        raise _refused(path, instruction, "FROM takes an image, or an image, AS and a name")
    name = words[2].lower() if len(words) == 3 else ""
    if name and not _STAGE_NAME.fullmatch(name):
        raise _refused(path, instruction, "a stage's name begins with a letter, and has letters, digits and -_. in it")
    base = _expanded(path, instruction, words[0], variables)
    if not base:
        raise _refused(path, instruction, f"{words[0]} has no value: give it one with ARG before the first FROM")
    return Stage(index=index, name=name, written_base=words[0], base=base, instruction=instruction)


def _expanded(path: Path, instruction: Instruction, text: str, variables: Mapping[str, str]) -> str:
    try:
        return expand(text, variables, instruction.escape)
    except ExpansionError as error:
        raise _refused(path, instruction, str(error)) from None


def _refused(path: Path, instruction: Instruction, why: str) -> MoorageError:
    return MoorageError.of(
        f"BuildKit does not understand this {instruction.keyword}",
        where=Location(file=str(path), line=instruction.line, column=1),
        why=why,
        remedy="correct it: https://docs.docker.com/reference/dockerfile/",
    )


def _define(
    path: Path, instruction: Instruction, scope: dict[str, str], given: Mapping[str, str], outer: Mapping[str, str]
) -> None:
    """Add the variables of an ARG, each of which knows those before it, or of an ENV, which know those of earlier steps."""
    before = scope if instruction.keyword == "ARG" else dict(scope)
    for name, value in instruction.written_pairs:
        if instruction.keyword == "ARG" and name in given:
            scope[name] = given[name]
        elif value is not None:
            scope[name] = _expanded(path, instruction, value, before)
        elif name in outer:
            scope[name] = outer[name]


def _inputs(path: Path, instruction: Instruction, variables: Mapping[str, str]) -> Iterator[Input]:
    if instruction.keyword in {"ADD", "COPY"}:
        if len(instruction.words) < 2:
            raise _refused(path, instruction, f"{instruction.keyword} takes at least one source, and where it goes")
        origin = _origin(path, instruction, instruction.flag("from") or CONTEXT)
        for word in instruction.words[:-1]:
            if not is_heredoc(word):
                source = _expanded(path, instruction, word, variables)
                if not _REMOTE.match(source):
                    yield Input(path=_cleaned(source), origin=origin, instruction=instruction)
    elif instruction.keyword == "RUN":
        yield from _mounted(path, instruction, variables)


def _mounted(path: Path, instruction: Instruction, variables: Mapping[str, str]) -> Iterator[Input]:
    for mount in instruction.flag_values("mount"):
        options = mount_options(mount)
        origin = _origin(path, instruction, options.get("from", CONTEXT))
        if options.get("type", "bind") == "bind":
            source = _expanded(path, instruction, options.get("source", options.get("src", "")), variables)
            yield Input(path=_cleaned(source), origin=origin, instruction=instruction)
        elif "from" in options:
            yield Input(path=".", origin=origin, instruction=instruction)


def _origin(path: Path, instruction: Instruction, text: str) -> str:
    if "$" in text[:-1]:
        raise _refused(path, instruction, "from takes no variables: give the image a stage of its own, FROM … AS name")
    return text


def mount_options(mount: str) -> dict[str, str]:
    """Return the ``key=value`` parts of a ``--mount``."""
    return {key: value for key, _, value in (part.partition("=") for part in mount.strip("'\"").split(","))}


def mounted_secrets(instructions: Iterable[Instruction]) -> frozenset[str]:
    """Return the ids of the BuildKit secrets that are mounted, here or in what is built on it."""
    found = set()
    for instruction in instructions:
        keyword, _, rest = instruction.text.partition(" ")
        on_build = instruction.keyword == "ONBUILD" and keyword.upper() == "RUN"
        run = replace(instruction, text=rest) if on_build else instruction
        for mount in run.flag_values("mount"):
            options = mount_options(mount)
            if options.get("type") == "secret":
                named = (options.get(key) for key in ("id", "source", "src"))
                target = next((options[key] for key in ("target", "dst", "destination") if key in options), "")
                found.add(next(filter(None, named), posixpath.basename(target)))
    return frozenset(found)


def _cleaned(path: str) -> str:
    # /./ marks what --parents keeps, and changes nothing about which file is meant.
    return posixpath.normpath(f"/{path}").lstrip("/") or "."
