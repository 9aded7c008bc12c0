"""What each live test needs of the machine, so that those of one lane run beside those of another.

Lanes are processes that run at the same time on one platform, see tests/support/parts.py. A test finds its lane by itself:

- ``on_dev``: it has the fixture ``dev``. All of these look at the one dev stack, and none edits it.
- ``alone``: it stops the platform, and so comes when all others are done.
- ``building``: it builds on a builder, and needs no stack; such modules are listed here.
- ``apart``: any other. It has a stack or a program of its own, mostly that of the fixture ``copy``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

ALONE = {"test_platform.py"}
BUILDING = {"test_build_context.py", "test_cache.py", "test_dockerfile_reading.py", "test_lint.py"}
LANES = ("on_dev", "apart", "building", "alone")


def lane_of(item: pytest.Item) -> str:
    """Return the lane of a live test."""
    if item.path.name in ALONE:
        return "alone"
    if "dev" in getattr(item, "fixturenames", ()):
        return "on_dev"
    return "building" if item.path.name in BUILDING else "apart"
