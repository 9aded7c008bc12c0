"""The ``moorage`` command: a convenience over Pulumi and the embedded platform."""

from __future__ import annotations

import errno
import shlex
import sys
from enum import StrEnum
from pathlib import Path  # noqa: TC003  # typer reads annotations when the program runs
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from moorage import console
from moorage.cli import changecommands, sourcecommands
from moorage.cli.session import find_root
from moorage.errors import MoorageError, Problem, Terminated

_INTERRUPTED, _TERMINATED = 130, 143


class Level(StrEnum):
    """Which policies a check applies."""

    baseline = "baseline"
    restricted = "restricted"
    all = "all"


class Stage(StrEnum):
    """Whose levels a check applies."""

    dev = "dev"
    prod = "prod"


class Format(StrEnum):
    """How a check reports."""

    text = "text"
    json = "json"
    sarif = "sarif"


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
policy_app = typer.Typer(help="The policy pack's rules, on plain manifests.", no_args_is_help=True)
app.add_typer(policy_app, name="policy")
images_app = typer.Typer(help="The images that were built, as the registry has them.", no_args_is_help=True)
app.add_typer(images_app, name="images")

StackName = Annotated[str, typer.Argument(metavar="[STACK]", help="The stack: a Pulumi.<stack>.yaml of this project.")]
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


@app.command()
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


@policy_app.command("check")
def policy_check(
    paths: Annotated[
        list[str], typer.Argument(metavar="PATH…", help="Manifest files, folders, or - for standard input.")
    ],
    *,
    level: Annotated[Level, typer.Option(help="A Pod Security Standard, or all policies.")] = Level.all,
    stage: Annotated[Stage, typer.Option(help="Whose levels hold.")] = Stage.prod,
    config: Annotated[Path | None, typer.Option(help="JSON file of levels and settings.")] = None,
    form: Annotated[Format, typer.Option("--format", help="How to report.")] = Format.text,
) -> None:
    """Judge plain Kubernetes manifests. Exit status 1 for violations, 2 for what cannot be read."""
    from moorage.cli import policies

    raise typer.Exit(policies.check(paths, level=level.value, stage=stage.value, config=config, form=form.value))


@policy_app.command("list")
def policy_list() -> None:
    """Name every policy, with its level in development and in production."""
    from moorage.cli import policies

    policies.show_list()


@policy_app.command("exemptions")
def policy_exemptions(
    paths: Annotated[list[str], typer.Argument(metavar="PATH…", help="Manifest files or folders.")],
) -> None:
    """List the exemptions that manifests carry, expired ones too."""
    from moorage.cli import policies

    policies.show_exemptions(paths)


@app.command()
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


@images_app.command("check")
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


def main() -> None:
    """Run the command line; a mistake of the user's ends in one clear error and exit status 1."""
    try:
        app()
    except MoorageError as error:
        _end(*error.problems)
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


def _end(*problems: Problem) -> NoReturn:
    for problem in problems:
        console.show_problem(problem)
    sys.exit(1)


if __name__ == "__main__":
    main()
