"""``moorage graph``: the monorepo's graph drawn as a tree, mermaid, JSON or SVG, with what would be rebuilt."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rich.markup import escape

from moorage.base import console
from moorage.base.errors import MoorageError
from moorage.base.files import write_atomic
from moorage.build.comparison import changes
from moorage.build.digests import Inputs
from moorage.build.record import record_of
from moorage.cli.sessions import session_for
from moorage.config.graph import Kind
from moorage.config.loader import load_project
from moorage.engine.state import read_state
from moorage.report.picture import Line, as_json, mermaid, picture_of, tree
from moorage.report.svg import svg

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from moorage.build.digests import NodeInputs
    from moorage.config.graph import Node
    from moorage.config.project import Project


def draw(root: Path, stack: str, *, form: str, svg_file: Path | None, with_stack: bool) -> None:
    """Print the graph as ``tree``, ``mermaid`` or ``json``, or write it as SVG, with what would be rebuilt marked."""
    project = load_project(root, stack)
    inputs = Inputs(project).all()
    changed = changed_nodes(project, inputs)
    objects = stack_objects(project) if with_stack else None
    picture = picture_of(project.graph, f"{root.resolve().name} · stack {stack}", changed, objects, _links(project))
    if svg_file is not None:
        write_atomic(svg_file, svg(picture))
        console.out.print(f"[green]✓[/] {svg_file}")
    elif form == "mermaid":
        sys.stdout.write(mermaid(picture))
    elif form == "json":
        sys.stdout.write(as_json(picture))
    else:
        console.out.print(tree(picture))
        for node, found in inputs.items():
            for path, reason in found.whole.items():
                console.out.print(f"[dim]all of {path} counts for {node}:[/] {escape(reason)}")


def changed_nodes(project: Project, inputs: Mapping[Node, NodeInputs]) -> frozenset[Node]:
    """Return what an update would rebuild with these inputs, and the libraries for which it would.

    Nothing where the stack is not up.
    """
    before = read_state(session_for(project)).record(project.monorepo.repository)
    if not before.images:
        return frozenset()
    found = changes(project, before, record_of(project, inputs)).images
    owner_of = project.monorepo.repository.owner_of
    files = {owner_of(why.name) for reasons in found.values() for why in reasons if why.cause == "file"}
    return frozenset(
        node for node in project.graph.nodes if str(node) in found or (node.kind is Kind.lib and node in files)
    )


def _links(project: Project) -> list[Line]:
    """Return what waits for what in a running stack, and where its ingress leads."""
    links = [
        Line(f"stack/{name}", f"stack/{need}", "need")
        for name, service in project.services.items()
        for need in service.needs
    ]
    links += [
        Line("stack/ingress", f"stack/{name}", "route") for name, service in project.services.items() if service.route
    ]
    return links


def stack_objects(project: Project) -> dict[str, list[str]]:
    """Return the kinds of Kubernetes objects of each part of a stack, as its last update left them.

    Raises `MoorageError` where the stack is not up.
    """
    parts: dict[str, set[str]] = {}
    for resource, part in read_state(session_for(project)).objects():
        if part:
            parts.setdefault(part, set()).add(resource.kind)
    if not parts:
        raise MoorageError.of(
            "there are no objects to draw",
            where=f"stack {project.stack_name}",
            why="the stack is not up",
            remedy=f"moorage up {project.stack_name}, or draw the graph without --stack",
        )
    return {part: sorted(kinds) for part, kinds in parts.items()}
