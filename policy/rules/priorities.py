"""What gives way when the cluster is full."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..examples import POD, REMOVE, Example
from ..objects import LONG_RUNNING
from ..registry import CHOSEN, Scope, Severity, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..objects import Pod
    from ..tree import Remark


@rule(
    "AVL-13",
    "prefer-priority-classes",
    summary="A workload that runs on says how important it is.",
    why="where nodes are full, pods of one priority wait for each other: a batch job can keep the database from starting",
    fix="set priorityClassName to a PriorityClass of the cluster",
    scope=Scope.POD,
    kinds=LONG_RUNNING,
    levels=CHOSEN,
    severity=Severity.LOW,
    standards=(),
    example=Example(path=f"{POD}.priorityClassName", value=REMOVE),
)
def prefer_priority_classes(pod: Pod) -> Iterator[Remark]:
    """Ask for the name of any class."""
    node = pod.spec["priorityClassName"]
    if not node.text():
        yield node.remark("should name a PriorityClass")
