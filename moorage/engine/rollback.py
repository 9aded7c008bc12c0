"""Which release a rollback goes to, what it brings about, and why it may not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from moorage.base.errors import MoorageError, Problem
from moorage.base.image_reference import parse_image
from moorage.base.registry import Registry
from moorage.base.words import did_you_mean, listed
from moorage.config.pinned import mixed
from moorage.config.release import FORM, NewerFormError
from moorage.config.sources import stack_file
from moorage.config.stackfile import SETTINGS_NAMESPACE, set_secret_command
from moorage.config.yamlfile import read_yaml
from moorage.engine import releases
from moorage.engine.releases import by_number

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from moorage.config.release import Release
    from moorage.engine.session import Session

_STORES = ("postgres", "redis")
_ROLLBACK = "rollback to "
_SECONDS = 10


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A rollback that may be done."""

    now: Release
    to: Release
    pinned: Release
    """What is brought about."""
    names: tuple[str, ...]
    """The services that are taken back."""
    unproven: tuple[str, ...] = ()
    """Warnings: what could not be checked."""


def plan(
    session: Session, recorded: Sequence[Release], *, number: int | None, names: Sequence[str], unfinished: bool
) -> Plan:
    """Return the rollback to a release, by default the one before; after an update that failed, the last one.

    Raises `MoorageError` with everything that stands against it.
    """
    if not recorded:
        raise MoorageError.of(
            "there is no release to go back to",
            where=f"stack {session.stack}",
            why="no update of it has succeeded with a Moorage that records releases",
            remedy=f"fix the sources and run `moorage up {session.stack}`",
        )
    now = recorded[-1]
    to = by_number(recorded, number, session.stack) if number is not None else _default(recorded, unfinished, session)
    if to.form > FORM:
        raise releases.newer(session.stack, f"form {to.form} of release {to.number}")
    known = dict.fromkeys((*to.services, *now.services))
    if unknown := [name for name in names if name not in known]:
        raise MoorageError.of(
            f"neither release {to.number} nor what runs now has a service {unknown[0]}",
            where=f"stack {session.stack}",
            why=f"services: {listed(sorted(known))}",
            remedy=did_you_mean(unknown[0], list(known), "name one of them, or none for all of them"),
        )
    wanted = {name: name in to.services for name in names or known}
    pinned = mixed(now, to, wanted, cause=f"{_ROLLBACK}{to.number}{_of(names)}")
    # Data stays where it is: neither a volume nor a version is taken back.
    stores = {name: now.settings[name] for name in _STORES if name in now.settings}
    pinned = pinned.model_copy(update={"settings": {**pinned.settings, **stores}})
    problems = [*_moved_on(recorded, now, to, wanted), *_unreadable(pinned), *_secrets(session, pinned, wanted)]
    gone, unproven = _images(session, pinned, wanted, to)
    if problems or gone:
        raise MoorageError(*(problem for problem in (*problems, *gone)))
    return Plan(now=now, to=to, pinned=pinned, names=tuple(wanted), unproven=tuple(unproven))


def _of(names: Sequence[str]) -> str:
    return f" of {', '.join(names)}" if names else ""


def _default(recorded: Sequence[Release], unfinished: bool, session: Session) -> Release:
    now = recorded[-1]
    if unfinished:
        return now
    limit = now.number
    if now.cause.startswith(_ROLLBACK):
        limit = int(now.cause.removeprefix(_ROLLBACK).split()[0])
    earlier = [one for one in recorded if one.number < limit and not one.same_as(now)]
    if not earlier:
        raise MoorageError.of(
            f"there is no release before release {limit}",
            where=f"stack {session.stack}",
            why=f"recorded: {recorded[0].number} to {now.number}",
            remedy=f"`moorage history {session.stack}` lists them; --to N names one",
        )
    return earlier[-1]


def _moved_on(recorded: Sequence[Release], now: Release, to: Release, wanted: dict[str, bool]) -> Iterator[Problem]:
    """Yield what has happened to the data since: another major version of the database, a migration for good."""
    if to.database and now.database and to.database != now.database:
        yield Problem(
            what=f"release {to.number} ran on PostgreSQL {to.database}, and the data is PostgreSQL {now.database}'s now",
            where=f"release {to.number}",
            why="PostgreSQL does not go back to an older major version, and the services may rely on the old one",
            remedy="fix the sources and run `moorage up`, or restore a backup from before into a stack of its own",
        )
    since = [one for one in recorded if to.number < one.number <= now.number]
    for name in wanted:
        for one in since:
            if migration := _migration(one, releases.before(recorded, one), name):
                yield Problem(
                    what=f"release {one.number} migrated the data of {name}, and does not say that {name} as it was "
                    "before can work with it",
                    where=f"release {to.number}",
                    why=f"apps/{name}/service.yaml had release: {migration} without reversible: true",
                    remedy=f"fix the sources and run `moorage up`; or roll back to release {one.number} or later; where "
                    "the older version can work with the data, say reversible: true in the newer one and deploy that",
                )
                break


def _migration(release: Release, earlier: Release | None, name: str) -> str:
    """Return the command with which a release migrated the data for good; empty where it did not."""
    found: Any = release.services.get(name, {}).get("release")
    if not isinstance(found, dict) or found.get("reversible"):
        return ""
    if earlier is None or earlier.images.get(name) == release.images.get(name):
        return ""
    # A rollback runs none of it.
    return "" if release.cause.startswith(_ROLLBACK) else str(found.get("command") or "a command")


def _unreadable(pinned: Release) -> Iterator[Problem]:
    for name in pinned.services:
        try:
            pinned.model_of(name)
        except NewerFormError as error:
            yield Problem(
                what=f"service {name} was recorded with {error}, which this Moorage does not know",
                where=f"release of {name}",
                why="another version of Moorage recorded it",
                remedy="use the version of Moorage that deployed it",
            )


def _secrets(session: Session, pinned: Release, wanted: dict[str, bool]) -> Iterator[Problem]:
    """Yield secrets that the services read and the stack no longer has: secrets are never recorded."""
    config = read_yaml(stack_file(session.root, session.stack)).data.get("config")
    known = set(config) if isinstance(config, dict) else set()
    for name, there in wanted.items():
        for key in (pinned.services[name].get("secrets") or {}).values() if there else ():
            if f"{SETTINGS_NAMESPACE}:{key}" not in known:
                yield Problem(
                    what=f"service {name} of that release reads the secret {key}, which the stack no longer has",
                    where=f"Pulumi.{session.stack}.yaml",
                    why="releases record no secret",
                    remedy=f"run {set_secret_command(key, session.stack)}",
                )


def _images(session: Session, pinned: Release, wanted: dict[str, bool], to: Release) -> tuple[list[Problem], list[str]]:
    """Return a problem for each image that its registry no longer has, and a warning for each that could not be asked for."""
    registry = Registry(session.environment(), seconds=_SECONDS)
    gone, unproven = [], []
    for name, there in wanted.items():
        if not there:
            continue
        image = pinned.images[name]
        try:
            registry.manifests(parse_image(image))
        except MoorageError as error:
            told = error.problems[0]
            if "does not have" not in told.what:
                unproven.append(f"{image}: {told.what} ({told.why})")
                continue
            rebuilt = f"check out commit {to.commit[:12]} and run `moorage up {session.stack}`, which builds it again"
            gone.append(
                Problem(
                    what=f"the image of {name} in release {to.number} is no longer in the registry",
                    where=image,
                    why=told.why,
                    remedy=rebuilt if to.commit else f"go back to another release: `moorage history {session.stack}`",
                )
            )
    return gone, unproven
