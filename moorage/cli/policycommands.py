"""The commands that judge plain manifests by the policy pack."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path  # noqa: TC003  # typer reads annotations when the program runs
from typing import Annotated

import typer

app = typer.Typer(help="The policy pack's rules, on plain manifests.", no_args_is_help=True)


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


@app.command("check")
def policy_check(
    paths: Annotated[
        list[str], typer.Argument(metavar="PATH…", help="Manifest files, folders, or - for standard input.")
    ],
    *,
    level: Annotated[Level, typer.Option(help="A Pod Security Standard, or all policies.")] = Level.all,
    stage: Annotated[Stage, typer.Option(help="The stage whose levels apply.")] = Stage.prod,
    config: Annotated[Path | None, typer.Option(help="JSON file of levels and settings.")] = None,
    exemptions: Annotated[
        Path | None, typer.Option(help="YAML or JSON file that lists exemptions, as a stack's settings do.")
    ] = None,
    exclude: Annotated[
        list[str] | None, typer.Option(help="Name or path to leave out, with * where wanted. Can be given again.")
    ] = None,
    namespace: Annotated[
        str | None, typer.Option("--namespace", "-n", help="Namespace of objects that name none.")
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="How to report.")] = Format.text,
) -> None:
    """Judge plain Kubernetes manifests. Exit status 1 for violations, 2 for what cannot be read."""
    from moorage.cli import policies

    options = policies.CheckOptions(
        level=level.value,
        stage=stage.value,
        config=config,
        exemptions=exemptions,
        exclude=tuple(exclude or ()),
        namespace=namespace,
        form=form.value,
    )
    raise typer.Exit(policies.check(paths, options))


@app.command("list")
def policy_list() -> None:
    """Name every policy, with its level in development and in production."""
    from moorage.cli import policies

    policies.show_list()


@app.command("exemptions")
def policy_exemptions(
    paths: Annotated[list[str] | None, typer.Argument(metavar="[PATH…]", help="Manifest files or folders.")] = None,
) -> None:
    """List the exemptions of this checkout's stacks, or those that manifests carry. Expired ones too."""
    from moorage.cli import policies
    from moorage.config.locate import find_root
    from moorage.policy.check import list_exemptions

    policies.show_exemptions(list_exemptions(paths) if paths else policies.exemptions_of_stacks(find_root()))
