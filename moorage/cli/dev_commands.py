"""The commands of the inner loop: ``moorage dev``, ``logs``, ``exec`` and ``db``."""

from __future__ import annotations

from typing import Annotated

import typer

from moorage.cli.arguments import StackName  # noqa: TC001  # typer reads it when the program runs
from moorage.config.locate import find_root

ServiceNames = Annotated[
    list[str] | None, typer.Argument(metavar="[SERVICE]...", help="Services; default: all of the stack.")
]


def dev(
    stack: StackName = "dev",
    services: ServiceNames = None,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before changing a protected stack.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the pods as they are at the end.")] = False,
    stats: Annotated[bool, typer.Option("--stats", help="Show at the end how long edits took.")] = False,
    logs: Annotated[bool, typer.Option("--logs/--no-logs", help="Show the services' logs.")] = True,
) -> None:
    """Bring the stack up for development, and each edit into its running pods.

    A source file is copied into the pods, whose process reloads; a dependency or a Dockerfile builds the image; settings
    update the stack; all else does nothing. Ctrl-C ends it, and the stack is deployed again as its files describe it.
    """
    from moorage.cli import dev as command

    command.dev(find_root(), stack, services or [], yes=yes, keep=keep, stats=stats, logs=logs)


def logs(
    stack: StackName = "dev",
    services: ServiceNames = None,
    *,
    tail: Annotated[int, typer.Option("--tail", min=0, help="Earlier lines of each pod to begin with.")] = 10,
) -> None:
    """Follow the logs of the stack's pods, until Ctrl-C."""
    from moorage.cli import inside

    inside.logs(find_root(), stack, services or [], tail=tail)


def run(
    stack: Annotated[str, typer.Argument(help="The stack: a Pulumi.<stack>.yaml of this project.")],
    service: Annotated[str, typer.Argument(help="A service or data store of the stack.")],
    command: Annotated[
        list[str] | None, typer.Argument(metavar="[COMMAND]...", help="What to run; put -- before its own options.")
    ] = None,
    *,
    image: Annotated[
        str, typer.Option("--image", help="The shell's image, where no command is given.")
    ] = "debian:trixie-slim",
) -> None:
    """Run a command in a pod of a service; without one, a shell beside it.

    The images of services have no shell: it runs in a debug container of another image, with the rights of the pod.
    """
    from moorage.cli import inside

    raise typer.Exit(inside.run_inside(find_root(), stack, service, command or [], image=image))


def db(
    stack: StackName = "dev",
    store: Annotated[str, typer.Argument(metavar="[STORE]", help="postgres or redis; default: the first one.")] = "",
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="[ARGUMENT]...", help="For psql or redis-cli; put -- before them.")
    ] = None,
) -> None:
    """Open psql or redis-cli in the stack's data store; the password stays in its pod."""
    from moorage.cli import inside

    raise typer.Exit(inside.database(find_root(), stack, store, arguments or []))
