"""What Pulumi says that a preview found, out of its event log: the steps it would take, and what it could not judge."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

VARIABLES = {"PULUMI_DEBUG_COMMANDS": "true"}
"""With which Pulumi takes ``--event-log``, as its own automation API uses it."""
UNJUDGED = "list-unjudged-values"
"""The policy that lists what only an update can judge."""
HOLDS_DATA = frozenset({"StatefulSet", "PersistentVolumeClaim", "PersistentVolume", "Namespace"})
_OBJECT = "kubernetes:"
_PROVIDER = "pulumi:providers:"
_SAME = frozenset({"same", "read", "refresh"})
_REPLACING = frozenset({"replace", "create-replacement", "delete-replaced"})


@dataclass(frozen=True, kw_only=True)
class Step:
    """What would happen to one resource."""

    op: str
    """``create``, ``update``, ``replace`` or ``delete``."""
    urn: str
    type: str
    new: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """What the program asks for; empty where it is deleted."""

    @property
    def kind(self) -> str:
        """``StatefulSet``."""
        return self.type.rpartition(":")[2]

    @property
    def name(self) -> str:
        """Its logical name."""
        return self.urn.rpartition("::")[2]

    @property
    def is_object(self) -> bool:
        """Whether it is a Kubernetes object."""
        return self.type.startswith(_OBJECT) and not self.type.startswith(_PROVIDER)

    @property
    def loses_data(self) -> bool:
        """Whether what holds data would be deleted, or replaced."""
        return self.is_object and self.kind in HOLDS_DATA and self.op in ("delete", "replace")


@dataclass(frozen=True, kw_only=True)
class PolicyFinding:
    """What a policy has against a resource."""

    policy: str
    level: str
    """``mandatory`` or ``advisory``."""
    resource: str
    """Kind and logical name; empty for one about the whole stack."""
    message: str


@dataclass(frozen=True)
class Planned:
    """What a preview found."""

    steps: tuple[Step, ...] = ()
    unjudged: int = 0
    """Resources with values that are not known before the update."""
    findings: tuple[PolicyFinding, ...] = ()
    """Of the policies, but for `UNJUDGED`."""


@dataclass(frozen=True, kw_only=True)
class Diagnostic:
    """An error that Pulumi reports of a resource."""

    urn: str
    message: str
    name: str = ""
    """Name of the object in the cluster, where the program gave it one."""

    @property
    def type(self) -> str:
        """``kubernetes:apps/v1:Deployment``; empty where it is of no resource."""
        return self.urn.split("::")[2].split("$")[-1] if self.urn else ""

    @property
    def kind(self) -> str:
        """``Deployment``."""
        return self.type.rpartition(":")[2]


def diagnostics(path: Path) -> list[Diagnostic]:
    """Return the errors that an event log tells, each once; none of one that cannot be read."""
    found: list[Diagnostic] = []
    names: dict[str, str] = {}
    for event in _events(_lines(path)):
        if metadata := event.get("resourcePreEvent", {}).get("metadata"):
            inputs = (metadata.get("new") or {}).get("inputs") or {}
            names[metadata["urn"]] = str((inputs.get("metadata") or {}).get("name") or "")
        diagnostic = event.get("diagnosticEvent", {})
        if diagnostic.get("severity") == "error":
            urn = diagnostic.get("urn") or ""
            found.append(Diagnostic(urn=urn, message=diagnostic.get("message", "").strip(), name=names.get(urn, "")))
    return list(dict.fromkeys(found))


def planned(path: Path) -> Planned:
    """Return what a preview's event log tells; nothing of one that cannot be read."""
    events = list(_events(_lines(path)))
    return Planned(
        tuple(_steps(events)),
        len({event["policyEvent"]["resourceUrn"] for event in events if _is_unjudged(event)}),
        tuple(dict.fromkeys(_findings(events))),
    )


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def _events(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    for line in lines:
        # Most of the log is of other things, and long.
        if any(word in line for word in ('"resourcePreEvent"', '"policyEvent"', '"severity":"error"')):
            try:
                yield json.loads(line)
            except ValueError:
                continue


def _steps(events: Iterable[Mapping[str, Any]]) -> Iterator[Step]:
    found: dict[str, Step] = {}
    for event in events:
        metadata = event.get("resourcePreEvent", {}).get("metadata")
        if not metadata or metadata["op"] in _SAME:
            continue
        op = "replace" if metadata["op"] in _REPLACING else metadata["op"]
        inputs = (metadata.get("new") or {}).get("inputs") or {}
        before = found.get(metadata["urn"])
        if before is None or not before.new:
            found[metadata["urn"]] = Step(op=op, urn=metadata["urn"], type=metadata["type"], new=inputs)
    yield from found.values()


def _findings(events: Iterable[Mapping[str, Any]]) -> Iterator[PolicyFinding]:
    for event in events:
        found = event.get("policyEvent")
        if not found or _is_unjudged(event):
            continue
        kind, _, name = str(found.get("resourceUrn") or "").rpartition("::")
        yield PolicyFinding(
            policy=str(found.get("policyName", "")),
            level=str(found.get("enforcementLevel", "")),
            resource=f"{kind.rpartition(':')[2]} {name}".strip(),
            message=str(found.get("message", "")).strip(),
        )


def _is_unjudged(event: Mapping[str, Any]) -> bool:
    return bool(event.get("policyEvent", {}).get("policyName") == UNJUDGED)
