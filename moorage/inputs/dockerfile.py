"""What a Dockerfile tells about its inputs: the secrets that it mounts, and how much of uv.lock it uses."""

from __future__ import annotations

import itertools
import re
import shlex
from dataclasses import dataclass
from typing import Literal

LOCK = "uv.lock"
PROJECT = "pyproject.toml"
_SHARED = (LOCK, PROJECT)
_SECRET_MOUNT = re.compile(r"--mount=(\S*\btype=secret\b\S*)")
_MOUNT_ID = re.compile(r"(?:^|,)(?:id|source|src)=([^,]+)")
_CONTINUED = re.compile(r"\\[ \t]*$")
_DIRECTIVE = re.compile(r"#\s*(?:escape|syntax)\s*=", re.IGNORECASE)
_SHELL = re.compile(r"[;&|<>$`()\n]")
_OTHER_GROUPS = ("--group", "--only-group", "--all-groups", "--all-packages", "--script", "--only-dev")


@dataclass(frozen=True, kw_only=True)
class LockUse:
    """A stage that turns uv.lock into the list of one package's requirements, and gives nothing else to other stages."""

    package: str
    left_out: Literal["", "dev", "all"]
    """Which of the package's dependency groups are not in the list, even where they are default ones."""


def mounted_secrets(dockerfile: str) -> frozenset[str]:
    """Return the ids of the BuildKit secrets that a Dockerfile mounts."""
    mounts = _SECRET_MOUNT.findall(dockerfile)
    return frozenset(match[1] for mount in mounts if (match := _MOUNT_ID.search(mount)))


def lock_use(dockerfile: str, target: str) -> LockUse | None:
    """Return how the build of ``target`` uses the workspace's uv.lock; None where all of the file counts.

    A part of the file is enough where only one stage copies it, by name, and runs nothing but one ``uv export --frozen
    --package NAME`` to a file, and where that file is all that others take from the stage.
    """
    stages = _stages(dockerfile)
    if stages is None:
        return None
    users = [stage for stage in stages if any(_may_take_lock(step) for step in stage.steps)]
    if len(users) != 1 or not users[0].name or users[0].name == target.lower() or users[0] is stages[-1]:
        return None
    user = users[0]
    if re.search(rf"^\s*ARG\s.*={re.escape(user.name)}\b", dockerfile, re.IGNORECASE | re.MULTILINE):
        return None
    exported = _export(user)
    if exported is None:
        return None
    use, output = exported
    others = [stage for stage in stages if stage is not user]
    return use if all(_takes_only(stage, user.name, output) for stage in others) else None


@dataclass(frozen=True)
class _Stage:
    name: str
    base: str
    steps: list[tuple[str, list[str]]]


def _stages(dockerfile: str) -> list[_Stage] | None:
    """Return the stages and their instructions' words; None for what this reader does not understand."""
    stages: list[_Stage] = []
    for line in _instructions(dockerfile):
        name, _, rest = line.partition(" ")
        if _DIRECTIVE.match(line) or "<<" in line:
            return None
        name = name.upper()
        try:
            words = shlex.split(rest) if name in {"COPY", "ADD", "FROM"} else [rest]
        except ValueError:
            return None
        if name == "FROM":
            words = [word for word in words if not word.startswith("--")]
            named = len(words) == 3 and words[1].upper() == "AS"
            stages.append(_Stage(words[2].lower() if named else "", words[0].lower(), []))
        elif name == "ONBUILD":
            return None
        elif stages:
            stages[-1].steps.append((name, words))
    return stages or None


def _instructions(dockerfile: str) -> list[str]:
    found, waiting = [], ""
    for raw in dockerfile.splitlines():
        line = raw.strip()
        if line.startswith("#"):
            if not waiting and _DIRECTIVE.match(line):
                found.append(line)
            continue
        if not line and not waiting:
            continue
        if _CONTINUED.search(line):
            waiting += _CONTINUED.sub(" ", line)
            continue
        if waiting + line:
            found.append((waiting + line).strip())
        waiting = ""
    return [*found, waiting.strip()] if waiting.strip() else found


def _may_take_lock(step: tuple[str, list[str]]) -> bool:
    """Return whether an instruction could read a workspace file of the build context."""
    name, words = step
    if name in {"COPY", "ADD"}:
        if any(word.startswith("--from=") for word in words):
            return False
        sources = [word.strip("/").removeprefix("./") for word in words if not word.startswith("--")][:-1]
        return any(source in {*_SHARED, "", "."} or re.search(r"[*?\[$]|,", source) for source in sources)
    return name == "RUN" and "type=bind" in words[0] and "from=" not in words[0]


def _export(stage: _Stage) -> tuple[LockUse, str] | None:
    """Return what a stage exports of the lock file and to where; None where it does anything else."""
    found = None
    for name, words in stage.steps:
        if name == "COPY" and not any(word.startswith("--from=") for word in words):
            sources = [word.strip("/").removeprefix("./") for word in words if not word.startswith("--")][:-1]
            if any(re.search(r"[*?\[$]|,", source) or source in {"", "."} for source in sources):
                return None
        elif name == "RUN":
            if found is not None:
                return None
            found = _export_command(words[0])
            if found is None:
                return None
        elif name not in {"WORKDIR", "LABEL"}:
            return None
    return found


def _export_command(command: str) -> tuple[LockUse, str] | None:
    if _SHELL.search(command):
        return None
    words = shlex.split(command)
    if words[:2] != ["uv", "export"] or "--frozen" not in words or any(word in words for word in _OTHER_GROUPS):
        return None
    package, output = _option(words, "--package"), _option(words, "--output-file", "-o")
    if not package or not output or not output.startswith("/"):
        return None
    left_out: Literal["", "dev", "all"] = "dev" if "--no-dev" in words else ""
    return LockUse(package=package, left_out="all" if "--no-default-groups" in words else left_out), output


def _option(words: list[str], *names: str) -> str:
    values = [value for word, value in itertools.pairwise(words) if word in names]
    values += [word.partition("=")[2] for word in words if word.partition("=")[0] in names and "=" in word]
    return values[0] if len(values) == 1 else ""


def _takes_only(stage: _Stage, user: str, path: str) -> bool:
    """Return whether a stage takes nothing of another but one file."""
    if stage.base == user:
        return False
    for name, words in stage.steps:
        if name == "RUN" and f"from={user}" in words[0].lower():
            return False
        if name not in {"COPY", "ADD"}:
            continue
        source = next((word[len("--from=") :].lower() for word in words if word.startswith("--from=")), "")
        if source.isdecimal() or "$" in source:
            return False
        if source == user and [word for word in words if not word.startswith("--")][:-1] != [path]:
            return False
    return True
