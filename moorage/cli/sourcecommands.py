"""The commands about sources: ``moorage graph`` and ``moorage lint``."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  # typer reads annotations when the program runs
from typing import Annotated

import typer

from moorage.cli.arguments import StackName  # noqa: TC001  # typer reads it when the program runs
from moorage.engine.session import find_root


def graph(
    stack: StackName = "dev",
    *,
    mermaid: Annotated[bool, typer.Option("--mermaid", help="As a mermaid flowchart.")] = False,
    svg: Annotated[Path | None, typer.Option("--svg", help="Write a self-contained SVG to this file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    with_stack: Annotated[
        bool, typer.Option("--stack", help="Also the Kubernetes objects that the stack's last update left.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Hold what is declared against Dockerfiles and imports; draw nothing.")
    ] = False,
    write: Annotated[
        bool, typer.Option("--write", help="Write each Dockerfile's .dockerignore: what it copies and nothing else.")
    ] = False,
) -> None:
    """Draw the graph of base images, libraries and services, with what would be rebuilt."""
    from moorage.cli import graph as graphs

    root = find_root()
    if write:
        graphs.write_ignore_files(root)
    if check:
        graphs.check(root)
    if not (write or check):
        form = "mermaid" if mermaid else "json" if as_json else "tree"
        graphs.draw(root, stack, form=form, svg_file=svg, with_stack=with_stack)


def lint(
    nodes: Annotated[
        list[str] | None, typer.Argument(metavar="[NODE…]", help="apps/backend, backend, images/python; default: all.")
    ] = None,
    *,
    stack: Annotated[str, typer.Option("--stack", help="Whose builder is asked.")] = "dev",
    builder: Annotated[
        bool, typer.Option("--builder/--no-builder", help="Also BuildKit's own checks, where a builder answers.")
    ] = True,
) -> None:
    """Check Dockerfiles: what BuildKit warns of, and what keeps images small, quick to rebuild and safe."""
    from moorage.cli import lint as lints

    raise typer.Exit(lints.lint(find_root(), nodes or [], stack=stack, builder=builder))
