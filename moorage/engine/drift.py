"""What of a stack is missing from its cluster, or was changed there by hand: the state compared with a few listings."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from moorage.engine import kubectl

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from moorage.engine.session import Session
    from moorage.engine.state import Resource, State

SECRET = "4dabf18193072939515e22adb298388d"  # noqa: S105  # by this key Pulumi's state marks what it encrypts
_KEY = "name"
"""By which Kubernetes tells the members of its lists apart."""
_FORBIDDEN = re.compile(r'cannot (?:list|get) resource "([^"]+)"')

Place = tuple[str, str, str]
"""API version and kind as one text, namespace, name."""


@dataclass(frozen=True, kw_only=True)
class Drift:
    """One object that is not in the cluster as the stack's last update left it."""

    kind: str
    name: str
    urn: str = ""
    changes: tuple[str, ...] = ()
    """The fields that are different, each with both values; empty for an object that is missing."""
    by: str = ""
    """Who wrote to it last, as far as the cluster knows, and when; empty where that was not looked for."""

    @property
    def missing(self) -> bool:
        """Whether the object is not there."""
        return not self.changes

    def __str__(self) -> str:
        """Return it as one line."""
        title = f"{self.kind} {self.name}"
        return f"{title} is missing" if self.missing else f"{title} was changed: {', '.join(self.changes)}"


@dataclass(frozen=True, kw_only=True)
class Listing:
    """The objects of a state beside those of the same kinds that the cluster has."""

    wanted: tuple[Resource, ...]
    """Of the kinds that could be asked for."""
    live: Mapping[Place, Mapping[str, Any]]
    refused: tuple[str, ...]
    """Kinds that may not be listed, ``v1/Secret``."""


def find(session: Session, state: State) -> list[Drift] | None:
    """Ask the cluster for every kind of object that the state has; None where it does not answer.

    Kinds that may not be listed are passed over. What Pulumi keeps encrypted is not compared.
    """
    listed = listing(session, state)
    return None if listed is None else list(compare(listed.wanted, listed.live))


def listing(session: Session, state: State, *options: str) -> Listing | None:
    """Ask the cluster for every kind of object that the state has, with kubectl's ``options``; None without an answer."""
    wanted = [resource for resource, _ in state.objects() if resource.place[1]]
    by_namespace: dict[str, list[Resource]] = defaultdict(list)
    for resource in wanted:
        by_namespace[resource.place[0]].append(resource)
    live: dict[Place, Mapping[str, Any]] = {}
    asked: set[tuple[str, str]] = set()
    for namespace, resources in sorted(by_namespace.items()):
        answer = _listed(session, namespace, resources, options) if namespace else _named(session, resources, options)
        if answer is None:
            return None
        objects, kinds = answer
        live |= {_place(item, namespace): item for item in objects}
        asked |= {(namespace, kind) for kind in kinds}
    answered = tuple(one for one in wanted if (one.place[0], kind_of(one)) in asked)
    refused = {kind_of(one) for one in wanted} - {kind_of(one) for one in answered}
    return Listing(wanted=answered, live=live, refused=tuple(sorted(refused)))


def compare(wanted: Iterable[Resource], live: Mapping[Place, Mapping[str, Any]]) -> Iterator[Drift]:
    """Yield what is missing of ``live``, or differs there in a field that the stack sets."""
    for resource in wanted:
        namespace, name = resource.place
        found = live.get((kind_of(resource), namespace, name))
        if found is None or "deletionTimestamp" in found.get("metadata", {}):
            yield Drift(kind=resource.kind, name=name, urn=resource.urn)
        elif differing := tuple(differences(resource.inputs, resource.outputs, found)):
            yield Drift(kind=resource.kind, name=name, urn=resource.urn, changes=differing)


def differences(given: Any, left: Any, now: Any, way: str = "") -> Iterator[str]:
    """Yield where ``now`` differs from what the last update ``left``, in what the program had ``given``.

    The cluster writes values in its own form, 1 for 1000m: so what it answered then is compared, not what was sent.
    """
    if isinstance(given, dict):
        if SECRET in given or not isinstance(left, dict) or SECRET in left:
            return
        inside = now if isinstance(now, dict) else {}
        for key, value in given.items():
            if key in left and not key.startswith("__"):
                yield from differences(value, left[key], inside.get(key), f"{way}.{key}" if way else key)
    elif isinstance(given, list):
        if not isinstance(left, list) or len(left) < len(given):
            return
        members = now if isinstance(now, list) else []
        for index, value in enumerate(given):
            name = value.get(_KEY) if isinstance(value, dict) else None
            mark = f"{way}[{name or index}]"
            yield from differences(value, left[index], _member(members, index, name), mark)
    elif left != now:
        yield f"{way} {shown(left)} → {shown(now)}"


def _member(members: list[Any], index: int, name: Any) -> Any:
    if name is not None:
        return next((item for item in members if isinstance(item, dict) and item.get(_KEY) == name), None)
    return members[index] if index < len(members) else None


def shown(value: Any) -> str:
    """Return a value as one short text."""
    text = "(none)" if value is None else value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 80 else f"{text[:79]}…"


def _listed(
    session: Session, namespace: str, resources: Iterable[Resource], options: Sequence[str]
) -> tuple[list[dict[str, Any]], set[str]] | None:
    """Return the objects of these resources' kinds in a namespace, and the kinds that could be listed."""
    kinds = {kind_of(resource) for resource in resources}
    arguments = ["get", ",".join(sorted(map(_argument, kinds))), f"--namespace={namespace}", "--output=json"]
    result = kubectl.run(session, *arguments, *options)
    return _parsed(result.stdout, result.stderr, result.returncode, kinds)


def _named(
    session: Session, resources: Iterable[Resource], options: Sequence[str]
) -> tuple[list[dict[str, Any]], set[str]] | None:
    """Return those of the resources without a namespace that are there, asked for by name: others' may be many."""
    found = list(resources)
    names = [f"{_argument(kind_of(resource))}/{resource.place[1]}" for resource in found]
    result = kubectl.run(session, "get", *names, "--ignore-not-found", "--output=json", *options)
    return _parsed(result.stdout, result.stderr, result.returncode, {kind_of(resource) for resource in found})


def _parsed(stdout: str, stderr: str, status: int, kinds: set[str]) -> tuple[list[dict[str, Any]], set[str]] | None:
    refused = set(_FORBIDDEN.findall(stderr))
    if status and not refused:
        return None
    try:
        answer = json.loads(stdout) if stdout.strip() else {"items": []}
    except ValueError:
        return None
    items = answer.get("items", [answer])
    # Of a kind that may not be listed nothing is known.
    return items, {kind for kind in kinds if not _plurals(kind.rpartition("/")[2]) & refused}


def _plurals(kind: str) -> set[str]:
    """Return what the API may call the objects of a kind: ``networkpolicies``."""
    name = kind.lower()
    return {name, f"{name}s", f"{name}es", f"{name[:-1]}ies"}


def kind_of(resource: Resource) -> str:
    """Return API version and kind of an object, as ``apps/v1/Deployment``."""
    version = resource.outputs.get("apiVersion") or resource.inputs.get("apiVersion") or ""
    return f"{version}/{resource.outputs.get('kind') or resource.kind}"


def _argument(kind: str) -> str:
    """Return a kind as kubectl takes it without asking which is meant: ``Deployment.v1.apps``."""
    version, _, name = kind.rpartition("/")
    group, _, number = version.rpartition("/")
    return f"{name}.{number}.{group}"


def _place(item: Mapping[str, Any], namespace: str) -> Place:
    return f"{item['apiVersion']}/{item['kind']}", namespace, item["metadata"]["name"]
