"""Volumes that come by another way than the pod's own spec."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..examples import Example
from ..registry import ALWAYS, Scope, Severity, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..objects import Object
    from ..tree import Remark


@rule(
    "POD-03V",
    "disallow-host-path-persistent-volumes",
    summary="No PersistentVolume is a folder of the node.",
    why="a claim then gives a pod the node's files, past every rule on the pod itself",
    fix="use a CSI driver, or a local volume of its own disk with node affinity",
    scope=Scope.OBJECT,
    kinds=frozenset({"PersistentVolume"}),
    levels=ALWAYS,
    severity=Severity.CRITICAL,
    standards=("CIS 5.2.11",),
    example=Example(target="PersistentVolume/archive", path="spec.hostPath", value={"path": "/var/lib"}),
)
def disallow_host_path_volumes(volume: Object) -> Iterator[Remark]:
    """Ask for no hostPath, an empty one included."""
    node = volume.spec["hostPath"]
    if node.present:
        yield (node["path"] if node["path"].present else node).remark("must not be there")
