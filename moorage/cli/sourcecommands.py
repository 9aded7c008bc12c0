"""The commands about sources: ``moorage graph``."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  # typer reads annotations when the program runs
from typing import Annotated

import typer

from moorage.cli.session import find_root


def graph(
    stack: Annotated[
        str, typer.Argument(metavar="[STACK]", help="The stack: a Pulumi.<stack>.yaml of this project.")
    ] = "dev",
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
