"""A drawing of the graph: what it shows, and its forms as a tree for the terminal, as mermaid and as JSON."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.tree import Tree

from moorage.config.graph import BUILD, Kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from moorage.config.graph import Graph, Node


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
    """It would be rebuilt, or rolled."""


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
    return graph.node(Kind.service, name) or graph.node(Kind.image, name)


_STYLE = {"images": "cyan", "libs": "magenta", "apps": "bold", "stack": "blue"}
_SHAPE = {"images": ('[("', '")]'), "libs": ('[["', '"]]'), "apps": ('["', '"]'), "stack": ('{{"', '"}}')}
CHANGED = "would be rebuilt"


def tree(picture: Picture) -> Tree:
    """Return what nothing depends on, and below each what it depends on."""
    top = Tree(escape(picture.title), guide_style="dim")
    for box in picture.tops():
        _grow(picture, top.add(_label(box)), box)
    return top


def _grow(picture: Picture, branch: Tree, box: Box) -> None:
    for line in picture.below(box.id):
        target = picture.box(line.target)
        words = {"need": "[dim]needs[/] ", "route": "[dim]routes to[/] ", "image": "[dim]runs[/] "}.get(line.label, "")
        _grow(picture, branch.add(words + _label(target)), target)


def _label(box: Box) -> str:
    kinds = f" [dim]{escape(', '.join(box.objects))}[/]" if box.objects else ""
    mark = f" [yellow]● {CHANGED}[/]" if box.changed else ""
    return f"[{_STYLE[box.kind]}]{escape(box.id)}[/]{kinds}{mark}"


def mermaid(picture: Picture) -> str:
    """Return a mermaid flowchart; arrows lead from what is needed to what needs it."""
    lines = ["flowchart LR"]
    for box in picture.boxes:
        before, after = _SHAPE[box.kind]
        kinds = f"<br/>{', '.join(box.objects)}" if box.objects else ""
        lines.append(f"  {_id(box.id)}{before}{box.id}{kinds}{after}{':::changed' if box.changed else ''}")
    for line in picture.lines:
        arrow = {"need": "-. needs .->", "route": "-. route .->"}.get(line.label, "-->")
        lines.append(f"  {_id(line.target)} {arrow} {_id(line.source)}")
    lines.append("  classDef changed stroke:#d97706,stroke-width:3px")
    return "\n".join(lines) + "\n"


def _id(name: str) -> str:
    # Every character that is not of a plain word as its number, so that no two names become one.
    return re.sub(r"[^A-Za-z0-9]", lambda match: f"_{ord(match[0]):x}_", name)


def as_json(picture: Picture) -> str:
    """Return the picture for programs."""
    nodes = [
        {"id": box.id, "kind": box.kind, "name": box.name, "changed": box.changed}
        | ({"objects": list(box.objects)} if box.kind == "stack" else {})
        for box in picture.boxes
    ]
    edges = [{"source": line.source, "target": line.target, "via": line.label} for line in picture.lines]
    return json.dumps({"title": picture.title, "nodes": nodes, "edges": edges}, indent=2) + "\n"
