"""What all ways to get a start wrong have in common: a folder, a drawn mistake, and what is said of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import strategies as st

from moorage.base.errors import MoorageError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hypothesis.strategies import SearchStrategy

Mistake = Callable[[st.DataObject, Path], Sequence[Problem]]
"""Makes one mistake, with details that it draws, in an empty folder, and returns what it was told."""

NOBODY = 65534


def refused(call: Callable[[], Any]) -> tuple[Problem, ...]:
    """Return what `call` complains of; it is an error where it does not."""
    with pytest.raises(MoorageError) as caught:
        call()
    return caught.value.problems


def words(least: int = 1, most: int = 12) -> SearchStrategy[str]:
    """Lower-case words."""
    return st.text("abcdefghijklmnopqrstuvwxyz", min_size=least, max_size=most)


def texts(least: int = 0, most: int = 30) -> SearchStrategy[str]:
    """Texts of all kinds that an environment, an argument or a log may hold, markup and control characters among them."""
    strange = st.sampled_from(
        ["[/red]", "[bold]", ":key:", "\\", "\x1b[31m", "\t", "\r", "²", "٣", "\u2028", "{x}", "%s"]
    )
    free = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=least, max_size=most)
    return free | st.builds(str.__add__, strange, free.map(lambda text: text[: most - 8]))


@contextmanager
def environment(folder: Path, **variables: str) -> Iterator[pytest.MonkeyPatch]:
    """Change variables, with an empty cache and home below `folder`; gives the means to change more, for as long."""
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ:
            if name.startswith(("MOORAGE_", "PULUMI_", "KUBE", "DOCKER_", "BUILDX_")) or name.lower().endswith(
                "_proxy"
            ):
                patch.delenv(name)
        for name, value in {"HOME": str(folder), "MOORAGE_CACHE": str(folder / "cache"), **variables}.items():
            patch.setenv(name, value)
        yield patch


@contextmanager
def as_nobody() -> Iterator[None]:
    """Run without root's rights."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
