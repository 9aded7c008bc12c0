"""Data: what an update must not do to it unless somebody has said so by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..changes import CONFIG_KEY, DataChange, changes, deletion
from ..examples import Example
from ..judge import across
from ..objects import STATE
from ..registry import DEV_ADVISORY, Scope, Severity, rule
from ..tree import Remark

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..objects import Object
    from ..stack import Stack

_DATABASE: Final = "urn:pulumi:test::test::kubernetes:apps/v1:StatefulSet::db"
_STATE: Final = f"{STATE}/{_DATABASE}"


@rule(
    "DAT-01",
    "disallow-deletion-of-data",
    summary="Nothing that holds data or is protected disappears without being acknowledged.",
    why="what Pulumi no longer finds in the program it deletes, with the data",
    fix=f"where it was renamed, add an alias with the old name; where it is to go, back it up and add the name to {CONFIG_KEY}",
    scope=Scope.STACK,
    levels=DEV_ADVISORY,
    severity=Severity.CRITICAL,
    standards=(),
    example=Example(target=_STATE, path="metadata.name", value=f"{_DATABASE}-of-old", reads=False),
)
def disallow_deletion(stack: Stack) -> Iterator[tuple[Object, Remark]]:
    """Ask for an acknowledgement of every object in the state that the stack no longer has."""
    known = {item.origin.urn for item in stack.objects} | stack.registered
    if known == {None}:
        return  # plain manifests, of which Pulumi knows nothing
    for before in stack.previous:
        change = deletion(before) if before.origin.urn not in known else None
        if change is not None and change.name not in stack.acknowledged:
            yield before, _remark(change)


@rule(
    "DAT-02",
    "disallow-risky-changes-of-data",
    summary="No volume shrinks, nothing that holds data is replaced and Postgres takes no major version unacknowledged.",
    why="a volume cannot shrink, a replaced object loses its data, and Postgres does not start on another major's files",
    fix="copy the data to a new volume; dump the database or run pg_upgrade; then acknowledge the change in "
    f"{CONFIG_KEY}",
    scope=Scope.STACK,
    levels=DEV_ADVISORY,
    severity=Severity.CRITICAL,
    standards=(),
    example=Example(
        target="StatefulSet/db",
        path="spec.volumeClaimTemplates[0].spec.resources.requests.storage",
        value="1Mi",
    ),
    at_once=True,
)
def disallow_risky_changes(stack: Stack) -> Iterator[tuple[Object, Remark]]:
    """Ask for an acknowledgement of every change that may lose data, of objects that were there before."""
    before = {item.origin.urn: item for item in stack.previous}

    def risky(about: Object) -> Iterator[Remark]:
        for change in changes(before[about.origin.urn], about):
            if change.name not in stack.acknowledged:
                yield _remark(change)

    yield from across((item for item in stack.objects if item.origin.urn in before and item.kind != STATE), risky)


def _remark(change: DataChange) -> Remark:
    return Remark(change.path, None, f"{change.problem} (acknowledge with {change.name!r} in {CONFIG_KEY})")
