"""The commands that tell how a stack is and what became of it: ``status`` and ``events``."""

from __future__ import annotations

from typing import Annotated

import typer

from moorage.cli.arguments import StackName  # noqa: TC001  # typer reads it when the program runs
from moorage.config.locate import find_root

AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]


def status(
    stack: StackName = "dev",
    *,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Show it live, until Ctrl-C.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show how the stack is: pods, restarts, usage against limits.

    Exit status 0 if every service is healthy, 3 if one is not.
    """
    from moorage.cli import stack_status

    raise typer.Exit(stack_status.show(find_root(), stack, watch=watch, as_json=as_json))


def events(
    stack: StackName = "dev",
    *,
    service: Annotated[str, typer.Option("--service", metavar="SERVICE", help="Of this service alone.")] = "",
    since: Annotated[str, typer.Option("--since", metavar="TIME", help="Such as 30m, 2h, 1d.")] = "1h",
    level: Annotated[str, typer.Option("--level", metavar="LEVEL", help="At least info, warning or error.")] = "info",
    as_json: AsJson = False,
) -> None:
    """List what happened: failed health checks, restarts and why, pulls.

    Kubernetes keeps its events for an hour; restarts are known for as long as their pods are there.
    """
    from moorage.cli import stack_status

    stack_status.events(find_root(), stack, service=service, since=since, level=level, as_json=as_json)
