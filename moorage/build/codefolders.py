"""Which folders of the repository an image holds as they are, and where: what can be copied into a running container."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING

from moorage.build.contexts import is_left_out
from moorage.build.ignorefile import read_ignore_file
from moorage.build.stages import CONTEXT, load_dockerfile
from moorage.config.service import image_build_arg

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from moorage.build.ignorefile import IgnoreFile
    from moorage.build.stages import Dockerfile, Stage
    from moorage.config.project import Project

_CHANGING = frozenset({"RUN"})
"""Instructions that may make something of what was copied before them: a copy into the container would lack that."""


@dataclass(frozen=True, kw_only=True)
class CodeFolder:
    """A folder that a stage copies whole."""

    source: str
    """Relative to the repository's root."""
    target: str
    """In the container."""
    line: int
    """Of the Dockerfile."""


@dataclass(frozen=True, kw_only=True)
class Code:
    """What of one service can be copied into its running containers."""

    folders: tuple[CodeFolder, ...]
    mounts: tuple[str, ...]
    """Folders of the container that hold it; none lies below another."""
    ignore: IgnoreFile

    def place(self, path: str) -> tuple[int, str] | None:
        """Return the mount, by number, and the path below it of a path of the repository; None where there is none."""
        # What is copied later covers what came before.
        for folder in reversed(self.folders):
            if path == folder.source or path.startswith(f"{folder.source}/"):
                target = posixpath.normpath(posixpath.join(folder.target, path[len(folder.source) + 1 :]))
                for number, mount in enumerate(self.mounts):
                    if target.startswith(f"{mount}/"):
                        return None if is_left_out(path, self.ignore) else (number, target[len(mount) + 1 :])
        return None

    def source_of(self, target: str) -> str | None:
        """Return the path of the repository that is copied to a path of the container; None where none is."""
        for folder in reversed(self.folders):
            if target == folder.target or target.startswith(f"{folder.target}/"):
                return posixpath.normpath(posixpath.join(folder.source, target[len(folder.target) + 1 :]))
        return None


def has_stage(project: Project, name: str, target: str) -> bool:
    """Return whether a service's Dockerfile has a stage."""
    return _dockerfile(project, name).built(target) is not None


def code_of(project: Project, name: str, target: str) -> Code:
    """Return what of a service's stage can be copied into its running containers: the folders that it copies whole.

    Single files, and what a RUN comes after, are not among them. Raises `MoorageError` where the Dockerfile or its
    ignore file cannot be read.
    """
    dockerfile = _dockerfile(project, name)
    stage = dockerfile.built(target)
    found = list(_folders(project.root, dockerfile, stage)) if stage else []
    targets = sorted({folder.target for folder in found})
    mounts = [one for one in targets if not any(one.startswith(f"{other}/") for other in targets)]
    ignore = read_ignore_file(dockerfile.path.with_name(f"{dockerfile.path.name}.dockerignore"))
    return Code(folders=tuple(found), mounts=tuple(mounts), ignore=ignore)


def _dockerfile(project: Project, name: str) -> Dockerfile:
    build = project.services[name].build
    images = {image_build_arg(base): f"base-{base}" for base in project.base_images}
    return load_dockerfile(project.service_folder(name) / build.dockerfile, build.args | images)


def _folders(root: Path, dockerfile: Dockerfile, stage: Stage) -> Iterator[CodeFolder]:
    """Yield the folders that a stage, and those that it is built FROM, copy after their last RUN."""
    workdir = "/"
    found: list[CodeFolder] = []
    for part in dockerfile.chain(stage):
        for instruction in part.instructions:
            if instruction.keyword == "WORKDIR":
                workdir = posixpath.join(workdir, instruction.words[0])
            elif instruction.keyword in _CHANGING:
                found.clear()
            elif instruction.keyword == "COPY" and not instruction.flag_values("exclude"):
                taken = [item for item in part.inputs if item.instruction is instruction and item.origin == CONTEXT]
                target = instruction.words[-1]
                if "$" in target or instruction.flag("parents") is not None:
                    continue
                place = posixpath.normpath(posixpath.join(workdir, target))
                found += [
                    CodeFolder(source=item.path, target=place, line=item.line)
                    for item in taken
                    if (root / item.path).is_dir() and place != "/" and item.path != "."
                ]
    yield from found
