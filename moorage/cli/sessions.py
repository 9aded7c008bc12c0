"""The session of a stack: the environment in which everything that a command starts runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moorage.config.loader import load_target
from moorage.engine.session import Session
from moorage.platform.layout import Layout

if TYPE_CHECKING:
    from pathlib import Path

    from moorage.config.project import Project


def session_of(root: Path, stack: str) -> Session:
    """Return the session of a stack of which only the settings need to be right.

    Raises `MoorageError` where they are not, or where a port in the environment is none.
    """
    return Session(root=Layout.of(root).root, stack=stack, target=load_target(root, stack))


def session_for(project: Project) -> Session:
    """Return the session of a stack that has been loaded."""
    return Session(root=project.program, stack=project.stack_name, target=project.target)
