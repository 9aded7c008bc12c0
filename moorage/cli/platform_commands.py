"""The commands of the embedded platform: ``moorage platform …`` and ``moorage doctor``."""

from __future__ import annotations

from typing import Annotated

import typer

from moorage.cli.arguments import StackName  # noqa: TC001  # typer reads it when the program runs
from moorage.config.locate import find_root

app = typer.Typer(help="The embedded platform: start, stop, status, logs, reset.", no_args_is_help=True)


def doctor(stack: StackName = "dev") -> None:
    """Check every prerequisite and say what is missing.

    Each is shown with its version, and with what to do where it is missing or does not answer.
    """
    from moorage.cli import doctor as checks

    raise typer.Exit(checks.show(find_root(), stack))


@app.command()
def start() -> None:
    """Start the platform, or what is missing of it."""
    from moorage.cli import platform_processes

    platform_processes.start(find_root())


@app.command()
def stop() -> None:
    """Stop the platform; its data stays."""
    from moorage.cli import platform_processes

    platform_processes.stop(find_root())


@app.command()
def status() -> None:
    """Show each process of the platform. Exit status 3 where it does not run."""
    from moorage.cli import platform_processes

    raise typer.Exit(platform_processes.status(find_root()))


@app.command()
def logs(
    part: Annotated[
        str, typer.Argument(metavar="[PROCESS]", help="A process of the platform; without it all of them.")
    ] = "",
    *,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="How many lines of each.")] = 20,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Keep showing new lines.")] = False,
) -> None:
    """Show the logs of the platform's processes."""
    from moorage.cli import platform_processes

    platform_processes.logs(find_root(), part, lines=lines, follow=follow)


@app.command()
def reset(*, yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False) -> None:
    """Stop the platform and delete its data: cluster, images and volumes."""
    from moorage.cli import platform_processes

    platform_processes.reset(find_root(), yes=yes)
