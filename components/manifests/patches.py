"""Patches of finished objects: strategic merges as the API server does them, and JSON patches (RFC 6902)."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from moorage.config.patches import JsonPatchOperation, Patch

    from . import Manifest

_MERGE_KEYS: Mapping[str, tuple[str, ...]] = {
    "containers": ("name",),
    "initContainers": ("name",),
    "volumes": ("name",),
    "env": ("name",),
    "imagePullSecrets": ("name",),
    "hostAliases": ("ip",),
    "volumeMounts": ("mountPath",),
    "volumeDevices": ("devicePath",),
    "ports": ("containerPort", "port"),
    "topologySpreadConstraints": ("topologyKey",),
    "secrets": ("name",),
    "ownerReferences": ("uid",),
    "conditions": ("type",),
}
"""By which key Kubernetes tells the items of a list from each other; lists that are not named are replaced."""
_DIRECTIVE = "$patch"


class PatchError(ValueError):
    """A JSON patch whose place does not exist, or whose test fails."""


def patched(manifest: Manifest, patch: Patch) -> Manifest:
    """Return an object with a patch applied; values that come later are moved, never looked into.

    Raises `PatchError` where a JSON patch names a place that is not there.
    """
    if patch.merge is not None:
        merged: Manifest = strategic_merge(manifest, patch.merge)
        return merged
    return json_patched(manifest, patch.json_ or [])


def strategic_merge(base: Any, changes: Any, key: str = "") -> Any:
    """Return ``base`` with ``changes``: mappings and lists of named items merged, null removes, else replaced."""
    if isinstance(changes, dict) and isinstance(base, dict):
        return _merged_mapping(base, changes)
    if isinstance(changes, list) and isinstance(base, list) and _merge_key(key, base, changes):
        return _merged_list(base, changes, _merge_key(key, base, changes))
    return _without_directives(changes)


def _merged_mapping(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    if changes.get(_DIRECTIVE) == "replace":
        return {key: value for key, value in changes.items() if key != _DIRECTIVE}
    merged = dict(base)
    for key, value in changes.items():
        if value is None:
            merged.pop(key, None)
        elif key != _DIRECTIVE:
            merged[key] = strategic_merge(merged.get(key), value, key)
    return merged


def _merge_key(key: str, base: Sequence[Any], changes: Sequence[Any]) -> str:
    items = [*base, *changes]
    named = (name for name in _MERGE_KEYS.get(key, ()) if all(isinstance(item, dict) for item in items))
    return next((name for name in named if all(name in item for item in items if _DIRECTIVE not in item)), "")


def _merged_list(base: Sequence[Any], changes: Sequence[Any], name: str) -> list[Any]:
    merged = list(base)
    for change in changes:
        at = next((index for index, item in enumerate(merged) if item.get(name) == change.get(name)), None)
        if change.get(_DIRECTIVE) == "delete":
            if at is not None:
                del merged[at]
        elif at is None:
            merged.append(_without_directives(change))
        else:
            merged[at] = strategic_merge(merged[at], change)
    return merged


def _without_directives(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_directives(item) for key, item in value.items() if key != _DIRECTIVE and item is not None}
    return [_without_directives(item) for item in value] if isinstance(value, list) else value


def json_patched(manifest: Manifest, operations: Sequence[JsonPatchOperation]) -> Manifest:
    """Return an object with operations applied one after the other.

    Raises `PatchError` for a place that does not exist, and for a test that fails.
    """
    whole: dict[str, Any] = {"": _copied(manifest)}
    for operation in operations:
        _apply(whole, operation)
    found: Manifest = whole[""]
    return found


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    return [_copied(item) for item in value] if isinstance(value, list) else value


def _parts(pointer: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")]


def _apply(whole: dict[str, Any], operation: JsonPatchOperation) -> None:
    value = deepcopy(operation.value)
    if operation.op in {"move", "copy"}:
        value = _copied(_at(whole, _parts(operation.from_ or "")))
    if operation.op == "move":
        _remove(whole, _parts(operation.from_ or ""))
    path = _parts(operation.path)
    if operation.op == "test":
        if _at(whole, path) != value:
            raise PatchError(f"the value at {operation.path} is another one than the test expects")
    elif operation.op == "remove":
        _remove(whole, path)
    else:
        _put(whole, path, value, replace=operation.op == "replace")


def _at(value: Any, parts: Sequence[str]) -> Any:
    for index, part in enumerate(parts):
        value = value[_key(value, part, parts[: index + 1])]
    return value


def _key(holder: Any, part: str, path: Sequence[str], *, new: bool = False) -> str | int:
    if isinstance(holder, dict) and (new or part in holder):
        return part
    if isinstance(holder, list):
        if part == "-" and new:
            return len(holder)
        if part.isdigit() and int(part) < len(holder) + new:
            return int(part)
    raise PatchError(f"there is nothing at {'/'.join(path)}")


def _put(whole: Any, path: Sequence[str], value: Any, *, replace: bool) -> None:
    holder = _at(whole, path[:-1])
    key = _key(holder, path[-1], path, new=not replace)
    if isinstance(holder, list) and not replace:
        holder.insert(int(key), value)
    else:
        holder[key] = value


def _remove(whole: Any, path: Sequence[str]) -> None:
    holder = _at(whole, path[:-1])
    del holder[_key(holder, path[-1], path)]
