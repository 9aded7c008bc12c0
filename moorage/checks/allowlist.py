"""The ``Dockerfile.dockerignore`` that a Dockerfile asks for: nothing but what it copies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moorage.build.stages import CONTEXT
from moorage.checks.imports import owner_of

if TYPE_CHECKING:
    from pathlib import Path

    from moorage.build.ignorefile import IgnoreFile
    from moorage.build.stages import Dockerfile

HEADER = "# The Dockerfile's inputs and nothing else: `moorage graph --write` makes this file."
_LEFT_OVER = {"pyproject.toml": "**/__pycache__", "package.json": "**/node_modules"}
"""What development leaves in folders with such a manifest."""


def input_paths(dockerfile: Dockerfile) -> tuple[str, ...]:
    """Return what a Dockerfile takes of the build context, sorted, without what lies in a folder that it takes."""
    paths = {taken.path for taken in dockerfile.inputs() if taken.origin == CONTEXT}
    return tuple(sorted(path for path in paths if not any(path.startswith(f"{other}/") for other in paths)))


def allow_list_patterns(root: Path, dockerfile: Dockerfile) -> tuple[str, ...]:
    """Return the patterns of the allow-list, in order."""
    paths = input_paths(dockerfile)
    owners = {owner_of(path) for path in paths if (root / path).is_dir()}
    left_over = {
        pattern
        for manifest, pattern in _LEFT_OVER.items()
        if any(owner and (root / str(owner) / manifest).exists() for owner in owners)
    }
    return ("*", *(f"!{path}" for path in paths), *sorted(left_over))


def allow_list_text(root: Path, dockerfile: Dockerfile) -> str:
    """Return the file's content."""
    return "\n".join([HEADER, *allow_list_patterns(root, dockerfile)]) + "\n"


def differences(ignore: IgnoreFile, wanted: tuple[str, ...]) -> tuple[str, ...]:
    """Return how an ignore file differs from what is wanted, as lines with ``+`` (missing) and ``-`` (too much).

    Comments do not count, and neither does the order of the exceptions, nor that of the patterns after them.
    """
    found = [f"{'!' if pattern.exception else ''}{pattern.text}" for pattern in ignore.patterns]
    missing = [f"+ {pattern}" for pattern in wanted if pattern not in found]
    surplus = [f"- {pattern}" for pattern in found if pattern not in wanted]
    exceptions = [pattern.exception for pattern in ignore.patterns]
    if not missing and not surplus and (found[:1] != ["*"] or exceptions[1:] != sorted(exceptions[1:], reverse=True)):
        return ("the order: first *, then what begins with !, then the rest",)
    return (*missing, *surplus)
