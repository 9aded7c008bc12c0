"""The backups of a stack's database, as the sidecar in its pod knows them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from moorage.base.errors import MoorageError
from moorage.config.service import POSTGRES
from moorage.engine import kubectl, pulumi

if TYPE_CHECKING:
    from moorage.config.backup import Backup
    from moorage.config.project import Project
    from moorage.engine.session import Session

_SCRIPT = ("sh", "/usr/local/bin/backup-postgres")
_HOUR = 3600
_LATE_COPY = 600
_COMPACT = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True, kw_only=True)
class Kept:
    """One backup."""

    volume: str
    """Name of the volume that it is of."""
    name: str
    kind: str
    """``full`` or ``incremental``."""
    began: dt.datetime
    ended: dt.datetime
    kib: int
    """KiB that it takes."""


@dataclass(frozen=True, kw_only=True)
class Backups:
    """What is kept of a database."""

    kept: tuple[Kept, ...] = ()
    """Oldest first within each volume."""
    receiving: bool = False
    """Whether the server's WAL is being received."""
    behind: int = 0
    """Bytes of it that are not received yet."""
    rehearsed: int | None = None
    """Seconds since a restore was last rehearsed; None for never."""
    copied: int | None = None
    """Seconds since everything was last copied elsewhere; None for never."""


def troubles(found: Backups, settings: Backup, volume: str, now: dt.datetime) -> list[str]:
    """Return what is wrong with the backups of the volume that the database runs on, a sentence each: nothing is good."""
    told = []
    if not found.receiving:
        told.append("the log of the database is not being received")
    own = [one for one in found.kept if one.volume == volume]
    if not own:
        told.append("there is no backup yet")
    elif now - own[-1].ended > (allowed := 2 * dt.timedelta(hours=settings.incremental_every_hours)):
        told.append(f"the newest backup is older than {allowed.total_seconds() / _HOUR:.0f} hours")
    if settings.offsite and (found.copied is None or found.copied > _LATE_COPY):
        since = "never" if found.copied is None else f"{found.copied // 60} minutes ago"
        told.append(f"the backups were last copied to {settings.offsite.bucket} {since}")
    return told


def read(session: Session, project: Project) -> Backups:
    """Return what is kept.

    Raises `MoorageError` where the stack's database has no backups, or cannot be asked.
    """
    result = kubectl.run(session, *_exec(project), "list")
    if result.returncode:
        raise _unreachable(project, result.stderr)
    return parsed(result.stdout)


def parsed(text: str) -> Backups:
    """Return what the sidecar's ``list`` says."""
    kept, receiving, behind = [], False, 0
    ago: dict[str, int] = {}
    for words in (line.split() for line in text.splitlines()):
        match words:
            case ["wal", active, bytes_behind]:
                receiving, behind = active in {"t", "true"}, int(bytes_behind)
            case ["rehearsed" | "copied" as what, seconds]:
                ago[what] = int(seconds)
            case [volume, name, kind, began, ended, kib]:
                kept.append(
                    Kept(volume=volume, name=name, kind=kind, began=_time(began), ended=_time(ended), kib=int(kib))
                )
    return Backups(kept=tuple(kept), receiving=receiving, behind=behind, **ago)


def take(session: Session, project: Project, *, full: bool) -> None:
    """Make a backup now, its progress going where ours goes.

    Raises `MoorageError` where it was not made.
    """
    _do(session, project, "take", "full" if full else "incremental", what="no backup was made")


def rehearse(session: Session, project: Project, name: str | None) -> None:
    """Restore a backup beside the others, check it and remove it again; `name` is None for the newest.

    Raises `MoorageError` where it could not be restored.
    """
    _do(session, project, "rehearse", *([name] if name else []), what="the backup could not be restored")


def write_restore(session: Session, values: dict[str, str]) -> None:
    """Set ``moorage:postgres.restore`` in the stack's file to these values and no others."""
    pulumi.run(session, ["config", "rm", "--path", "moorage:postgres.restore", "--stack", session.stack])
    pairs = [
        word for key, value in values.items() for word in ("--plaintext", f"moorage:postgres.restore.{key}={value}")
    ]
    pulumi.output(session, ["config", "set-all", "--path", "--stack", session.stack, *pairs])


def require(project: Project) -> None:
    """Raise `MoorageError` where the stack's database has no backups."""
    where = f"Pulumi.{project.stack_name}.yaml"
    if POSTGRES not in project.stores:
        raise MoorageError.of(
            "the stack has no database",
            where=where,
            why="no service of the stack needs postgres",
            remedy="add `needs: [postgres]` to a service.yaml",
        )
    if project.settings.postgres.backup is None:
        raise MoorageError.of(
            "the database has no backups",
            where=where,
            why="moorage:postgres has no key backup",
            remedy=f"add `backup: {{}}` to moorage:postgres, then run `moorage up {project.stack_name}`",
        )


def _exec(project: Project) -> list[str]:
    require(project)
    pod = f"statefulset/{POSTGRES}"
    return ["exec", f"--namespace={project.namespace}", pod, "--container=backup", "--", *_SCRIPT]


def _do(session: Session, project: Project, *arguments: str, what: str) -> None:
    if kubectl.show(session, *_exec(project), *arguments):
        raise MoorageError.of(
            what,
            where=f"stack {project.stack_name}, container backup of pod {POSTGRES}-0",
            why="see what it printed above",
            remedy=f"fix that, then run the command again; `moorage data list {project.stack_name}` shows what is kept",
        )


def _unreachable(project: Project, text: str) -> MoorageError:
    return MoorageError.of(
        "the backups cannot be listed",
        where=f"stack {project.stack_name}, container backup of pod {POSTGRES}-0",
        why=(text.strip().splitlines() or ["kubectl exec failed"])[-1],
        remedy=f"moorage up {project.stack_name}",
    )


def _time(text: str) -> dt.datetime:
    return dt.datetime.strptime(text, _COMPACT).replace(tzinfo=dt.UTC)
