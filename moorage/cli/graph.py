"""``moorage graph``: the monorepo's graph drawn, checked against the sources, and written as build contexts."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from rich.markup import escape

from moorage.base import console
from moorage.base.errors import MoorageError, Problem
from moorage.base.files import write_atomic
from moorage.build.comparison import changes
from moorage.build.digests import Inputs
from moorage.build.record import record_of
from moorage.checks.allowlist import allow_list_text, ignore_path
from moorage.checks.declarations import check_sources, declared_builds, read_builds
from moorage.checks.imports import owner_of
from moorage.checks.stackwishes import read_wishes
from moorage.cli.changes import recorded
from moorage.config.graph import Kind
from moorage.config.loader import load_project
from moorage.config.rules import Monorepo, check_monorepo
from moorage.config.sources import find_libs, read_images, read_services
from moorage.engine import stacks
from moorage.engine.session import Session
from moorage.platform.layout import Layout
from moorage.report.picture import Line, as_json, mermaid, picture_of, tree
from moorage.report.svg import svg

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from moorage.build.digests import NodeInputs
    from moorage.checks.declarations import Findings
    from moorage.config.graph import Node
    from moorage.config.project import Project

_OBJECT = "kubernetes:"
_COMPONENT = "moorage:"


def read_monorepo(root: Path) -> Monorepo:
    """Return what is declared.

    Raises `MoorageError` with everything that is wrong with it, whatever the stack.
    """
    problems: list[Problem] = []
    root = root.resolve()
    monorepo = Monorepo(
        services=read_services(root, problems), images=read_images(root, problems), libs=find_libs(root)
    )
    problems.extend(check_monorepo(monorepo, monorepo.graph()))
    if problems:
        raise MoorageError(*problems)
    return monorepo


def hold_sources(root: Path) -> Findings:
    """Warn of what is declared for nothing, and return what was found.

    Raises `MoorageError` with everything that is used without being declared: it would ship a stale image.
    """
    root = root.resolve()
    findings = check_sources(root, read_monorepo(root))
    for problem in findings.warnings:
        console.warn(str(problem))
    if findings.errors:
        raise MoorageError(*findings.errors)
    return findings


def check(root: Path) -> None:
    """Say whether everything that is used is declared.

    Raises `MoorageError` with all that is not.
    """
    monorepo = read_monorepo(root)
    findings = hold_sources(root)
    graph = monorepo.graph()
    console.out.print(f"[green]✓[/] {len(graph.nodes)} nodes and {len(graph.edges)} edges are as the sources have them")
    for sentence in findings.unread:
        console.out.print(f"[dim]{escape(sentence)}[/]")


def write_ignore_files(root: Path) -> None:
    """Write each node's ``.dockerignore``, and say which were out of date."""
    root = root.resolve()
    monorepo = read_monorepo(root)
    written, wishes = 0, read_wishes(root)
    for node, _, build in declared_builds(monorepo):
        path = ignore_path(root, node, build)
        text = allow_list_text(root, read_builds(root, node, build, frozenset(monorepo.images), wishes))
        if not path.exists() or path.read_text() != text:
            write_atomic(path, text)
            console.out.print(f"wrote {path.relative_to(root)}")
            written += 1
    console.out.print(f"[green]✓[/] {written} written" if written else "[green]✓[/] all up to date")


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
    """Return what an update would rebuild with these inputs, and the libraries for which it would; nothing where the stack is not up."""
    before = recorded(project)
    if not before.images:
        return frozenset()
    found = changes(project, before, record_of(project, inputs)).images
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
    layout = Layout.of(project.root)
    session = Session(layout=layout, stack=project.stack_name, embedded=project.target.embedded)
    exported = stacks.pulumi(session, ["stack", "export", "--stack", session.stack]) if stacks.exists(session) else "{}"
    resources = (json.loads(exported).get("deployment") or {}).get("resources") or []
    parents = {resource["urn"]: resource.get("parent", "") for resource in resources}
    parts: dict[str, list[str]] = {}
    for resource in resources:
        if resource["type"].startswith(_OBJECT):
            part = _part(resource["urn"], parents)
            if part:
                parts.setdefault(part, []).append(resource["type"].rpartition(":")[2])
    if not parts:
        raise MoorageError.of(
            "there are no objects to draw",
            where=f"stack {session.stack}",
            why="the stack is not up",
            remedy=f"moorage up {session.stack}, or draw the graph without --stack",
        )
    return {part: sorted(set(kinds)) for part, kinds in parts.items()}


def _part(urn: str, parents: dict[str, str]) -> str | None:
    """Return the name of the outermost component that a resource belongs to; None for one that belongs to none."""
    found = None
    while parent := parents.get(urn):
        kind = parent.split("::")[2].split("$")[-1]
        if kind.startswith(_COMPONENT):
            found = parent.rpartition("::")[2]
        urn = parent
    return found
