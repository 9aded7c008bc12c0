"""A picture as a tree for the terminal, as mermaid and as JSON."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.tree import Tree

if TYPE_CHECKING:
    from moorage.report.picture import Box, Picture

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
        words = {"need": "[dim]needs[/] ", "route": "[dim]leads to[/] ", "image": "[dim]runs[/] "}.get(line.label, "")
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
