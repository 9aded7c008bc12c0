"""The commands about changes: ``moorage affected`` and ``moorage why``."""

from __future__ import annotations

from typing import Annotated

import typer

from moorage.cli.arguments import StackName  # noqa: TC001  # typer reads it when the program runs
from moorage.engine.session import find_root


def affected(
    stack: StackName = "dev",
    *,
    since: Annotated[
        str, typer.Option("--since", metavar="REV", help="Compare with a git revision instead of the stack.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="For programs, such as CI's build matrix.")] = False,
) -> None:
    """List the services whose image or deployment the current files change, each with the way from file to workload."""
    from moorage.cli import changes

    changes.affected(find_root(), stack, since=since, as_json=as_json)


def why(
    service: Annotated[str, typer.Argument(metavar="SERVICE", help="A service of the stack, postgres or redis.")],
    stack: StackName = "dev",
) -> None:
    """Say why a service would, or would not, be rebuilt and redeployed: what differs from what runs."""
    from moorage.cli import changes

    changes.why(find_root(), stack, service)
