"""One entry of what is told of a stack: a message of a fixed wording, and fields that say which, when and why.

Nothing here needs more than Python's standard library: the watcher runs in the cluster with that alone.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

CHECK_FAILED = "health check failed"
RESTARTED = "container restarted"
LIMIT_APPROACHED = "limit approached"
LIMIT_EXCEEDED = "limit exceeded"
WITHIN_LIMIT = "back within limit"
DEPLOYMENT_STARTED = "deployment started"
DEPLOYMENT_COMPLETE = "deployment complete"
DEPLOYMENT_FAILED = "deployment failed"
POD_READY = "pod ready"
POD_NOT_SCHEDULED = "pod not scheduled"
IMAGE_PULLED = "image pulled"
IMAGE_PULL_FAILED = "image pull failed"

LEVELS = ("debug", "info", "warning", "error")
"""From the least to the most urgent."""
FIELDS: dict[str, tuple[str, ...]] = {
    CHECK_FAILED: ("pod", "container", "check", "endpoint", "reason", "count"),
    RESTARTED: ("pod", "container", "reason", "detail", "exitCode", "signal", "restarts", "replaces"),
    LIMIT_APPROACHED: ("pod", "container", "resource", "usage", "limit", "share"),
    LIMIT_EXCEEDED: ("pod", "container", "resource", "usage", "limit", "share"),
    WITHIN_LIMIT: ("pod", "container", "resource", "usage", "limit", "share"),
    DEPLOYMENT_STARTED: ("revision", "images"),
    DEPLOYMENT_COMPLETE: ("revision", "images", "seconds"),
    DEPLOYMENT_FAILED: ("revision", "images", "reason"),
    POD_READY: ("pod", "seconds"),
    POD_NOT_SCHEDULED: ("pod", "reason"),
    IMAGE_PULLED: ("pod", "container", "image", "seconds"),
    IMAGE_PULL_FAILED: ("pod", "container", "image", "reason"),
}
"""Every message, and the fields that it may have beside ``time``, ``level``, ``message``, ``namespace`` and ``service``."""
NEVER = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What happened, once."""

    time: dt.datetime
    message: str
    """One of `FIELDS`."""
    level: str = "info"
    namespace: str = ""
    service: str = ""
    """Name of the service or data store."""
    fields: Mapping[str, Any] = field(default_factory=dict)
    """Those of `FIELDS` that are known."""

    def as_dict(self) -> dict[str, Any]:
        """Return the entry as it is written, without what is not known."""
        head = {"time": written(self.time), "level": self.level, "message": self.message}
        place = {"namespace": self.namespace, "service": self.service}
        known = {name: self.fields.get(name) for name in FIELDS[self.message]}
        return {**head, **{name: value for name, value in {**place, **known}.items() if value not in (None, "")}}

    def to_json(self) -> str:
        """Return the entry as one line of JSON."""
        return json.dumps(self.as_dict(), ensure_ascii=False)


def written(time: dt.datetime) -> str:
    """Return a time as RFC 3339 writes it, in UTC and milliseconds."""
    return time.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def read_time(text: str | None) -> dt.datetime:
    """Return a time of the Kubernetes API; `NEVER` for none."""
    return dt.datetime.fromisoformat(text) if text else NEVER


def service_of(thing: Mapping[str, Any]) -> str:
    """Return the service or data store that an object belongs to: by its label, else by its owner's or its own name."""
    metadata = thing["metadata"]
    label = (metadata.get("labels") or {}).get("app.kubernetes.io/name")
    if label:
        return str(label)
    owner = next(iter(metadata.get("ownerReferences") or []), None)
    if owner is None:
        return str(metadata["name"])
    name = str(owner["name"])
    return name.rpartition("-")[0] or name if owner["kind"] == "ReplicaSet" else name


def event_time(event: Mapping[str, Any]) -> dt.datetime:
    """Return when an event was seen last."""
    series = event.get("series") or {}
    last = series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime")
    return read_time(last or event["metadata"].get("creationTimestamp"))


def shortened(text: str, most: int = 200) -> str:
    """Return a text of the cluster on one line of at most ``most`` characters."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"
