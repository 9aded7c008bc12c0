"""The commands that tell about a stack and its sources: ``graph``, ``affected``, ``why``, ``history`` and ``report``."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  # typer reads annotations when the program runs
from typing import Annotated

import typer

from moorage.cli.arguments import StackName  # noqa: TC001  # typer reads it when the program runs
from moorage.config.locate import find_root


def affected(
    stack: StackName = "dev",
    *,
    since: Annotated[
        str, typer.Option("--since", metavar="REV", help="Compare with a git revision instead of the stack.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="For programs, such as CI's build matrix.")] = False,
) -> None:
    """List the services that the current files change.

    Each with the way from a changed file to its image and its workload.
    """
    from moorage.cli import affected as changes

    changes.affected(find_root(), stack, since=since, as_json=as_json)


def why(
    service: Annotated[str, typer.Argument(metavar="SERVICE", help="A service of the stack, postgres or redis.")],
    stack: StackName = "dev",
) -> None:
    """Say why a service would be rebuilt or redeployed, or not."""
    from moorage.cli import affected as changes

    changes.why(find_root(), stack, service)


def drift(
    stack: StackName = "dev",
    *,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Compare the stack's live objects with its state, field by field, and change nothing.

    Exit status 3 where something differs.
    """
    from moorage.cli import drift_report

    raise typer.Exit(drift_report.show(find_root(), stack, as_json=as_json))


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
        bool, typer.Option("--check", help="Compare what is declared with Dockerfiles and imports; draw nothing.")
    ] = False,
    write: Annotated[
        bool, typer.Option("--write", help="Write each Dockerfile's .dockerignore: what it copies and nothing else.")
    ] = False,
) -> None:
    """Draw base images, libraries and services, with what would be rebuilt."""
    root = find_root()
    if write or check:
        from moorage.cli import source_check

        if write:
            source_check.write_ignore_files(root)
        if check:
            source_check.check(root)
    else:
        from moorage.cli import graph_drawing

        form = "mermaid" if mermaid else "json" if as_json else "tree"
        graph_drawing.draw(root, stack, form=form, svg_file=svg, with_stack=with_stack)


def history(
    stack: StackName = "dev",
    number: Annotated[
        int | None, typer.Argument(metavar="[N]", help="Tell what this release changed, and why.", min=1)
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """List a stack's releases, or tell what one of them changed.

    `moorage history 7` is release 7 of stack dev.
    """
    from moorage.cli import release_history

    if stack.isdecimal() and number is None:
        stack, number = "dev", int(stack)
    release_history.show(find_root(), stack, number, as_json=as_json)


def report(
    stack: StackName = "dev",
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Complete output as JSON, for programs.")] = False,
    html: Annotated[Path | None, typer.Option("--html", help="Write one self-contained page to this file.")] = None,
    strict: Annotated[
        bool, typer.Option("--ci", help="Exit status 1 for what is over its budget, as where CI=true.")
    ] = False,
) -> None:
    """Show the last build of each image: time, cache, sizes.

    Also why a step was not cached, and what grew.
    """
    from moorage.cli import build_report

    raise typer.Exit(build_report.show(find_root(), stack, as_json=as_json, html=html, strict=strict))
