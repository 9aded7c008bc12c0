"""The commands that look after a stack's data: ``moorage data list``, ``backup``, ``verify`` and ``restore``."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated

import typer

from moorage.cli.arguments import StackName  # noqa: TC001  # typer reads it when the program runs
from moorage.config.locate import find_root

if TYPE_CHECKING:
    from moorage.config.project import Project
    from moorage.engine.backups import Backups
    from moorage.engine.session import Session

app = typer.Typer(help="Back up a stack's database, and restore it.", no_args_is_help=True)

BackupOption = Annotated[
    str | None, typer.Option("--backup", metavar="NAME", help="A backup that `data list` shows. [default: the newest]")
]
_KIB = 1024
_TROUBLED = 3


@app.command("list")
def list_backups(stack: StackName = "dev") -> None:
    """Show the backups that are kept, and how far the database's log was received.

    Exit status 3 says that something is wrong with them: a backup that is late, a log that is not being received.
    """
    from moorage.base.console import out
    from moorage.config.backup import volume_of
    from moorage.engine import backups

    project, session = _stack(stack)
    backups.require(project)
    settings = project.settings.postgres
    found = backups.read(session, project)
    out.print(_table(found))
    if found.receiving:
        behind = f"{found.behind / _KIB:.0f} KiB behind"
        out.print(f"[green]✓[/] the log of the database is received as it is written, {behind}")
    if found.rehearsed is None:
        out.print(f"[yellow]![/] no restore was ever rehearsed: moorage data verify {stack}")
    else:
        out.print(f"[green]✓[/] a restore was last rehearsed {_age(found.rehearsed)} ago")
    if settings.backup is None:
        return
    if settings.backup.offsite and found.copied is not None:
        out.print(f"[green]✓[/] everything was copied to {settings.backup.offsite.bucket} {found.copied} s ago")
    told = backups.troubles(found, settings.backup, volume_of(settings.restore), dt.datetime.now(dt.UTC))
    for trouble in told:
        out.print(f"[red]✗[/] {trouble}: see `kubectl logs postgres-0 --container=backup`")
    if told:
        raise typer.Exit(_TROUBLED)


@app.command()
def backup(
    stack: StackName = "dev",
    *,
    full: Annotated[
        bool, typer.Option("--full", help="Copy everything, not only what changed since the last backup.")
    ] = False,
) -> None:
    """Make a backup now, and verify it."""
    from moorage.engine import backups

    project, session = _stack(stack)
    backups.take(session, project, full=full)


@app.command()
def verify(stack: StackName = "dev", *, name: BackupOption = None) -> None:
    """Rehearse a restore: restore a backup beside the others, check every page of it, remove it again.

    The database is not touched. What is printed last is how long it took and the last transaction that it brought back.
    """
    from moorage.engine import backups

    project, session = _stack(stack)
    backups.rehearse(session, project, name)


@app.command()
def restore(
    stack: StackName = "dev",
    *,
    at: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Restore what was committed by then. [default: all that was received]"),
    ] = None,
    name: BackupOption = None,
    into: Annotated[
        str | None, typer.Option(metavar="VOLUME", help="Name of the new volume. [default: restored and the time]")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Restore the database into a new volume, then let it run on that; the old volume is kept.

    Writes `moorage:postgres.restore` into the stack's file and runs `moorage up`. Until the new volume is restored the
    database serves from the old one. Run `moorage up` again if it was interrupted.
    """
    from moorage.base.console import out
    from moorage.cli import deploy
    from moorage.config.backup import volume_of
    from moorage.engine import backups

    project, session = _stack(stack)
    backups.require(project)
    source = volume_of(project.settings.postgres.restore)
    now = dt.datetime.now(dt.UTC)
    values = {"volume": into or now.strftime("restored-%Y%m%d-%H%M%S"), "fromVolume": source}
    if at:
        values["at"] = _instant(at, now)
    if name:
        values["backup"] = name
    _check(values, stack)
    out.print(
        f"Restores {project.settings.postgres.database} of stack {stack} as of {values.get('at', 'the last second received')} "
        f"into volume {values['volume']}; what was written after that stays in volume {source}."
    )
    if not yes:
        typer.confirm("Restore?", abort=True)
    backups.write_restore(session, values)
    deploy.up(find_root(), stack, yes=True)
    out.print(
        f"[green]✓[/] the database runs on volume {values['volume']}; volume {source} is kept. "
        f"Commit Pulumi.{stack}.yaml, which says so."
    )


def _stack(stack: str) -> tuple[Project, Session]:
    from moorage.cli.sessions import session_for
    from moorage.config.loader import load_project

    project = load_project(find_root(), stack)
    return project, session_for(project)


def _instant(text: str, now: dt.datetime) -> str:
    """Return a time as RFC 3339 writes it.

    A time without a zone is of this machine's. Raises `MoorageError` where it is none, or has not come yet.
    """
    from moorage.base.errors import MoorageError

    try:
        found = dt.datetime.fromisoformat(text).astimezone(dt.UTC)
    except ValueError as error:
        raise MoorageError.of(
            f"{text} is not a time", where="--at", why=str(error), remedy=f"write for example {now:%Y-%m-%dT%H:%M:%SZ}"
        ) from None
    if found >= now:
        raise MoorageError.of(
            f"{found:%Y-%m-%d %H:%M:%S} UTC has not come yet",
            where="--at",
            why=f"it is {now:%Y-%m-%d %H:%M:%S} UTC",
            remedy="name a time in the past, or leave --at out for everything that was received",
        )
    return found.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _check(values: dict[str, str], stack: str) -> None:
    """Raise `MoorageError` with what is wrong with the options, before any file is changed."""
    from pydantic import ValidationError

    from moorage.base.errors import MoorageError
    from moorage.config.backup import Restore

    try:
        Restore.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        problem = (first.get("ctx") or {}).get("problems", (None,))[0]
        raise MoorageError.of(
            problem.what if problem else first["msg"],
            where=f"--{'into' if 'olume' in str(first['loc']) else 'backup'}",
            why=problem.why if problem else "it is not allowed there",
            remedy=problem.remedy if problem else f"see `moorage data list {stack}`",
        ) from None


def _table(found: Backups) -> object:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column, justify in (
        ("BACKUP", "left"),
        ("VOLUME", "left"),
        ("BEGAN", "left"),
        ("TOOK", "right"),
        ("SIZE", "right"),
    ):
        table.add_column(column, justify="right" if justify == "right" else "left")
    for one in found.kept:
        took = f"{(one.ended - one.began).total_seconds():.0f} s"
        began = one.began.astimezone().strftime("%Y-%m-%d %H:%M:%S")
        table.add_row(one.name, one.volume, began, took, f"{one.kib / _KIB:.1f} MiB")
    return table


def _age(seconds: int) -> str:
    minute, hour, day = 60, 3600, 86400
    if seconds < 2 * hour:
        return f"{seconds // minute} minutes"
    return f"{seconds // hour} hours" if seconds < 2 * day else f"{seconds // day} days"
