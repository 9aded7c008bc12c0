"""The ``moorage`` command: a convenience over Pulumi and the embedded platform."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from moorage.cli import build_commands, deploy_commands, look_commands, platform_commands, policycommands
from moorage.cli.endings import ended, interrupted


class Interruptible(TyperGroup):
    """Commands that Ctrl-C ends with one word and the usual exit status."""

    def invoke(self, ctx: Any) -> Any:
        """Run the chosen command."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as stop:
            ctx.exit(interrupted(stop))


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


DEPLOY, LOOK, BUILD, POLICIES, PLATFORM = "Deploy", "Look", "Build", "Policies", "Platform"
for panel, commands in (
    (
        DEPLOY,
        (deploy_commands.up, deploy_commands.preview, deploy_commands.down, deploy_commands.reap, deploy_commands.env),
    ),
    (LOOK, (look_commands.affected, look_commands.why, look_commands.drift, look_commands.graph, look_commands.report)),
    (BUILD, (build_commands.lint, build_commands.sbom)),
    (PLATFORM, (platform_commands.doctor,)),
):
    for command in commands:
        app.command(rich_help_panel=panel)(command)
app.add_typer(build_commands.app, name="images", rich_help_panel=BUILD)
app.add_typer(policycommands.app, name="policy", rich_help_panel=POLICIES)
app.add_typer(platform_commands.app, name="platform", rich_help_panel=PLATFORM)


def main() -> None:
    """Run the command line; a mistake of the user's ends in one clear error and exit status 1, or what the error says."""
    ended(app)


if __name__ == "__main__":
    main()
