"""What a deployment would do to data: deletions, replacements, shrinking volumes, major versions of Postgres.

A policy sees only what is to be, never what is. The JSON of ``pulumi preview --json`` has both, so this reads that.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from policy.image_reference import parse_image
from policy.objects import CLUSTER_SCOPED, Object, Origin
from policy.pulumi_objects import resource_objects, thaw
from policy.quantity import parse_quantity
from policy.tree import Node, ShapeError, UnknownError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

CONFIG_KEY: Final = "policy:acknowledgedChanges"
"""Key of the stack's configuration: a list of ``change:Kind/name``, such as ``delete:StatefulSet/postgres``."""
HOLDS_DATA: Final = frozenset({"StatefulSet", "PersistentVolumeClaim", "PersistentVolume", "Namespace"})
GONE: Final = {"delete": "delete", "delete-replaced": "replace", "replace": "replace", "create-replacement": "replace"}
_POSTGRES: Final = re.compile(r"(?:^|/)(?:[\w.-]*-)?postgres(?:ql)?$")
_MAJOR: Final = re.compile(r"v?(\d+)")


@dataclass(frozen=True)
class DataChange:
    """A change that may lose data; ``name`` is what the configuration has to say to let it happen."""

    name: str
    urn: str
    problem: str
    fix: str


def dangerous_changes(preview: Mapping[str, Any], acknowledged: Collection[str] = ()) -> tuple[DataChange, ...]:
    """Return the changes of ``pulumi preview --json`` that may lose data and that nobody has acknowledged by name.

    A step of an unexpected form is passed over; each change is returned once.
    """
    steps = preview.get("steps")
    found: dict[str, DataChange] = {}
    for step in steps if isinstance(steps, list) else []:
        if isinstance(step, dict):
            for change in _changes(step):
                found.setdefault(change.name, change)
    return tuple(change for name, change in found.items() if name not in acknowledged)


def _changes(step: Mapping[str, Any]) -> Iterator[DataChange]:
    urn = str(step.get("urn", ""))
    before, after = _object(step.get("oldState"), urn), _object(step.get("newState"), urn)
    change = GONE.get(str(step.get("op")))
    if change is not None and before is not None:
        protected = before.origin.protect is True
        if before.kind in HOLDS_DATA or protected:
            what = "is protected" if protected and before.kind not in HOLDS_DATA else "holds data"
            yield _change(change, before, urn, f"{before.title} {what} and would be {change}d")
    if before is not None and after is not None:
        for path, old, new in _shrinking(before, after):
            yield _change("shrink", before, urn, f"{before.title}: {path} would shrink from {old} to {new}")
        for old, new in _majors(before, after):
            yield _change(
                "upgrade", before, urn, f"{before.title}: Postgres would go from major version {old} to {new}"
            )


def _change(change: str, about: Object, urn: str, problem: str) -> DataChange:
    name = f"{change}:{about.title}"
    fix = {
        "upgrade": "dump the database, or run pg_upgrade, first: a server does not start on another major's files",
        "shrink": "a volume cannot shrink: make a new one and copy",
    }.get(change, "back up first; where a rename is the cause, add an alias with the old name")
    return DataChange(name, urn, problem, f"{fix}; then add {name!r} to {CONFIG_KEY}")


def _object(state: Any, urn: str) -> Object | None:
    if not isinstance(state, dict):
        return None
    origin = Origin(urn=urn, protect=state.get("protect") is True)
    inputs = state.get("inputs")
    kind = str(state.get("type", ""))
    found = next(resource_objects(kind, thaw(inputs if isinstance(inputs, dict) else {}), origin), None)
    if found is None and origin.protect:
        return Object(kind, "", Node({"metadata": {"name": urn.rpartition("::")[2]}}), origin=origin)
    return found


def _shrinking(before: Object, after: Object) -> Iterator[tuple[str, str, str]]:
    """Yield path, old and new size of every claim, or template of one, that would ask for less."""
    old_sizes, new_sizes = dict(_sizes(before)), dict(_sizes(after))
    for path, old in old_sizes.items():
        was, will_be = parse_quantity(old), parse_quantity(new_sizes.get(path))
        if was is not None and will_be is not None and will_be < was:
            yield path, old, new_sizes[path]


def _sizes(about: Object) -> Iterator[tuple[str, str]]:
    try:
        claims = about.spec["volumeClaimTemplates"].elements() if about.kind == "StatefulSet" else ()
        roots = (about.root,) if about.kind == "PersistentVolumeClaim" else claims
        for root in roots:
            node = root.at("spec", "resources", "requests", "storage")
            if node.value is not None:
                yield node.path, str(node.scalar())
    except (UnknownError, ShapeError):
        return


def _majors(before: Object, after: Object) -> Iterator[tuple[str, str]]:
    old, new = _postgres_major(before), _postgres_major(after)
    if old is not None and new is not None and old != new:
        yield old, new


def _postgres_major(about: Object) -> str | None:
    """Return the major version in the tag of a Postgres image, or in the workload's label for its version."""
    if about.pod is None or about.kind in CLUSTER_SCOPED:
        return None
    try:
        for container in about.pod.of("containers"):
            image = parse_image(container["image"].text() or "")
            if _POSTGRES.search(image.repository):
                version = image.tag or about.pod.metadata["labels"]["app.kubernetes.io/version"].text() or ""
                match = _MAJOR.match(version)
                return match[1] if match else None
    except (UnknownError, ShapeError):
        return None
    return None
