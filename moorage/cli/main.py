"""The ``moorage`` command: a convenience over Pulumi and the embedded platform."""

from __future__ import annotations

import errno
import shlex
import sys
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from moorage.cli import changecommands, imagecommands, policycommands, sourcecommands
from moorage.cli.arguments import StackName  # noqa: TC001  # typer reads it when the program runs
from moorage.cli.session import find_root
from moorage.errors import MoorageError, Problem, Terminated

_INTERRUPTED, _TERMINATED = 130, 143


_REMEDIES = {
    "ENOSPC": "free some space on that disk, then run the same command again",
    "EDQUOT": "free some of your quota, then run the same command again",
    "EACCES": "make it yours (an earlier run as root may own it), or run the command as its owner",
    "EPERM": "make it yours (an earlier run as root may own it), or run the command as its owner",
    "EROFS": "use a checkout on a file system that can be written to",
    "ECONNREFUSED": "start what is to listen there; `moorage platform status` shows what runs of the platform",
    "ENOENT": "check that it exists and that no other process removes it; `moorage doctor` checks the prerequisites",
}


class Interruptible(TyperGroup):
    """Commands that Ctrl-C ends with a word of comfort and the usual exit status."""

    def invoke(self, ctx: Any) -> Any:
        """Run the chosen command."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as stop:
            from moorage import console  # here and below: not every command writes for people

            console.err.print("\n[yellow]interrupted[/] · nothing is lost: the same command goes on from here")
            ctx.exit(_TERMINATED if isinstance(stop, Terminated) else _INTERRUPTED)


app = typer.Typer(
    name="moorage",
    cls=Interruptible,
    help="Takes this monorepo of services from source to a running Kubernetes stack.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
platform_app = typer.Typer(
    help="The embedded platform: registry, builder and a single-host Kubernetes.", no_args_is_help=True
)
app.add_typer(platform_app, name="platform")
app.add_typer(policycommands.app, name="policy")
app.add_typer(imagecommands.app, name="images")

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before changing a protected stack.")]


@app.command()
def up(stack: StackName = "dev", *, yes: Yes = False) -> None:
    """Bring the stack up: toolchain, platform and `pulumi up`, each only as far as it is needed."""
    from moorage.cli import deploy

    deploy.up(find_root(), stack, yes=yes)


@app.command()
def preview(
    stack: StackName = "dev",
    *,
    diff: Annotated[bool, typer.Option("--diff", help="Show every changed field.")] = False,
) -> None:
    """Show what `up` would change. Changes nothing: no push, no cache export, no write to the cluster."""
    from moorage.cli import deploy

    deploy.preview(find_root(), stack, diff=diff)


@app.command()
def down(
    stack: StackName = "dev",
    *,
    unprotect: Annotated[
        bool, typer.Option("--unprotect", help="Also delete what the stack protects: its data.")
    ] = False,
    keep_data: Annotated[
        bool, typer.Option("--keep-data", help="Delete all but what the stack protects, and what that needs.")
    ] = False,
) -> None:
    """Delete everything that the stack made. Where it protects data, say which: --keep-data or --unprotect."""
    from moorage.cli import deploy

    if unprotect and keep_data:
        raise typer.BadParameter("the data can be kept or deleted, not both", param_hint="--keep-data, --unprotect")
    deploy.down(find_root(), stack, unprotect=unprotect, keep_data=keep_data)


@app.command()
def env(stack: StackName = "dev") -> None:
    """Print the exports with which plain `pulumi` and `kubectl` work on the stack: eval "$(moorage env)"."""
    from moorage.cli import deploy

    for key, value in deploy.session_of(find_root(), stack).exports().items():
        typer.echo(f"export {key}={shlex.quote(value)}")


@app.command()
def doctor(stack: StackName = "dev") -> None:
    """Check each prerequisite: found, which version, or what to do."""
    from moorage.cli import doctor as checks

    raise typer.Exit(checks.show(find_root(), stack))


app.command()(imagecommands.report)
app.command()(imagecommands.sbom)
app.command()(sourcecommands.graph)
app.command()(sourcecommands.lint)
app.command()(changecommands.affected)
app.command()(changecommands.why)


@platform_app.command()
def start() -> None:
    """Start the platform, or what is missing of it."""
    from moorage.cli import platform

    platform.start(find_root())


@platform_app.command()
def stop() -> None:
    """Stop the platform; its data stays."""
    from moorage.cli import platform

    platform.stop(find_root())


@platform_app.command()
def status() -> None:
    """Show each process of the platform. Exit status 3 where it does not run."""
    from moorage.cli import platform

    raise typer.Exit(platform.status(find_root()))


@platform_app.command()
def logs(
    part: Annotated[str, typer.Argument(help="A process of the platform; without it all of them.")] = "",
    *,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="How many lines of each.")] = 20,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on showing new lines.")] = False,
) -> None:
    """Show the logs of the platform's processes."""
    from moorage.cli import platform

    platform.logs(find_root(), part, lines=lines, follow=follow)


@platform_app.command()
def reset(*, yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False) -> None:
    """Stop the platform and delete its data: cluster, images and volumes."""
    from moorage.cli import platform

    platform.reset(find_root(), yes=yes)


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
        why=f"the operating system says {number}" if number else "the operating system refused",
        remedy=_REMEDIES.get(number, "put that right and run the same command again; `moorage doctor` checks the rest"),
    )


def _end(*problems: Problem, status: int = 1) -> NoReturn:
    from moorage import console

    for problem in problems:
        console.show_problem(problem)
    sys.exit(status)


if __name__ == "__main__":
    main()
