"""How much of a uv workspace's uv.lock a Dockerfile uses."""

from __future__ import annotations

import itertools
import re
import shlex
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal

from moorage.build.ignorefile import has_wildcards
from moorage.build.installs import command_of
from moorage.build.stages import CONTEXT

if TYPE_CHECKING:
    from moorage.build.dockerfile import Instruction
    from moorage.build.stages import Dockerfile, Input, Stage

LOCK = "uv.lock"
MANIFEST = "pyproject.toml"
_SHELL = re.compile(r"[;&|<>$`()\n]")
_OTHER_GROUPS = ("--group", "--only-group", "--all-groups", "--all-packages", "--script", "--only-dev")


@dataclass(frozen=True, kw_only=True)
class UvUse:
    """A stage that turns uv.lock into the list of one package's requirements, and gives nothing else to other stages."""

    package: str
    left_out: Literal["", "dev", "all"]
    """Which of the package's dependency groups are not in the list, even where they are default ones."""


def uv_use(dockerfile: Dockerfile, target: str) -> UvUse | None:
    """Return how the build of ``target`` uses the workspace's uv.lock; None where all of the file counts.

    A part of the file is enough where only one stage copies it, by name, and runs nothing but one ``uv export --frozen
    --package NAME`` to a file, and where that file is all that others take from the stage.
    """
    users = [stage for stage in dockerfile.stages if any(_is_shared(item) for item in stage.inputs)]
    built = dockerfile.built(target)
    if len(users) != 1 or built is None or not dockerfile.origins_are_clear:
        return None
    user, exported = users[0], _export(users[0])
    heirs = [stage for stage in dockerfile.stages if any(part is user for part in dockerfile.chain(stage))]
    if exported is None or built is user or len(heirs) > 1:
        return None
    use, output = exported
    taken = [item for item in dockerfile.inputs() if item.origin != CONTEXT and dockerfile.stage(item.origin) is user]
    return use if all(f"/{item.path}" == output for item in taken) else None


def _is_shared(item: Input) -> bool:
    """Return whether the lock file, or the pyproject.toml beside it, is among what is taken."""
    names = (LOCK, MANIFEST)
    return item.origin == CONTEXT and (item.path == "." or any(fnmatchcase(name, item.path) for name in names))


def _export(stage: Stage) -> tuple[UvUse, str] | None:
    """Return what a stage exports of the lock file and to where; None where it does anything else."""
    if any(item.origin == CONTEXT and (item.path == "." or has_wildcards(item.path)) for item in stage.inputs):
        return None
    runs = [step for step in stage.instructions if step.keyword == "RUN"]
    others = {step.keyword for step in stage.instructions} - {"COPY", "LABEL", "RUN", "WORKDIR"}
    return _export_command(runs[0]) if len(runs) == 1 and not others else None


def _export_command(run: Instruction) -> tuple[UvUse, str] | None:
    command = command_of(run)
    if _SHELL.search(command):
        return None
    try:
        words = shlex.split(command)
    except ValueError:
        return None
    if words[:2] != ["uv", "export"] or "--frozen" not in words or any(word in words for word in _OTHER_GROUPS):
        return None
    package, output = _option(words, "--package"), _option(words, "--output-file", "-o")
    if not package or not output.startswith("/"):
        return None
    left_out: Literal["", "dev", "all"] = "dev" if "--no-dev" in words else ""
    return UvUse(package=package, left_out="all" if "--no-default-groups" in words else left_out), output


def _option(words: list[str], *names: str) -> str:
    values = [value for word, value in itertools.pairwise(words) if word in names]
    values += [word.partition("=")[2] for word in words if word.partition("=")[0] in names and "=" in word]
    return values[0] if len(values) == 1 else ""
