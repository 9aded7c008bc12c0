"""Notices that containers were started again, in their pod or in another one, and finds out why."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from moorage.observe import restarts
from moorage.observe.entry import (
    DEPLOYMENT_COMPLETE,
    LIMIT_EXCEEDED,
    RESTARTED,
    Entry,
    event_time,
    read_time,
    service_of,
)
from moorage.observe.limits import limits_of
from moorage.observe.rollouts import REVISION, progressing, stage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moorage.observe.restarts import Cause

Thing = dict[str, Any]
_ANNOUNCED_SECONDS = 3.0
"""How long the kubelet's announcement of a restart is waited for: it may come after the restart itself."""
_REPLACED_SECONDS = 2.0
"""A ReplicaSet's new pod takes the place of one that was to go at most this long before."""
_MEMORY_SECONDS = 600.0
_AN_EVENT_S_PRECISION = dt.timedelta(seconds=1)
"""Times of the API are whole seconds."""


@dataclass(frozen=True)
class _Gone:
    owner: str
    name: str
    asked: dt.datetime
    cause: Cause
    template: Thing


@dataclass(frozen=True)
class _Pending:
    pod: Thing
    status: Thing
    until: dt.datetime


class RestartLog:
    """Pods, what owns them, and what was told of their restarts."""

    def __init__(self, since: dt.datetime) -> None:
        """Tell nothing of what ended before ``since``."""
        self._since = since
        self._counts: dict[tuple[str, str], int] = {}
        self._placed: set[str] = set()
        """Pods of which it is settled whether they took the place of others."""
        self._gone: dict[str, _Gone] = {}
        self._announced: dict[tuple[str, str], list[tuple[str, dt.datetime]]] = {}
        self._pending: list[_Pending] = []
        self._sets: dict[str, Thing] = {}
        self._deployments: dict[str, Thing] = {}

    def replica_set(self, replica_set: Thing) -> None:
        """Take note of a ReplicaSet; one that is gone is remembered."""
        self._sets[replica_set["metadata"]["uid"]] = replica_set

    def deployment(self, deployment: Thing) -> None:
        """Take note of a Deployment."""
        self._deployments[deployment["metadata"]["uid"]] = deployment

    def event(self, event: Thing) -> None:
        """Take note of a container's end that the kubelet announces."""
        if found := restarts.killed_by(event):
            key = str(event["involvedObject"].get("uid")), found[0]
            self._announced.setdefault(key, []).append((found[1], event_time(event)))

    def pod(self, pod: Thing, now: dt.datetime, *, deleted: bool) -> Iterator[Entry]:
        """Yield the restarts that a pod's new state tells of and that need no further explanation."""
        uid = pod["metadata"]["uid"]
        self._leaving(pod, now, deleted=deleted)
        status = pod.get("status", {})
        statuses = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
        for each in statuses:
            yield from self._in_place(pod, each, now)
        if not deleted and uid not in self._placed and any("running" in (each.get("state") or {}) for each in statuses):
            self._placed.add(uid)
            yield from self._replacing(pod)

    def tick(self, now: dt.datetime) -> Iterator[Entry]:
        """Yield the restarts that nothing more will explain."""
        waiting, self._pending = self._pending, []
        for one in waiting:
            announced = self._announcement(one.pod, one.status)
            if announced or now >= one.until:
                yield from self._told(one.pod, one.status, announced)
            else:
                self._pending.append(one)
        old = now - dt.timedelta(seconds=_MEMORY_SECONDS) if now.year < dt.MAXYEAR else now
        self._gone = {uid: gone for uid, gone in self._gone.items() if gone.asked >= old}
        for key, found in list(self._announced.items()):
            self._announced[key] = [each for each in found if each[1] >= old]
            if not self._announced[key]:
                del self._announced[key]

    def _in_place(self, pod: Thing, status: Thing, now: dt.datetime) -> Iterator[Entry]:
        key, count = (pod["metadata"]["uid"], status["name"]), int(status.get("restartCount") or 0)
        before = self._counts.get(key, 0)
        self._counts[key] = count
        last = (status.get("lastState") or {}).get("terminated") or {}
        if count <= before or read_time(last.get("finishedAt")) < self._since - _AN_EVENT_S_PRECISION:
            return
        announced = self._announcement(pod, status)
        if announced or last.get("reason") == "OOMKilled" or not _probed(pod, status["name"]):
            yield from self._told(pod, status, announced)
        else:
            self._pending.append(_Pending(pod, status, now + dt.timedelta(seconds=_ANNOUNCED_SECONDS)))

    def _announcement(self, pod: Thing, status: Thing) -> str:
        """Return the reason that the kubelet announced for the end of a container's last run; empty for none."""
        last = (status.get("lastState") or {}).get("terminated") or {}
        started, finished = read_time(last.get("startedAt")), read_time(last.get("finishedAt"))
        for reason, time in self._announced.get((pod["metadata"]["uid"], status["name"]), []):
            if started - _AN_EVENT_S_PRECISION <= time <= finished + _AN_EVENT_S_PRECISION:
                return reason
        return ""

    def _told(self, pod: Thing, status: Thing, announced: str) -> Iterator[Entry]:
        last = (status.get("lastState") or {}).get("terminated") or {}
        cause = restarts.ended(last, announced)
        time = read_time(last.get("finishedAt"))
        further = {"exitCode": last.get("exitCode"), "restarts": status.get("restartCount")}
        yield _entry(pod, time, status["name"], cause, further)
        if cause.reason == restarts.OOM:
            limit = next(
                (text for name, what, _, text in limits_of(pod) if (name, what) == (status["name"], "memory")), None
            )
            exceeded = {
                "pod": pod["metadata"]["name"],
                "container": status["name"],
                "resource": "memory",
                "limit": limit,
            }
            yield Entry(
                time=time,
                level="error",
                message=LIMIT_EXCEEDED,
                namespace=pod["metadata"].get("namespace", ""),
                service=service_of(pod),
                fields=exceeded,
            )

    def _leaving(self, pod: Thing, now: dt.datetime, *, deleted: bool) -> None:
        metadata = pod["metadata"]
        failed = pod.get("status", {}).get("phase") == "Failed"
        if metadata["uid"] in self._gone or not (deleted or failed or "deletionTimestamp" in metadata):
            return
        grace = dt.timedelta(seconds=int(metadata.get("deletionGracePeriodSeconds") or 0))
        asked = read_time(metadata["deletionTimestamp"]) - grace if "deletionTimestamp" in metadata else now
        owner = (_owner(pod) or {}).get("uid", "")
        self._gone[metadata["uid"]] = _Gone(owner, metadata["name"], asked, restarts.taken(pod), _template(pod))

    def _replacing(self, pod: Thing) -> Iterator[Entry]:
        """Yield the entries of a pod that runs for the first time, where it took the place of another."""
        created = read_time(pod["metadata"]["creationTimestamp"])
        owner = _owner(pod)
        found = self._cause(pod, owner, created) if owner and created >= self._since else None
        for status in pod["status"].get("containerStatuses") or [] if found else []:
            cause, replaced = found or (restarts.Cause(""), "")
            running = ((status.get("state") or {}).get("running") or {}).get("startedAt")
            time = read_time(running) if running else created
            yield _entry(pod, time, status["name"], cause, {"replaces": replaced})

    def _cause(self, pod: Thing, owner: Thing, created: dt.datetime) -> tuple[Cause, str] | None:
        for uid, gone in self._gone.items():
            if gone.owner != owner["uid"] or uid == pod["metadata"]["uid"]:
                continue
            late = created - gone.asked
            if owner["kind"] == "StatefulSet" and gone.name == pod["metadata"]["name"]:
                del self._gone[uid]
                differs = _revision(gone.template) != _revision(_template(pod))
                return (restarts.changed(gone.template, _template(pod)) if differs else gone.cause), gone.name
            if owner["kind"] == "ReplicaSet" and abs(late.total_seconds()) <= _REPLACED_SECONDS:
                del self._gone[uid]
                return gone.cause, gone.name
        return self._rollout(owner, created) if owner["kind"] == "ReplicaSet" else None

    def _rollout(self, owner: Thing, created: dt.datetime) -> tuple[Cause, str] | None:
        """Return why the pods of a ReplicaSet took the place of its predecessor's; None where they came by scaling."""
        current = self._sets.get(owner["uid"])
        above = _owner(current) if current else None
        deployment = self._deployments.get(above["uid"]) if above else None
        if current is None or above is None or deployment is None:
            return None
        ended = read_time(progressing(deployment).get("lastUpdateTime"))
        if stage(deployment) == DEPLOYMENT_COMPLETE and created > ended + _AN_EVENT_S_PRECISION:
            return None
        earlier = [one for one in self._sets.values() if (_owner(one) or {}).get("uid") == above["uid"]]
        earlier = [one for one in earlier if _number(one) < _number(current)]
        if not earlier:
            return None
        previous = max(earlier, key=_number)
        change = restarts.changed(_bare(previous["spec"]["template"]), _bare(current["spec"]["template"]))
        return change, str(previous["metadata"]["name"])


def _entry(pod: Thing, time: dt.datetime, container: str, cause: Cause, further: Thing) -> Entry:
    fields = {
        "pod": pod["metadata"]["name"],
        "container": container,
        "reason": cause.reason,
        "detail": cause.detail,
        "signal": cause.signal,
        **further,
    }
    expected = cause.reason in (restarts.MANUAL, restarts.CONFIG, restarts.IMAGE, restarts.SPEC)
    return Entry(
        time=time,
        level="info" if expected else "error" if cause.reason == restarts.OOM else "warning",
        message=RESTARTED,
        namespace=pod["metadata"].get("namespace", ""),
        service=service_of(pod),
        fields={name: value for name, value in fields.items() if value not in (None, "")},
    )


def _owner(thing: Thing) -> Thing | None:
    owners: list[Thing] = thing["metadata"].get("ownerReferences") or []
    return next((owner for owner in owners if owner.get("controller")), None)


def _number(replica_set: Thing) -> int:
    return int((replica_set["metadata"].get("annotations") or {}).get(REVISION) or 0)


def _template(pod: Thing) -> Thing:
    """Return a pod as the template that it was made from, without what each pod has of its own."""
    spec = dict(pod.get("spec") or {})
    for own in ("nodeName", "hostname", "subdomain"):
        spec.pop(own, None)
    return {"metadata": pod["metadata"], "spec": spec}


def _bare(template: Thing) -> Thing:
    """Return a template without the label that its ReplicaSet adds."""
    metadata = template.get("metadata") or {}
    labels = {key: value for key, value in (metadata.get("labels") or {}).items() if key != "pod-template-hash"}
    return {**template, "metadata": {**metadata, "labels": labels}}


def _revision(template: Thing) -> str:
    return str((template["metadata"].get("labels") or {}).get("controller-revision-hash", ""))


def _probed(pod: Thing, name: str) -> bool:
    containers = [*(pod["spec"].get("initContainers") or []), *(pod["spec"].get("containers") or [])]
    return any(each["name"] == name and {"livenessProbe", "startupProbe"} & each.keys() for each in containers)
