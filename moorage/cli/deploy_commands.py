"""The commands that deploy a stack: ``moorage up``, ``preview``, ``down`` and ``env``."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  # typer reads it when the program runs
from typing import Annotated

import typer

from moorage.cli.arguments import StackName  # noqa: TC001  # typer reads it when the program runs
from moorage.config.locate import find_root

Basis = Annotated[
    str | None,
    typer.Option("--from", metavar="STACK", help="The stack that environments for a while are made from: dev."),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before changing a protected stack.")]


def up(
    stack: StackName = "dev",
    *,
    yes: Yes = False,
    plan: Annotated[
        Path | None,
        typer.Option("--plan", metavar="PLAN", help="Apply what `moorage preview --save PLAN` showed, or stop."),
    ] = None,
    ephemeral: Annotated[
        bool, typer.Option("--ephemeral", help="Make STACK an environment for a while, from another stack's settings.")
    ] = False,
    basis: Basis = None,
    ttl: Annotated[
        str | None, typer.Option("--ttl", metavar="TTL", help="With --ephemeral: how long it lives, 90m, 72h or 7d.")
    ] = None,
) -> None:
    """Bring the stack up: build, deploy and wait until it answers.

    Starts the toolchain and the embedded platform first, each only as far as it is needed, and runs `pulumi up`.
    """
    from moorage.cli import deploy

    if ephemeral:
        from moorage.cli import environments

        wanted = environments.Wanted(stack=stack, basis=basis or "dev", ttl=ttl)
        environments.describe(find_root(), wanted)
    elif basis or ttl:
        raise typer.BadParameter("they belong to --ephemeral", param_hint="--from, --ttl")
    deploy.up(find_root(), stack, yes=yes, plan=plan)


def reap(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="These, whatever their time; default: all past it.")
    ] = None,
    *,
    basis: Basis = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List the environments; delete nothing.")] = False,
) -> None:
    """Delete the environments for a while whose time is over."""
    from moorage.cli import reaping

    raise typer.Exit(reaping.reap(find_root(), names or (), basis=basis or "dev", dry_run=dry_run))


def preview(
    stack: StackName = "dev",
    *,
    diff: Annotated[bool, typer.Option("--diff", help="Show every changed field.")] = False,
    save: Annotated[
        Path | None,
        typer.Option("--save", metavar="PLAN", help="Write what was shown to a file, for `moorage up --plan PLAN`."),
    ] = None,
    report: Annotated[
        Path | None, typer.Option("--report", metavar="JSON", help="Write what was found to a file, also if it fails.")
    ] = None,
) -> None:
    """Show what `up` would change, and change nothing.

    No push, no cache export, no write to the cluster.
    """
    from moorage.cli import previews

    previews.preview(find_root(), stack, diff=diff, save=save, report=report)


def down(
    stack: StackName = "dev",
    *,
    unprotect: Annotated[
        bool, typer.Option("--unprotect", help="Delete protected resources too, with their data.")
    ] = False,
    keep_data: Annotated[
        bool, typer.Option("--keep-data", help="Keep protected resources, and what they need; delete the rest.")
    ] = False,
) -> None:
    """Delete everything that the stack made.

    If the stack has protected resources, add --keep-data or --unprotect.
    """
    from moorage.cli import deploy

    if unprotect and keep_data:
        raise typer.BadParameter("use one of them, not both", param_hint="--keep-data, --unprotect")
    deploy.down(find_root(), stack, unprotect=unprotect, keep_data=keep_data)


def rollback(
    stack: StackName = "dev",
    services: Annotated[
        list[str] | None, typer.Argument(metavar="[SERVICE]...", help="Only these services. Default: all.")
    ] = None,
    *,
    to: Annotated[
        int | None,
        typer.Option("--to", metavar="N", help="The release, as `history` lists them. Default: the one before."),
    ] = None,
    only_show: Annotated[bool, typer.Option("--preview", help="Show what would change, and change nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before changing a stack of production.")] = False,
) -> None:
    """Bring images and settings of an earlier release back, without a build.

    Through Pulumi, so that state and cluster agree. Data stores stay as they are.
    """
    from moorage.cli import rollback as way_back

    way_back.back(find_root(), stack, to, services or (), yes=yes, only_show=only_show)


def restart(
    service: Annotated[str, typer.Argument(metavar="SERVICE", help="A service of the stack.")],
    stack: StackName = "dev",
) -> None:
    """Replace all pods of a service by new ones of the same kind, without downtime."""
    from moorage.cli import rollback as way_back

    way_back.restart(find_root(), stack, service)


def env(stack: StackName = "dev") -> None:
    """Print what lets plain `pulumi` and `kubectl` work on the stack.

    Use it as: eval "$(moorage env)"
    """
    import shlex

    from moorage.cli.sessions import session_of

    for key, value in session_of(find_root(), stack).exports().items():
        typer.echo(f"export {key}={shlex.quote(value)}")
