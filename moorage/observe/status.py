"""How a stack is: each service with its image, pods, restarts and usage, and whether it is healthy."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from moorage.observe.entry import NEVER, RESTARTED, Entry, service_of, written
from moorage.observe.limits import APPROACHED, RESOURCES, amount, usages
from moorage.observe.observer import Observer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Thing = dict[str, Any]
LATEST = dt.datetime.max.replace(tzinfo=dt.UTC)


@dataclass(frozen=True, kw_only=True)
class Objects:
    """The objects of a namespace, as the API lists them."""

    deployments: Sequence[Thing] = ()
    stateful_sets: Sequence[Thing] = ()
    replica_sets: Sequence[Thing] = ()
    pods: Sequence[Thing] = ()
    events: Sequence[Thing] = ()
    usage: Sequence[Thing] = ()
    """Of ``metrics.k8s.io``; empty where the cluster has no metrics-server."""


@dataclass(frozen=True, kw_only=True)
class ServiceStatus:
    """One service or data store."""

    name: str
    kind: str
    image: str
    """``repository@digest`` of its workload."""
    ready: int
    wanted: int
    restarts: int = 0
    """Of all containers of its pods that there are now."""
    last_restart: Entry | None = None
    usage: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """Of the container nearest to its limit: usage and limit, by resource; in cores and bytes."""
    complete: bool = True
    """Whether all its pods are those of its last rollout."""

    @property
    def healthy(self) -> bool:
        """Whether it has all the pods that it should, of its last rollout."""
        return self.ready >= self.wanted and self.complete

    @property
    def near_limit(self) -> tuple[str, ...]:
        """The resources of which it uses most of what it may."""
        return tuple(name for name, (used, limit) in self.usage.items() if used >= APPROACHED * limit)

    def as_dict(self) -> dict[str, Any]:
        """Return it for programs."""
        return {
            "name": self.name,
            "kind": self.kind,
            "image": self.image,
            "ready": self.ready,
            "wanted": self.wanted,
            "healthy": self.healthy,
            "restarts": self.restarts,
            "lastRestart": self.last_restart.as_dict() if self.last_restart else None,
            "usage": {
                name: {"usage": amount(name, used), "limit": amount(name, limit), "share": round(100 * used / limit)}
                for name, (used, limit) in self.usage.items()
            },
        }


@dataclass(frozen=True, kw_only=True)
class StackStatus:
    """A stack, as it is now."""

    namespace: str
    time: dt.datetime
    services: tuple[ServiceStatus, ...]
    missing: tuple[str, ...] = ()
    """Services that should be there and are not."""
    recent: tuple[Entry, ...] = ()
    """Warnings and errors of late, the newest last."""

    @property
    def healthy(self) -> bool:
        """Whether every service is."""
        return bool(self.services) and not self.missing and all(service.healthy for service in self.services)

    def as_dict(self) -> dict[str, Any]:
        """Return it for programs."""
        return {
            "namespace": self.namespace,
            "time": written(self.time),
            "healthy": self.healthy,
            "services": [service.as_dict() for service in self.services],
            "missing": list(self.missing),
            "recent": [entry.as_dict() for entry in self.recent],
        }


def entries_of(objects: Objects, now: dt.datetime, since: dt.datetime = NEVER) -> list[Entry]:
    """Return what happened since a time, as far as the objects still tell it, by time."""
    observer = Observer(since)
    found: list[Entry] = []
    for replica_set in objects.replica_sets:
        found += observer.replica_set(replica_set)
    for deployment in objects.deployments:
        found += observer.deployment(deployment, now)
    for event in objects.events:
        found += observer.event(event, now)
    for pod in objects.pods:
        found += observer.pod(pod, now)
    found += observer.tick(LATEST)
    # A Deployment that is complete says no more than that: when it began is not known.
    return sorted((entry for entry in found if not entry.message.startswith("deployment ")), key=lambda one: one.time)


def status_of(
    objects: Objects, *, namespace: str, expected: Iterable[str], now: dt.datetime, recent: dt.timedelta
) -> StackStatus:
    """Return how a namespace is; ``expected`` are the services that it should have, ``recent`` is how far back is looked."""
    entries = entries_of(objects, now)
    workloads = [*(("StatefulSet", each) for each in objects.stateful_sets)]
    workloads += [*(("Deployment", each) for each in objects.deployments)]
    services = tuple(_service(kind, each, objects, entries) for kind, each in workloads)
    names = {service.name for service in services}
    late = [one for one in entries if one.level in ("warning", "error") and one.time >= now - recent]
    return StackStatus(
        namespace=namespace,
        time=now,
        services=services,
        missing=tuple(name for name in expected if name not in names),
        recent=tuple(late),
    )


def _service(kind: str, workload: Thing, objects: Objects, entries: Sequence[Entry]) -> ServiceStatus:
    name, spec, status = service_of(workload), workload["spec"], workload.get("status") or {}
    pods = [pod for pod in objects.pods if service_of(pod) == name and "deletionTimestamp" not in pod["metadata"]]
    counts = [
        each.get("restartCount") or 0 for pod in pods for each in pod.get("status", {}).get("containerStatuses") or []
    ]
    mine = [one for one in entries if one.message == RESTARTED and one.service == name]
    wanted = spec.get("replicas", 1)
    updated = status.get("updatedReplicas") or (status.get("currentReplicas") or 0 if kind == "StatefulSet" else 0)
    seen = status.get("observedGeneration", 0) >= workload["metadata"].get("generation", 0)
    return ServiceStatus(
        name=name,
        kind=kind,
        image=spec["template"]["spec"]["containers"][0].get("image", ""),
        ready=status.get("readyReplicas") or 0,
        wanted=wanted,
        restarts=sum(counts),
        last_restart=mine[-1] if mine else None,
        usage=_usage(pods, objects.usage),
        complete=seen and updated >= wanted,
    )


def _usage(pods: Sequence[Thing], measured: Sequence[Thing]) -> dict[str, tuple[float, float]]:
    of = {item["metadata"]["name"]: item for item in measured}
    found: dict[str, tuple[float, float]] = {}
    for pod in pods:
        for usage in usages(pod, of.get(pod["metadata"]["name"], {})):
            most = found.get(usage.resource)
            if most is None or usage.share > most[0] / most[1]:
                found[usage.resource] = usage.usage, usage.limit
    return {name: found[name] for name in RESOURCES if name in found}
