"""How much of an npm workspace's package-lock.json a Dockerfile uses."""

from __future__ import annotations

import posixpath
import re
import shlex
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from moorage.build.ignorefile import has_wildcards
from moorage.build.installs import command_of
from moorage.build.stages import CONTEXT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from moorage.build.dockerfile import Instruction
    from moorage.build.stages import Dockerfile, Input, Stage

LOCK = "package-lock.json"
MANIFEST = "package.json"
_WRAPPER = "with-ca"
"""Of the base images: runs a command that trusts the company's certificates."""
_BETWEEN = re.compile(r"&&|;|\n")
_SHELL = re.compile(r"[&|<>$`()]")
_READS_LOCK = re.compile(r"package-lock|\bnpm\s+(?!(?:run|run-script|test|exec|rebuild)\b)")
_ELSEWHERE = ("-C", "--prefix", "-g", "--global", "--location")
_SOME = ("-w", "--workspace", "--workspaces")
_ROOT_TOO = re.compile(r"-iwr|--include-w|--workspaces=false")
_ROOT_BY_SETTING = re.compile(r"npm_config_include|\.npmrc", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class NpmUse:
    """Stages that install packages of a workspace, and give neither its lock file nor its package.json to others."""

    root: bool
    """Whether what the workspace's own package.json names may be installed as well."""


class _UnclearError(Exception):
    """It cannot be told where files end up."""


def npm_use(dockerfile: Dockerfile, target: str) -> NpmUse | None:
    """Return how the build of ``target`` uses the workspace's package-lock.json; None where all of the file counts.

    A part of the file is enough where of npm's commands only ``npm ci`` reads it, and where it does not get into the
    image: a stage that copies it, or is FROM such a stage, is not what is built, and others take nothing of that stage
    in which the file is. Where it is only mounted, any stage will do.
    """
    try:
        holders = {stage.index: places for stage in dockerfile.stages if (places := _places(dockerfile, stage))}
    except _UnclearError:
        return None
    built = dockerfile.built(target)
    if built is None or built.index in holders or not dockerfile.origins_are_clear:
        return None
    taken = [item for item in dockerfile.inputs() if item.origin != CONTEXT]
    if any(_holds_files(dockerfile, item, holders) for item in taken):
        return None
    steps = [step for stage in dockerfile.stages if stage.index in holders for step in stage.instructions]
    steps += [item.instruction for item in dockerfile.inputs() if _is_shared(item)]
    installs = [_installs(step) for step in steps if step.keyword == "RUN"]
    roots = [root for found in installs for root in found or ()]
    if None in installs or not roots:
        return None
    by_setting = any(_ROOT_BY_SETTING.search(step.text) for step in dockerfile.instructions)
    return NpmUse(root=by_setting or any(roots))


def _is_shared(item: Input) -> bool:
    """Return whether the lock file, or the package.json beside it, is among what is taken."""
    names = (LOCK, MANIFEST)
    return item.origin == CONTEXT and (item.path == "." or any(fnmatchcase(name, item.path) for name in names))


def _places(dockerfile: Dockerfile, stage: Stage) -> set[str]:
    """Return where in a stage the two files may be; folders that they were copied to are among them."""
    folder, found = "", set[str]()
    for part in dockerfile.chain(stage):
        shared = {item.instruction.line for item in part.inputs if _is_shared(item)}
        for instruction in part.instructions:
            if instruction.keyword == "WORKDIR":
                folder = posixpath.join(folder, instruction.arguments.strip())
            elif instruction.keyword in {"ADD", "COPY"} and instruction.line in shared:
                place = posixpath.normpath(posixpath.join(folder, instruction.words[-1].strip("'\"")))
                if not place.startswith("/") or "$" in place:
                    raise _UnclearError
                found |= {place, posixpath.join(place, LOCK), posixpath.join(place, MANIFEST)}
    return found


def _holds_files(dockerfile: Dockerfile, item: Input, holders: Mapping[int, set[str]]) -> bool:
    """Return whether one of the two files may be in what is taken of another stage."""
    stage = dockerfile.stage(item.origin)
    if stage is None or stage.index not in holders:
        return False
    path = "" if item.path == "." else f"/{item.path}"
    return has_wildcards(path) or any(f"{place}/".startswith(f"{path}/") for place in holders[stage.index])


def _installs(run: Instruction) -> list[bool] | None:
    """Return for each ``npm ci`` of a step whether it installs for the workspace's root as well.

    None where another command of the step may read the lock file.
    """
    found = []
    for command in _BETWEEN.split(command_of(run)):
        words = _words(command)
        if words[:2] == ["npm", "ci"] and not _SHELL.search(command):
            if any(word.partition("=")[0] in _ELSEWHERE for word in words):
                return None
            some = any(word.partition("=")[0] in _SOME for word in words)
            found.append(not some or any(map(_ROOT_TOO.match, words)))
        elif _READS_LOCK.search(command):
            return None
    return found


def _words(command: str) -> list[str]:
    try:
        words = shlex.split(command)
    except ValueError:
        return []
    return words[1:] if words[:1] == [_WRAPPER] else words
