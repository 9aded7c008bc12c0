"""A stack's releases, read from its state, and what differs between two of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from moorage.base.errors import MoorageError
from moorage.config import outputs
from moorage.config.release import NewerFormError, Release, unpack
from moorage.engine import pulumi

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from moorage.engine.session import Session

_NONE_YET = ("does not have output property", "no stack named", "no resources in this stack")
_DIGITS = 12
"""Of a digest that people are shown."""
_STORES = ("postgres", "redis")
_NOT_DEPLOYED = ("build", "name")


@dataclass(frozen=True, kw_only=True)
class Change:
    """What differs between two releases in one service or setting."""

    part: str
    """A service, a data store or, for settings of the whole stack, ``stack``."""
    name: str
    before: str
    after: str

    def __str__(self) -> str:
        """Return the change as people read it."""
        return f"{self.name} {self.before} → {self.after}"


def read(session: Session) -> tuple[Release, ...]:
    """Return the stack's releases, oldest first; none of a stack that never came up.

    Raises `MoorageError` where they cannot be read, and where a newer Moorage recorded them.
    """
    arguments = ["stack", "output", outputs.RELEASES, "--show-secrets", "--json", "--stack", session.stack]
    result = pulumi.run(session, arguments)
    if result.returncode:
        if any(words in result.stderr for words in _NONE_YET):
            return ()
        raise pulumi.failure(session, arguments, result)
    try:
        return unpack(json.loads(result.stdout) or "")
    except NewerFormError as error:
        raise newer(session.stack, str(error)) from None


def newer(stack: str, what: str) -> MoorageError:
    """Return the error for a release that a newer Moorage recorded."""
    return MoorageError.of(
        "a newer Moorage recorded this release",
        where=f"stack {stack}",
        why=f"this Moorage does not know {what}",
        remedy="use the version of Moorage that deployed last, or a newer one: see the commit in `moorage history`",
    )


def by_number(releases: Sequence[Release], number: int, stack: str) -> Release:
    """Return the release of a number; raises `MoorageError` where it is not, or no longer, recorded."""
    for release in releases:
        if release.number == number:
            return release
    known = f"{releases[0].number} to {releases[-1].number}" if releases else "none yet"
    raise MoorageError.of(
        f"there is no release {number}",
        where=f"stack {stack}",
        why=f"recorded: {known}",
        remedy=f"`moorage history {stack}` lists them",
    )


def before(releases: Sequence[Release], release: Release) -> Release | None:
    """Return the release that was recorded before another; None for the first one."""
    earlier = [one for one in releases if one.number < release.number]
    return earlier[-1] if earlier else None


def changes(old: Release | None, new: Release) -> list[Change]:
    """Return what differs between two releases: images, then settings, by service."""
    return list(_changes(old, new))


def _changes(old: Release | None, new: Release) -> Iterator[Change]:
    before_services = old.services if old else {}
    for name in dict.fromkeys((*new.services, *before_services)):
        if name not in before_services or name not in new.services:
            words = ("(absent)", "runs")
            yield Change(part=name, name=name, before=words[name in before_services], after=words[name in new.services])
            continue
        if old and old.images.get(name) != new.images.get(name):
            yield Change(part=name, name="image", before=_short(old.images[name]), after=_short(new.images[name]))
        yield from _settings(name, before_services[name], new.services[name])
    if old is None:
        return
    for name in dict.fromkeys((*new.stores, *old.stores)):
        if old.stores.get(name) != new.stores.get(name):
            images = (_short(old.stores.get(name, "")), _short(new.stores.get(name, "")))
            yield Change(part=name, name="image", before=images[0], after=images[1])
    yield from _settings("stack", old.settings, new.settings)
    for name in sorted(old.restarts.keys() | new.restarts.keys()):
        if old.restarts.get(name) != new.restarts.get(name) and name in new.services and name in old.services:
            told = (old.restarts.get(name, "(never)"), new.restarts.get(name, "(never)"))
            yield Change(part=name, name="restarted", before=told[0], after=told[1])


def _settings(part: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    one, other = (dict(_leaves(found)) for found in (old, new))
    for key in sorted(one.keys() | other.keys()):
        values = one.get(key, "(none)"), other.get(key, "(none)")
        first = key.partition(".")[0]
        # What the stack changes of a service is in the service's own model already.
        if values[0] == values[1] or (part == "stack" and first == "services"):
            continue
        owner = first if part == "stack" and first in _STORES else part
        if part == "stack" or first not in _NOT_DEPLOYED:
            yield Change(part=owner, name=key, before=values[0], after=values[1])


def _leaves(data: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    for key, value in data.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{above}{key}.")
        elif value is not None:
            yield f"{above}{key}", value if isinstance(value, str) else json.dumps(value)


def _short(image: str) -> str:
    return image.rpartition("sha256:")[2][:_DIGITS] if image else "(none)"
