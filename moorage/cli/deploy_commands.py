"""The commands that deploy a stack: ``moorage up``, ``preview``, ``down`` and ``env``."""

from __future__ import annotations

from typing import Annotated

import typer

from moorage.cli.arguments import StackName  # noqa: TC001  # typer reads it when the program runs
from moorage.config.locate import find_root

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before changing a protected stack.")]


def up(stack: StackName = "dev", *, yes: Yes = False) -> None:
    """Bring the stack up: build, deploy and wait until it answers.

    Starts the toolchain and the embedded platform first, each only as far as it is needed, and runs `pulumi up`.
    """
    from moorage.cli import deploy

    deploy.up(find_root(), stack, yes=yes)


def preview(
    stack: StackName = "dev",
    *,
    diff: Annotated[bool, typer.Option("--diff", help="Show every changed field.")] = False,
) -> None:
    """Show what `up` would change, and change nothing.

    No push, no cache export, no write to the cluster.
    """
    from moorage.cli import deploy

    deploy.preview(find_root(), stack, diff=diff)


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


def env(stack: StackName = "dev") -> None:
    """Print what lets plain `pulumi` and `kubectl` work on the stack.

    Use it as: eval "$(moorage env)"
    """
    import shlex

    from moorage.cli.sessions import session_of

    for key, value in session_of(find_root(), stack).exports().items():
        typer.echo(f"export {key}={shlex.quote(value)}")
