"""Joins what Kubernetes tells of a namespace, object by object, to entries: no network, no clock, no output of its own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from moorage.observe import limits
from moorage.observe.checks import container_of, failed_check
from moorage.observe.entry import (
    IMAGE_PULL_FAILED,
    IMAGE_PULLED,
    POD_NOT_SCHEDULED,
    POD_READY,
    WITHIN_LIMIT,
    Entry,
    event_time,
    read_time,
    service_of,
    shortened,
)
from moorage.observe.restartlog import RestartLog
from moorage.observe.rollouts import Rollouts

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Iterator, Mapping

Thing = dict[str, Any]
_PULLED = re.compile(r'Successfully pulled image "([^"]+)" in ([\d.]+)(ms|s|m)')
_PULL_FAILED = re.compile(r'Failed to pull image "([^"]+)": (.*)', re.DOTALL)
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0}


class Observer:
    """Told of objects as they are listed and change, it yields an entry for each thing that happened since ``since``.

    The order of what it is told may be any between kinds: what cannot be judged yet waits for `tick`.
    """

    def __init__(self, since: dt.datetime) -> None:
        """Begin; what happened before ``since`` is taken note of and not told."""
        self._since = since
        self._pods: dict[str, Thing] = {}
        self._events: dict[str, tuple[int, dt.datetime]] = {}
        self._early: list[tuple[dt.datetime, Thing]] = []
        self._ready: set[str] = set()
        self._warned: dict[tuple[str, str, str], limits.Warned] = {}
        self._restarts = RestartLog(since)
        self._rollouts = Rollouts(since)

    def pod(self, pod: Thing, now: dt.datetime, *, deleted: bool = False) -> Iterator[Entry]:
        """Take note of a pod as it is now."""
        uid = pod["metadata"]["uid"]
        first = uid not in self._pods
        self._pods[uid] = pod
        if first:
            yield from self._waiting_events(uid)
        yield from self._restarts.pod(pod, now, deleted=deleted)
        yield from self._readiness(pod)
        if deleted:
            del self._pods[uid]
            self._warned = {key: value for key, value in self._warned.items() if key[0] != uid}

    def replica_set(self, replica_set: Thing) -> Iterator[Entry]:
        """Take note of a ReplicaSet."""
        self._restarts.replica_set(replica_set)
        return iter(())

    def deployment(self, deployment: Thing, now: dt.datetime) -> Iterator[Entry]:
        """Take note of a Deployment as it is now."""
        self._restarts.deployment(deployment)
        yield from self._rollouts.deployment(deployment, now)

    def event(self, event: Thing, now: dt.datetime) -> Iterator[Entry]:
        """Take note of an event, new or seen once more."""
        uid, time = event["metadata"]["uid"], event_time(event)
        count = int((event.get("series") or {}).get("count") or event.get("count") or 1)
        if self._events.get(uid) == (count, time):
            return
        self._events[uid] = count, time
        about = event.get("involvedObject") or {}
        if about.get("kind") != "Pod":
            return
        self._restarts.event(event)
        pod = self._pods.get(str(about.get("uid")))
        if pod is None:
            self._early.append((now, event))
        else:
            yield from self._of_pod(event, pod)

    def usage(self, measured: Iterable[Thing], now: dt.datetime) -> Iterator[Entry]:
        """Take note of pods' usage, as ``metrics.k8s.io`` lists it."""
        pods = {pod["metadata"]["name"]: pod for pod in self._pods.values()}
        for item in measured:
            pod = pods.get(item["metadata"]["name"])
            for usage in limits.usages(pod, item) if pod else ():
                yield from self._usage(usage, pod or {}, read_time(item.get("timestamp")), now)

    def tick(self, now: dt.datetime) -> Iterator[Entry]:
        """Tell what has waited long enough for what might have explained it."""
        yield from self._restarts.tick(now)
        self._early = [(seen, event) for seen, event in self._early if (now - seen).total_seconds() < _PATIENCE]
        if len(self._events) > _MOST_EVENTS:
            oldest = sorted(self._events, key=lambda uid: self._events[uid][1])[: _MOST_EVENTS // 2]
            for uid in oldest:
                del self._events[uid]

    def shares(self, measured: Iterable[Thing]) -> Iterator[tuple[Thing, limits.Usage]]:
        """Yield each limited container's usage with its pod."""
        pods = {pod["metadata"]["name"]: pod for pod in self._pods.values()}
        for item in measured:
            if pod := pods.get(item["metadata"]["name"]):
                yield from ((pod, usage) for usage in limits.usages(pod, item))

    def _waiting_events(self, uid: str) -> Iterator[Entry]:
        mine = [event for _, event in self._early if event["involvedObject"].get("uid") == uid]
        self._early = [each for each in self._early if each[1]["involvedObject"].get("uid") != uid]
        for event in mine:
            yield from self._of_pod(event, self._pods[uid])

    def _of_pod(self, event: Thing, pod: Thing) -> Iterator[Entry]:
        if event_time(event) >= self._since:
            found = failed_check(event, pod) or _pulling(event, pod) or _scheduling(event, pod)
            yield from [found] if found else []

    def _readiness(self, pod: Thing) -> Iterator[Entry]:
        uid, conditions = pod["metadata"]["uid"], pod.get("status", {}).get("conditions") or []
        ready = next((one for one in conditions if one["type"] == "Ready" and one["status"] == "True"), None)
        if ready is None or uid in self._ready:
            return
        self._ready.add(uid)
        created, time = read_time(pod["metadata"]["creationTimestamp"]), read_time(ready.get("lastTransitionTime"))
        if created >= self._since:
            yield _entry(pod, time, POD_READY, {"seconds": round((time - created).total_seconds(), 1)})

    def _usage(self, usage: limits.Usage, pod: Thing, time: dt.datetime, now: dt.datetime) -> Iterator[Entry]:
        key = (pod["metadata"]["uid"], usage.container, usage.resource)
        message = limits.judged(usage, self._warned.get(key), now)
        if message is None:
            return
        if message == WITHIN_LIMIT:
            del self._warned[key]
        else:
            self._warned[key] = limits.Warned(message, now)
        level = "info" if message == WITHIN_LIMIT else "warning"
        yield _entry(pod, time, message, usage.fields(), level=level)


_PATIENCE = 60.0
"""Seconds for which an event waits for its pod."""
_MOST_EVENTS = 20_000


def _entry(pod: Mapping[str, Any], time: dt.datetime, message: str, fields: Thing, *, level: str = "info") -> Entry:
    metadata = pod["metadata"]
    return Entry(
        time=time,
        level=level,
        message=message,
        namespace=metadata.get("namespace", ""),
        service=service_of(pod),
        fields={"pod": metadata["name"], **fields},
    )


def _pulling(event: Thing, pod: Thing) -> Entry | None:
    text = str(event.get("message") or "")
    if event.get("reason") == "Pulled" and (match := _PULLED.match(text)):
        seconds = round(float(match[2]) * _UNITS[match[3]], 3)
        fields = {"container": container_of(event), "image": match[1], "seconds": seconds}
        return _entry(pod, event_time(event), IMAGE_PULLED, fields)
    if event.get("reason") == "Failed" and (match := _PULL_FAILED.match(text)):
        fields = {"container": container_of(event), "image": match[1], "reason": shortened(match[2])}
        return _entry(pod, event_time(event), IMAGE_PULL_FAILED, fields, level="error")
    return None


def _scheduling(event: Thing, pod: Thing) -> Entry | None:
    if event.get("reason") != "FailedScheduling":
        return None
    reason = {"reason": shortened(str(event.get("message") or ""))}
    return _entry(pod, event_time(event), POD_NOT_SCHEDULED, reason, level="warning")
