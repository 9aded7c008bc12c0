"""The commands about Dockerfiles and images: ``lint``, ``sbom`` and ``images check``."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  # typer reads annotations when the program runs
from typing import Annotated

import typer

from moorage.config.locate import find_root

app = typer.Typer(help="Check the images that were built, and pin those of others.", no_args_is_help=True)


def lint(
    nodes: Annotated[
        list[str] | None, typer.Argument(metavar="[NODE…]", help="apps/backend, backend, images/python; default: all.")
    ] = None,
    *,
    stack: Annotated[str, typer.Option("--stack", help="The stack whose builder is used.")] = "dev",
    builder: Annotated[
        bool, typer.Option("--builder/--no-builder", help="Also run BuildKit's own checks, if a builder is available.")
    ] = True,
) -> None:
    """Check Dockerfiles.

    What BuildKit warns of, and what keeps images small, quick to rebuild and safe.
    """
    from moorage.cli import dockerfile_lint

    raise typer.Exit(dockerfile_lint.lint(find_root(), nodes or [], stack=stack, builder=builder))


def sbom(
    image: Annotated[str, typer.Argument(help="A service or base image of the stack, or an image by reference.")],
    *,
    stack: Annotated[str, typer.Option("--stack", "-s", help="The stack that the image belongs to.")] = "dev",
    scanner: Annotated[
        str, typer.Option(help="A command that reads the bill of materials from standard input, such as grype.")
    ] = "",
) -> None:
    """Print an image's bill of materials (CycloneDX).

    Or give it to a scanner, and end with its exit status.
    """
    from moorage.cli import image_sbom

    raise typer.Exit(image_sbom.show(find_root(), image, stack=stack, scanner=scanner))


@app.command("update")
def images_update(
    *,
    stack: Annotated[str, typer.Option("--stack", "-s", help="The stack whose registry mirrors are asked.")] = "dev",
) -> None:
    """Pin the images of others.

    Ask their registries which digest each image stands for that a Dockerfile or a service.yaml names, and write it to
    images.lock.yaml.
    """
    from moorage.cli import image_lock

    raise typer.Exit(image_lock.update(find_root(), stack=stack))


@app.command("check")
def images_check(
    named: Annotated[
        list[str] | None,
        typer.Argument(metavar="[STACK|IMAGE]…", help="Stacks, or images by reference; dev by default."),
    ] = None,
    *,
    secret_file: Annotated[
        list[Path] | None, typer.Option("--secret-file", help="A file whose content must not be in any layer.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Complete output as JSON, for programs.")] = False,
) -> None:
    """Check images layer by layer: run-time contents only, least rights, no secrets. Exit status 1 for findings."""
    from moorage.cli import image_check

    found = image_check.check_images(find_root(), named or [], secret_files=secret_file or [], as_json=as_json)
    raise typer.Exit(found)
