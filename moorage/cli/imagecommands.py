"""The commands that tell of images: how they were built, what is in them, whether it has a place there."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  # typer reads annotations when the program runs
from typing import Annotated

import typer

from moorage.cli.arguments import StackName  # noqa: TC001  # typer reads it when the program runs
from moorage.engine.session import find_root

app = typer.Typer(help="The images that were built, as the registry has them.", no_args_is_help=True)


def report(
    stack: StackName = "dev",
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Everything, for programs.")] = False,
    html: Annotated[Path | None, typer.Option("--html", help="Write one self-contained page to this file.")] = None,
    strict: Annotated[
        bool, typer.Option("--ci", help="Exit status 1 for what is over its budget, as where CI=true.")
    ] = False,
) -> None:
    """Show what the last build of each image did: time, cache, why a step missed, sizes and what grew."""
    from moorage.cli import report as reports

    raise typer.Exit(reports.show(find_root(), stack, as_json=as_json, html=html, strict=strict))


def sbom(
    image: Annotated[str, typer.Argument(help="A service or base image of the stack, or an image by reference.")],
    *,
    stack: Annotated[str, typer.Option("--stack", "-s", help="The stack whose image is meant.")] = "dev",
    scanner: Annotated[
        str, typer.Option(help="A command that reads the bill from standard input, such as grype.")
    ] = "",
) -> None:
    """Print an image's bill of materials in CycloneDX, or give it to a scanner and end with its exit status."""
    from moorage.cli import bill

    raise typer.Exit(bill.show(find_root(), image, stack=stack, scanner=scanner))


@app.command("check")
def images_check(
    named: Annotated[
        list[str] | None,
        typer.Argument(metavar="[STACK|IMAGE]…", help="Stacks, or images by reference; dev by default."),
    ] = None,
    *,
    secret_file: Annotated[
        list[Path] | None, typer.Option("--secret-file", help="A file whose content must be in no layer.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Everything, for programs.")] = False,
) -> None:
    """Check images layer by layer: run-time contents only, least rights, no secrets. Exit status 1 for findings."""
    from moorage.cli import images

    found = images.check_images(find_root(), named or [], secret_files=secret_file or [], as_json=as_json)
    raise typer.Exit(found)
