"""What a drawing of the graph shows, whatever its form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from moorage.config.graph import BUILD, Kind, Node

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from moorage.config.graph import Graph


@dataclass(frozen=True)
class Box:
    """One thing: a base image, a library, a service, or the Kubernetes objects of a part of the stack."""

    id: str
    """``apps/backend``; ``stack/backend`` for objects."""
    kind: str
    """``images``, ``libs``, ``apps`` or ``stack``."""
    name: str
    objects: tuple[str, ...] = ()
    """Kinds of Kubernetes objects, in alphabetical order."""
    changed: bool = False
    """It would be built, or rolled, anew."""


@dataclass(frozen=True)
class Line:
    """``source`` depends on ``target``: both ids of boxes."""

    source: str
    target: str
    label: str
    """``base``, ``lib``, ``need``, ``route``, or ``image`` from a workload to what it runs."""


@dataclass(frozen=True)
class Picture:
    """Boxes in a meaningful order, and lines between them."""

    title: str
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]

    def box(self, name: str) -> Box:
        """Return a box by its id."""
        return next(box for box in self.boxes if box.id == name)

    def below(self, name: str) -> tuple[Line, ...]:
        """Return the lines from a box to what it depends on."""
        return tuple(line for line in self.lines if line.source == name)

    def tops(self) -> tuple[Box, ...]:
        """Return the boxes that nothing depends on."""
        targets = {line.target for line in self.lines}
        return tuple(box for box in self.boxes if box.id not in targets)


def picture_of(
    graph: Graph,
    title: str,
    changed: frozenset[Node] = frozenset(),
    objects: Mapping[str, Sequence[str]] | None = None,
    links: Sequence[Line] = (),
) -> Picture:
    """Return the picture of a graph, with ``changed`` marked: what would be rebuilt, and the libraries that it is for.

    ``objects`` are the kinds of Kubernetes objects of each part of a stack (``backend``, ``postgres``, ``ingress``), to
    be shown as boxes of their own, and ``links`` the lines between these, which say what waits for what.
    """
    boxes = [Box(str(node), node.kind.value, node.name, changed=node in changed) for node in graph.nodes]
    edges = graph.edges if objects is None else [edge for edge in graph.edges if edge.via in BUILD]
    lines = [Line(str(edge.source), str(edge.target), edge.via.value) for edge in edges]
    for name, kinds in (objects or {}).items():
        node = _runs(graph, name)
        boxes.append(Box(f"stack/{name}", "stack", name, tuple(sorted(kinds)), changed=node in changed))
        if node:
            lines.append(Line(f"stack/{name}", str(node), "image"))
    known = {box.id for box in boxes}
    lines += [line for line in links if {line.source, line.target} <= known]
    return Picture(title, tuple(boxes), tuple(lines))


def _runs(graph: Graph, name: str) -> Node | None:
    """Return the node whose image a part of the stack runs."""
    return next((node for kind in (Kind.service, Kind.image) if (node := Node(kind, name)) in graph.nodes), None)
