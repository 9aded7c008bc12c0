"""The stages of a Dockerfile: what each is built FROM, and what it takes from the build context and elsewhere."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from moorage.build.dockerfile import is_heredoc, read_dockerfile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from moorage.build.dockerfile import Instruction

_VARIABLE = re.compile(r"\\(.)|\$(?:(\w+)|\{(\w+)(?:(:?[-+?])([^{}]*(?:\{[^{}]*\}[^{}]*)*))?\})")
_REMOTE = re.compile(r"^(?:https?://|ftp://|git@|git://|ssh://|oci-layout://)")
_UNCLEAR = re.compile(r"\bfrom=[^,]*\$")
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
        return self.stage(target) if target else self.stages[-1] if self.stages else None

    @property
    def origins_are_clear(self) -> bool:
        """Whether all that is taken is written here, with the stage that it comes from."""
        unclear = (
            step.keyword == "ONBUILD" or any(_UNCLEAR.search(flag) for flag in step.flags) for step in self.instructions
        )
        return not any(unclear)

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


def load_dockerfile(path: Path, build_args: Mapping[str, str] | None = None) -> Dockerfile:
    """Return a Dockerfile as it is built with ``build_args``.

    Raises `MoorageError` for what BuildKit could not make sense of.
    """
    return staged(path, read_dockerfile(path), build_args or {})


def staged(path: Path, instructions: tuple[Instruction, ...], build_args: Mapping[str, str]) -> Dockerfile:
    """Put instructions into stages and replace their variables."""
    stages: list[Stage] = []
    before: list[Instruction] = []
    outer: dict[str, str] = {}
    scopes: list[dict[str, str]] = []
    for instruction in instructions:
        if instruction.keyword == "FROM":
            stage = _stage(instruction, len(stages), outer)
            inherited = [scope for other, scope in zip(stages, scopes, strict=True) if other.name == stage.base.lower()]
            stages.append(stage)
            scopes.append(dict(inherited[-1]) if inherited and stage.base else {})
        elif not stages:
            if instruction.keyword == "ARG":
                before.append(instruction)
                _define(instruction, outer, build_args, {})
        else:
            stages[-1].instructions.append(instruction)
            if instruction.keyword in {"ARG", "ENV"}:
                _define(instruction, scopes[-1], build_args if instruction.keyword == "ARG" else {}, outer)
            stages[-1].inputs += _inputs(instruction, scopes[-1])
    return Dockerfile(path, instructions, tuple(stages), tuple(before))


def _stage(instruction: Instruction, index: int, variables: Mapping[str, str]) -> Stage:
    words = instruction.words or ("",)
    name = words[2].lower() if len(words) >= 3 and words[1].lower() == "as" else ""
    base = expand(words[0], variables)
    return Stage(index=index, name=name, written_base=words[0], base=base, instruction=instruction)


def _define(
    instruction: Instruction, scope: dict[str, str], given: Mapping[str, str], outer: Mapping[str, str]
) -> None:
    found = {}
    for name, value in instruction.pairs:
        if name in given:
            found[name] = given[name]
        elif value is not None:
            found[name] = expand(value, scope)
        elif name in outer:
            found[name] = outer[name]
    scope |= found


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Return a text with its variables replaced; one that is not set is empty."""

    def value(match: re.Match[str]) -> str:
        if match[1]:
            return match[1]
        name, rule, word = match[2] or match[3], match[4] or "", match[5] or ""
        found = variables.get(name)
        there = bool(found) if rule.startswith(":") else found is not None
        if rule.endswith("-"):
            return (found or "") if there else expand(word, variables)
        if rule.endswith("+"):
            return expand(word, variables) if there else ""
        return found or ""

    return _VARIABLE.sub(value, text)


def _inputs(instruction: Instruction, variables: Mapping[str, str]) -> Iterator[Input]:
    if instruction.keyword in {"ADD", "COPY"}:
        origin = expand(instruction.flag("from") or CONTEXT, variables)
        for word in instruction.words[:-1]:
            if not is_heredoc(word):
                path = expand(word.strip("'\""), variables)
                if not _REMOTE.match(path):
                    yield Input(path=_cleaned(path), origin=origin, instruction=instruction)
    elif instruction.keyword == "RUN":
        for mount in instruction.flag_values("mount"):
            options = mount_options(mount)
            if options.get("type", "bind") == "bind":
                origin = expand(options.get("from", CONTEXT), variables)
                path = expand(options.get("source", options.get("src", "")), variables)
                yield Input(path=_cleaned(path), origin=origin, instruction=instruction)
            elif "from" in options:
                origin = expand(options["from"], variables)
                yield Input(path=".", origin=origin, instruction=instruction)


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
