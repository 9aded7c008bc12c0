"""Limits that a container comes near or exceeds: its usage against its limits of cpu and memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from moorage.base.quantity import parse_quantity
from moorage.observe.entry import LIMIT_APPROACHED, LIMIT_EXCEEDED, WITHIN_LIMIT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

APPROACHED = 0.8
"""Share of a limit at which a warning is due."""
CLEARED = 0.75
"""Share below which it is over: usage that swings around one figure must not warn at each swing."""
EXCEEDED = 1.0
REMIND_SECONDS = 600.0
"""A warning that goes on is told again after this long."""
RESOURCES = ("cpu", "memory")


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What a container uses of a resource, in cores or bytes."""

    container: str
    resource: str
    usage: float
    limit: float
    limit_text: str
    """The limit as its pod says it."""

    @property
    def share(self) -> float:
        """Of the limit; 1 for all of it."""
        return self.usage / self.limit if self.limit else 0.0

    def fields(self) -> dict[str, Any]:
        """Return the fields of an entry about it; share in percent."""
        return {
            "container": self.container,
            "resource": self.resource,
            "usage": amount(self.resource, self.usage),
            "limit": self.limit_text,
            "share": round(100 * self.share),
        }


def amount(resource: str, value: float) -> str:
    """Return an amount in Kubernetes' own units: millicores, mebibytes."""
    return f"{1000 * value:.0f}m" if resource == "cpu" else f"{value / 2**20:.0f}Mi"


def limits_of(pod: Mapping[str, Any]) -> Iterator[tuple[str, str, float, str]]:
    """Yield container, resource, limit and its text for each limit of a pod."""
    for container in (pod.get("spec") or {}).get("containers") or []:
        for resource in RESOURCES:
            text = ((container.get("resources") or {}).get("limits") or {}).get(resource)
            value = parse_quantity(text)
            if value:
                yield container["name"], resource, float(value), str(text)


def usages(pod: Mapping[str, Any], measured: Mapping[str, Any]) -> Iterator[Usage]:
    """Yield what each container with a limit uses, as ``metrics.k8s.io`` has ``measured`` its pod."""
    used = {container["name"]: container["usage"] for container in measured.get("containers") or []}
    for container, resource, limit, text in limits_of(pod):
        value = parse_quantity((used.get(container) or {}).get(resource))
        if value is not None:
            yield Usage(container=container, resource=resource, usage=float(value), limit=limit, limit_text=text)


@dataclass(frozen=True)
class Warned:
    """What was said last of a limit, and when."""

    message: str
    time: datetime


def judged(usage: Usage, last: Warned | None, now: datetime) -> str | None:
    """Return the message that is due: a limit newly approached, exceeded or no longer so, or a reminder."""
    share = usage.share
    if share < CLEARED:
        return WITHIN_LIMIT if last else None
    if share < APPROACHED and last is None:
        return None
    message = LIMIT_EXCEEDED if share >= EXCEEDED else LIMIT_APPROACHED
    if last is None or (message == LIMIT_EXCEEDED and last.message != LIMIT_EXCEEDED):
        return message
    return message if (now - last.time).total_seconds() >= REMIND_SECONDS else None
