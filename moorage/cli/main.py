"""The ``moorage`` command: a convenience over Pulumi and the embedded platform."""

from __future__ import annotations

import errno
import sys
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from moorage.base.errors import MoorageError, Problem, Terminated
from moorage.cli import (
    build_commands,
    deploy_commands,
    dev_commands,
    look_commands,
    observe_commands,
    platform_commands,
    policycommands,
)

_INTERRUPTED, _TERMINATED = 130, 143


_REMEDIES = {
    "ENOSPC": "free some space on that disk, then run the command again",
    "EDQUOT": "free some of your quota, then run the command again",
    "EACCES": "make it yours (an earlier run as root may own it), or run the command as its owner",
    "EPERM": "make it yours (an earlier run as root may own it), or run the command as its owner",
    "EROFS": "use a checkout on a file system that can be written to",
    "ECONNREFUSED": "start the program that should listen there; `moorage platform status` shows what runs of the platform",
    "ENOENT": "check that it exists and that no other process removes it; `moorage doctor` checks the prerequisites",
}


class Interruptible(TyperGroup):
    """Commands that Ctrl-C ends with one word and the usual exit status."""

    def invoke(self, ctx: Any) -> Any:
        """Run the chosen command."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as stop:
            from moorage.base import console  # here and below: not every command writes for people

            console.err.print("\n[yellow]interrupted[/]")
            ctx.exit(_TERMINATED if isinstance(stop, Terminated) else _INTERRUPTED)


app = typer.Typer(
    name="moorage",
    cls=Interruptible,
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"moorage {version('moorage')}")
        raise typer.Exit


@app.callback()
def options(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Take this monorepo of services from source to a running Kubernetes stack."""


DEPLOY, DEVELOP, LOOK, BUILD, POLICIES, PLATFORM = "Deploy", "Develop", "Look", "Build", "Policies", "Platform"
for panel, commands in (
    (
        DEPLOY,
        (
            deploy_commands.up,
            deploy_commands.preview,
            deploy_commands.rollback,
            deploy_commands.restart,
            deploy_commands.down,
            deploy_commands.reap,
            deploy_commands.env,
        ),
    ),
    (
        LOOK,
        (
            observe_commands.status,
            observe_commands.events,
            look_commands.history,
            look_commands.affected,
            look_commands.why,
            look_commands.drift,
            look_commands.graph,
            look_commands.report,
        ),
    ),
    (DEVELOP, (dev_commands.dev, dev_commands.logs, dev_commands.db)),
    (BUILD, (build_commands.lint, build_commands.sbom)),
    (PLATFORM, (platform_commands.doctor,)),
):
    for command in commands:
        app.command(rich_help_panel=panel)(command)
app.command("exec", rich_help_panel=DEVELOP)(dev_commands.run)
app.add_typer(build_commands.app, name="images", rich_help_panel=BUILD)
app.add_typer(policycommands.app, name="policy", rich_help_panel=POLICIES)
app.add_typer(platform_commands.app, name="platform", rich_help_panel=PLATFORM)


def main() -> None:
    """Run the command line; a mistake of the user's ends in one clear error and exit status 1, or what the error says."""
    try:
        app()
    except MoorageError as error:
        _end(*error.problems, status=getattr(error, "exit_status", 1))
    except OSError as error:
        _end(machine_problem(error))


def machine_problem(error: OSError) -> Problem:
    """Return what the machine refused: a full disk, a folder of someone else's, a program that is not there."""
    number = errno.errorcode.get(error.errno or 0, "")
    return Problem(
        what=error.strerror or str(error) or type(error).__name__,
        where=str(error.filename) if error.filename is not None else "this machine",
        why=f"operating system error {number}" if number else "the operating system refused",
        remedy=_REMEDIES.get(number, "fix that, then run the command again; `moorage doctor` checks the rest"),
    )


def _end(*problems: Problem, status: int = 1) -> NoReturn:
    from moorage.base import console

    for problem in problems:
        console.show_problem(problem)
    sys.exit(status)


if __name__ == "__main__":
    main()
