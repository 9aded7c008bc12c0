"""What an update would do to data: deletions, replacements, shrinking volumes, major versions of Postgres."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from moorage.base.image_reference import parse_image
from moorage.base.quantity import parse_quantity

from .objects import Object, Origin
from .pulumi_objects import resource_objects, thaw
from .settings import SettingsError
from .tree import Node, ShapeError, UnknownError, walk

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CONFIG_KEY: Final = "policy:acknowledgedChanges"
"""Key of the stack's configuration: a list of ``change:Kind/name``, such as ``delete:StatefulSet/postgres``."""
HOLDS_DATA: Final = frozenset({"StatefulSet", "PersistentVolumeClaim", "PersistentVolume", "Namespace"})
REPLACING: Final[dict[str, tuple[tuple[str, ...], ...]]] = {
    "StatefulSet": (
        ("spec", "selector"), ("spec", "serviceName"), ("spec", "podManagementPolicy"),
        ("spec", "volumeClaimTemplates"),
    ),
    "PersistentVolumeClaim": (
        ("spec", "accessModes"), ("spec", "selector"), ("spec", "storageClassName"), ("spec", "volumeMode"),
        ("spec", "volumeName"), ("spec", "dataSource"), ("spec", "dataSourceRef"),
    ),
}  # fmt: skip
"""Fields that Kubernetes does not change in an object that is there: Pulumi makes another one, and deletes the first."""
_NAMES: Final = (("metadata", "name"), ("metadata", "namespace"))
_NAME: Final = re.compile(r"(?:delete|replace|shrink|upgrade):\w+/\S+")
_POSTGRES: Final = re.compile(r"(?:^|/)(?:[\w.-]*-)?postgres(?:ql)?$")
_MAJOR: Final = re.compile(r"v?(\d+)")


@dataclass(frozen=True)
class DataChange:
    """A change that may lose data; ``name`` is what the configuration has to say to let it happen."""

    name: str
    path: str
    problem: str


def acknowledged(value: str) -> frozenset[str]:
    """Return the changes that a stack's configuration lets happen, given as JSON; raises SettingsError."""
    try:
        entries = json.loads(value)
    except ValueError:
        entries = None
    if not isinstance(entries, list):
        raise SettingsError([f"{CONFIG_KEY} must be a list"])
    wrong = [entry for entry in entries if not isinstance(entry, str) or not _NAME.fullmatch(entry)]
    if wrong:
        form = "delete, replace, shrink or upgrade, and then :Kind/name, such as delete:StatefulSet/postgres"
        raise SettingsError([f"{CONFIG_KEY}: {entry!r} must be {form}" for entry in wrong])
    return frozenset(entries)


def previous_object(state: Mapping[str, Any]) -> Object | None:
    """Return the object that a resource in Pulumi's state is, None for one that holds no data and is not protected.

    One that stays when Pulumi forgets it (``retainOnDelete``), or is about to be deleted already, is none either.
    """
    if state.get("retainOnDelete") is True or state.get("delete") is True:
        return None
    urn, kind = str(state.get("urn", "")), str(state.get("type", ""))
    origin = Origin(urn=urn, protect=state.get("protect") is True)
    inputs = state.get("inputs")
    found = next(resource_objects(kind, thaw(inputs if isinstance(inputs, dict) else {}), origin), None)
    if found is not None and (found.kind in HOLDS_DATA or found.pod is not None or origin.protect):
        return found
    if found is None and origin.protect and state.get("custom") is True:
        return Object(kind, "", Node({"metadata": {"name": urn.rpartition("::")[2]}}), origin=origin)
    return None


def deletion(before: Object) -> DataChange | None:
    """Return what deleting an object means, None where no data goes with it."""
    if before.kind not in HOLDS_DATA and before.origin.protect is not True:
        return None
    what = "holds data" if before.kind in HOLDS_DATA else "is protected"
    return DataChange(f"delete:{before.title}", "the object", f"{what} and would be deleted")


def changes(before: Object, after: Object) -> Iterator[DataChange]:
    """Yield what may lose data between an object as it is and as it will be.

    Raises UnknownError where a field that decides is not known yet, and ShapeError where one is odd.
    """
    title = before.title
    for path, old, new in _shrinking(before, after):
        yield DataChange(f"shrink:{title}", path, f"would shrink from {old} to {new}")
    old_major, new_major = _postgres_major(before), _postgres_major(after)
    if old_major and new_major and old_major != new_major:
        problem = f"would take Postgres from major version {old_major} to {new_major}"
        yield DataChange(f"upgrade:{title}", "the image", problem)
    if before.kind in HOLDS_DATA or before.origin.protect is True:
        for way in (*_NAMES, *REPLACING.get(before.kind, ())):
            was, will_be = before.root.at(*way), after.root.at(*way)
            unknown = next((node.path for node in walk(will_be) if node.unknown), None)
            if unknown is not None:
                raise UnknownError(unknown)
            if (was.value or None) != (will_be.value or None):
                problem = "cannot change in place: the object would be replaced"
                yield DataChange(f"replace:{title}", will_be.path, problem)
                return


def _shrinking(before: Object, after: Object) -> Iterator[tuple[str, str, str]]:
    """Yield path, old and new size of every claim, or template of one, that would ask for less."""
    new_sizes = dict(_sizes(after))
    for path, old in _sizes(before):
        was, will_be = parse_quantity(old), parse_quantity(new_sizes.get(path))
        if was is not None and will_be is not None and will_be < was:
            yield path, old, new_sizes[path]


def _sizes(about: Object) -> Iterator[tuple[str, str]]:
    claims = about.spec["volumeClaimTemplates"].elements() if about.kind == "StatefulSet" else ()
    roots = (about.root,) if about.kind == "PersistentVolumeClaim" else claims
    for root in roots:
        node = root.at("spec", "resources", "requests", "storage")
        size = node.scalar()
        if size is not None:
            yield node.path, str(size)


def _postgres_major(about: Object) -> str | None:
    """Return the major version in the tag of a Postgres image, or in the workload's label for its version."""
    if about.pod is None or about.reach == "Cluster":
        return None
    try:
        for container in about.pod.of("containers"):
            image = parse_image(container["image"].text() or "")
            if _POSTGRES.search(image.repository):
                version = image.tag or about.pod.metadata["labels"]["app.kubernetes.io/version"].text() or ""
                match = _MAJOR.match(version)
                return match[1] if match else None
    except (UnknownError, ShapeError):
        return None  # an image that is not known yet: its repository is what it was, its version is judged with it
    return None
