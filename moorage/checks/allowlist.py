"""The ``Dockerfile.dockerignore`` that a Dockerfile asks for: nothing but what it copies."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from moorage.build.ignorefile import has_wildcards
from moorage.build.stages import CONTEXT

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from moorage.build.ignorefile import IgnoreFile
    from moorage.build.stages import Dockerfile, Input
    from moorage.config.graph import Node
    from moorage.config.repository import Repository
    from moorage.config.service import Build

HEADER = "# The Dockerfile's inputs and nothing else: `moorage graph --write` makes this file."
_LEFT_OVER = {"pyproject.toml": "**/__pycache__", "package.json": "**/node_modules"}
"""What development leaves in folders with such a manifest."""
_GLOB = re.compile(r"\*\*/|\*\*|\*|\?|\[\^?[^\]]+\]|\\.|.", re.DOTALL)


def ignore_path(root: Path, node: Node, build: Build) -> Path:
    """Return the path of a node's ignore file."""
    dockerfile = root / node.folder / build.dockerfile
    return dockerfile.with_name(f"{dockerfile.name}.dockerignore")


def context_inputs(dockerfiles: Iterable[Dockerfile]) -> tuple[Input, ...]:
    """Return what a Dockerfile takes of the build context, on any of the platforms that it was read for, each once."""
    found = {
        (taken.path, taken.line): taken
        for dockerfile in dockerfiles
        for taken in dockerfile.inputs()
        if taken.origin == CONTEXT
    }
    return tuple(found.values())


def takes(taken: Input, file: str) -> bool:
    """Return whether a file of the context is among what an instruction takes, as BuildKit matches wildcards."""
    if not has_wildcards(taken.path):
        return file == taken.path or file.startswith(f"{taken.path}/")
    deep = taken.instruction.flag("parents") not in {None, "false"}
    parts = (_expression(part, deep=deep) for part in _GLOB.findall(taken.path))
    return re.fullmatch(f"{''.join(parts)}(?:/.*)?", file, re.DOTALL) is not None


def _expression(part: str, *, deep: bool) -> str:
    """Return the expression of a part of a pattern; only with ``--parents`` two stars stand for folders."""
    if part.startswith("**"):
        return ("(?:.*/)?" if part.endswith("/") else ".*") if deep else "[^/]*" + part[2:]
    if part in {"*", "?"}:
        return "[^/]*" if part == "*" else "[^/]"
    if part.startswith("[") and len(part) > 1:
        return part
    return re.escape(part[1:] if part.startswith("\\") and len(part) > 1 else part)


def allow_list_patterns(repository: Repository, dockerfiles: Sequence[Dockerfile]) -> tuple[str, ...]:
    """Return the patterns of the allow-list, in order."""
    root = repository.top
    taken = {item.path for item in context_inputs(dockerfiles)}
    paths = sorted(path for path in taken if not any(path.startswith(f"{other}/") for other in taken))
    owners = {repository.owner_of(path) for path in paths if (root / path).is_dir()}
    left_over = {
        pattern
        for manifest, pattern in _LEFT_OVER.items()
        if any(owner and (root / owner.folder / manifest).exists() for owner in owners)
    }
    return ("*", *(f"!{path}" for path in paths), *sorted(left_over))


def allow_list_text(repository: Repository, dockerfiles: Sequence[Dockerfile]) -> str:
    """Return the file's content."""
    return "\n".join([HEADER, *allow_list_patterns(repository, dockerfiles)]) + "\n"


def differences(ignore: IgnoreFile, wanted: tuple[str, ...]) -> tuple[str, ...]:
    """Return how an ignore file differs from what is wanted, as lines with ``+`` (missing) and ``-`` (too much).

    Comments do not count, and neither does the order of the exceptions, nor that of the patterns after them.
    """
    found = [f"{'!' if pattern.exception else ''}{pattern.text}" for pattern in ignore.patterns]
    missing = [f"+ {pattern}" for pattern in wanted if pattern not in found]
    surplus = [f"- {pattern}" for pattern in found if pattern not in wanted]
    exceptions = [pattern.exception for pattern in ignore.patterns]
    if not missing and not surplus and (found[:1] != ["*"] or exceptions[1:] != sorted(exceptions[1:], reverse=True)):
        return ("the order: * first, then the lines with !, then the rest",)
    return (*missing, *surplus)
