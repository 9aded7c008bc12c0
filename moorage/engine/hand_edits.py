"""What was done to a stack's objects behind its back, field by field: also in fields that the stack leaves to others.

The API server notes who wrote each field. A field that a person's tool wrote, and that is not as the last update left it,
is an edit by hand; what the cluster's own controllers write is theirs.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from moorage.engine.drift import SECRET, Drift, compare, kind_of, listing, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from moorage.engine.drift import Listing
    from moorage.engine.session import Session
    from moorage.engine.state import Resource, State

_OURS = re.compile(r"pulumi-kubernetes")
_MANAGER = "pulumi.com/patchFieldManager"
"""Annotation with the name under which the stack owns the fields that it sets."""
_CONTROLLERS = re.compile(
    r"^(?:kube-|kubelet|kubernetes$|k3s|cluster-autoscaler|karpenter|vpa-|cert-?manager|external-secrets|csi-|local-path)"
    r"|controller|operator|scheduler|provisioner|autoscaler|ingress|traefik|webhook|injector"
)
"""Managers that are the cluster's own, or serve it."""
_SUBRESOURCES = ("status",)
_SCALE = "scale"
_NOT_COMPARED = re.compile(
    r"status(?:\.|$)"
    r"|metadata\.(?:managedFields|resourceVersion|generation|uid|creationTimestamp|finalizers|ownerReferences)(?:\.|\[|$)"
    r"|metadata\.annotations\.(?:kubectl\.kubernetes\.io/last-applied-configuration|deployment\.kubernetes\.io/revision)$"
)
_INSTANCE, _MANAGED_BY = "app.kubernetes.io/instance", "app.kubernetes.io/managed-by"
_FORBIDS = "NetworkPolicy"
"""Of this kind one more changes what the others allow."""
_HIDDEN = "(value not shown)"


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """What a comparison of a stack's state with its cluster found."""

    drifts: tuple[Drift, ...] = ()
    strangers: tuple[Drift, ...] = ()
    """Objects that pass for the stack's, or change what its network allows, and are not in its state."""
    compared: int = 0
    """Objects that were looked at."""
    refused: tuple[str, ...] = ()
    """Kinds that may not be listed."""

    @property
    def clean(self) -> bool:
        """Whether everything is as the last update left it."""
        return not self.drifts and not self.strangers


def inspect(session: Session, state: State) -> Inspection | None:
    """Compare the state with the cluster; None where the cluster does not answer. Nothing is changed."""
    listed = listing(session, state, "--show-managed-fields")
    return None if listed is None else inspected(listed, state)


def inspected(listed: Listing, state: State) -> Inspection:
    """Return what differs between a state and what was listed."""
    first = {drift.urn: drift for drift in compare(listed.wanted, listed.live)}
    found = []
    for resource in listed.wanted:
        live = listed.live.get((kind_of(resource), *resource.place))
        known = first.get(resource.urn)
        if live is None or (known is not None and known.missing):
            found += [known] if known else []
            continue
        changes = [*_again(resource, live), *(known.changes if known else ())]
        changes += _others(edits(resource.inputs, resource.outputs, live), changes)
        if changes:
            drift = known or Drift(kind=resource.kind, name=resource.place[1], urn=resource.urn)
            found.append(replace(drift, changes=tuple(changes), by=_last_writer(resource.inputs, live)))
    return Inspection(
        drifts=tuple(found),
        strangers=tuple(_strangers(listed, state)),
        compared=len(listed.wanted),
        refused=listed.refused,
    )


def edits(given: Any, left: Any, live: Mapping[str, Any]) -> Iterator[str]:
    """Yield the fields of ``live`` that somebody other than Pulumi and the cluster wrote, and not as they were ``left``."""
    scaled = isinstance(given.get("spec"), dict) and "replicas" not in given["spec"]
    told: set[str] = set()
    for entry in _people(given, live):
        if entry.get("subresource") == _SCALE and scaled:
            continue
        for place, before, now in _written(entry.get("fieldsV1") or {}, left, live):
            text = "".join(place).removeprefix(".")
            if text in told or _NOT_COMPARED.match(text):
                continue
            told.add(text)
            if before == _HIDDEN:
                yield f"{text} {_HIDDEN}"
            elif before != now:
                yield f"{text} {shown(before)} → {shown(now)}"


def _written(
    fields: Mapping[str, Any], left: Any, live: Any, way: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Any, Any]]:
    """Yield place, value as it was left and value now of all that ``fields``, in the API server's notation, cover."""
    for key, inner in fields.items():
        if key == ".":
            continue
        mark, now, before = _member(key, live, left)
        if before == _HIDDEN:
            yield (*way, mark), _HIDDEN, None
        elif inner.keys() - {"."} and isinstance(now, (dict, list)) and isinstance(before, (dict, list)):
            yield from _written(inner, before, now, (*way, mark))
        else:
            yield (*way, mark), before, now


def _member(key: str, live: Any, left: Any) -> tuple[str, Any, Any]:
    """Return how a member is called in a path, its value now, and the one that it was left with."""
    kind, _, name = key.partition(":")
    if isinstance(left, dict) and SECRET in left:
        return f".{name}", None, _HIDDEN
    if kind == "f":
        before = left.get(name) if isinstance(left, dict) else None
        hidden = isinstance(before, dict) and SECRET in before
        now = live.get(name) if isinstance(live, dict) else None
        return f".{name}", now, _HIDDEN if hidden else before
    if kind == "k":
        wanted = json.loads(name)
        now, before = _keyed(live, wanted), _keyed(left, wanted)
        shown_name = (now or before or {}).get("name") or "/".join(str(value) for value in wanted.values())
        return f"[{shown_name}]", now, before
    value = json.loads(name) if kind == "v" else name
    members = [items if isinstance(items, list) else [] for items in (live, left)]
    now, before = (value if value in items else None for items in members)
    return f"[{value}]", now, before


def _keyed(items: Any, wanted: Mapping[str, Any]) -> Any:
    members = items if isinstance(items, list) else []
    return next(
        (
            item
            for item in members
            if isinstance(item, dict) and all(item.get(key) == value for key, value in wanted.items())
        ),
        None,
    )


def _others(found: Iterator[str], known: Sequence[str]) -> list[str]:
    """Return the edits that none of the ``known`` tells already, be it more closely or of the whole."""
    places = [change.split(" ", 1)[0] for change in known]

    def new(change: str) -> bool:
        place = change.split(" ", 1)[0]
        return not any(place == other or _inside(place, other) or _inside(other, place) for other in places)

    return [change for change in found if new(change)]


def _inside(place: str, other: str) -> bool:
    return place.startswith((f"{other}.", f"{other}["))


def _again(resource: Resource, live: Mapping[str, Any]) -> Iterator[str]:
    """Yield that an object is another one of the same name."""
    before = (resource.outputs.get("metadata") or {}).get("uid")
    if before and before != live["metadata"].get("uid"):
        yield f"metadata.uid {before} → {live['metadata'].get('uid')} (deleted and created again)"


def _people(given: Mapping[str, Any], live: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield what the API server notes of each who wrote to an object, but for the stack itself and the cluster."""
    ours = ((given.get("metadata") or {}).get("annotations") or {}).get(_MANAGER)
    for entry in live["metadata"].get("managedFields") or ():
        manager = str(entry.get("manager", ""))
        own = manager == ours or _OURS.search(manager) or _CONTROLLERS.search(manager)
        if not own and entry.get("subresource") not in _SUBRESOURCES:
            yield entry


def _last_writer(given: Mapping[str, Any], live: Mapping[str, Any]) -> str:
    entries = sorted(_people(given, live), key=lambda entry: str(entry.get("time", "")))
    return f"{entries[-1].get('manager')} at {entries[-1].get('time')}" if entries else ""


def _strangers(listed: Listing, state: State) -> Iterator[Drift]:
    """Yield what has the stack's labels and is not its own, and network policies beside its own."""
    known = {(kind_of(resource), *resource.place) for resource in state.resources if resource.is_object}
    instances = {
        str(labels[_INSTANCE])
        for resource in listed.wanted
        if _INSTANCE in (labels := (resource.inputs.get("metadata") or {}).get("labels") or {})
    }
    for place, live in listed.live.items():
        metadata = live["metadata"]
        if place in known or metadata.get("ownerReferences") or "deletionTimestamp" in metadata:
            continue
        labels = metadata.get("labels") or {}
        passes = labels.get(_INSTANCE) in instances and labels.get(_MANAGED_BY) == "pulumi"
        kind = place[0].rpartition("/")[2]
        if (passes and kind != "PersistentVolumeClaim") or (kind == _FORBIDS and place[1] == state.namespace):
            yield Drift(
                kind=kind, name=metadata["name"], changes=("is not in the stack's state",), by=_last_writer({}, live)
            )
