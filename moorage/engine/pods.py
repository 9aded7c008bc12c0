"""Why pods are not ready, in the cluster's own words: their reason and their last log lines."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from moorage.base import console
from moorage.base.errors import Problem
from moorage.engine import kubectl
from moorage.engine.logtext import last_lines as shown_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from moorage.engine.session import Session

LOG_LINES = 8
_MARGIN = 4
HOPELESS_RESTARTS = 2
"""Of a crashing container, after which another one would crash as well: some 15 seconds after its first crash."""
HOPELESS_SECONDS = 30.0
"""How long a refused image or container is given: a registry or a Secret may be a moment behind."""
CERTAIN_SECONDS = 10.0
"""How long an image is given that its registry answered not to have."""
_NOT_THERE = re.compile(r"NotFound|not found|manifest unknown|InvalidImageName", re.IGNORECASE)
_REFUSED = (
    "ImagePullBackOff",
    "InvalidImageName",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
)
_REMEDIES = {
    "ImagePullBackOff": "check that the cluster can reach the registry and that the image was pushed",
    "ErrImagePull": "check that the cluster can reach the registry and that the image was pushed",
    "CrashLoopBackOff": "fix the crash: its last lines say why",
    "OOMKilled": "raise resources.limits.memory in service.yaml, or use less",
    "CreateContainerConfigError": "create the missing ConfigMap or Secret that the pod refers to",
    "CreateContainerError": "correct what the container runtime refused: see the message",
    "RunContainerError": "correct the command in service.yaml or the image's: the program could not be started",
    "StartError": "correct the command in service.yaml or the image's: the program could not be started",
    "InvalidImageName": "correct registry.address in Pulumi.<stack>.yaml: the image's name is made from it",
    "Unschedulable": "lower resources.requests, or give the cluster more nodes",
    "Evicted": "free what the node ran out of (see the message)",
    "NotStarted": "compare startupProbe in service.yaml with what the process answers: see its last lines",
    "NotReady": "compare readinessProbe in service.yaml with what the process answers: see its last lines",
    "Error": "correct what ended the process: its last lines say why",
    "Completed": "keep the process running: a workload's container must not exit",
}


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """Why one pod is not ready."""

    pod: str
    workload: str = ""
    """Name of the service or data store that the pod belongs to."""
    container: str | None
    reason: str
    message: str


def trouble(pod: dict[str, Any]) -> Trouble | None:
    """Return what keeps a pod (its Kubernetes object) from being Ready; None where nothing does, or it is on its way out."""
    found = _trouble(pod)
    workload = pod["metadata"].get("labels", {}).get("app.kubernetes.io/name", "")
    return replace(found, workload=workload) if found else None


def causes_first(found: Iterable[Trouble], order: Sequence[str]) -> list[Trouble]:
    """Return troubles in the ``order`` of their workloads, in which each comes after those that it needs."""
    places = {name: index for index, name in enumerate(order)}
    return sorted(found, key=lambda one: (places.get(one.workload, len(places)), one.pod))


def _trouble(pod: dict[str, Any]) -> Trouble | None:
    status = pod.get("status", {})
    name = pod["metadata"]["name"]
    conditions = {condition["type"]: condition for condition in status.get("conditions", [])}
    leaving = "deletionTimestamp" in pod["metadata"] or status.get("phase") == "Succeeded"
    if leaving or conditions.get("Ready", {}).get("status") == "True":
        return None
    scheduled = conditions.get("PodScheduled", {})
    if scheduled.get("status") == "False":
        return Trouble(
            pod=name,
            container=None,
            reason=scheduled.get("reason") or "Unschedulable",
            message=scheduled.get("message", ""),
        )
    if status.get("phase") == "Failed" and status.get("reason"):
        return Trouble(pod=name, container=None, reason=status["reason"], message=status.get("message", ""))
    for container in [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]:
        found = _container_trouble(name, container)
        if found:
            return found
    waiting = conditions.get("Ready", {}).get("message") or "no container has started yet"
    return Trouble(pod=name, container=None, reason=status.get("phase") or "Unknown", message=waiting)


def _container_trouble(pod: str, container: dict[str, Any]) -> Trouble | None:
    name = container["name"]
    if container.get("ready"):
        return None
    last = container.get("lastState", {}).get("terminated", {})
    waiting = container.get("state", {}).get("waiting", {})
    ended = container.get("state", {}).get("terminated") or last
    if ended and ended.get("reason") == "OOMKilled":
        return Trouble(pod=pod, container=name, reason="OOMKilled", message="the container exceeded its memory limit")
    if waiting.get("reason") not in (None, "ContainerCreating", "PodInitializing"):
        message = waiting.get("message", "")
        if ended:
            message = f"it ended with exit status {ended.get('exitCode')}, {container.get('restartCount', 0)} restarts"
        return Trouble(pod=pod, container=name, reason=waiting["reason"], message=message)
    if "terminated" in container.get("state", {}):
        ending = f"it ended with exit status {ended.get('exitCode')}"
        return Trouble(pod=pod, container=name, reason=ended.get("reason") or "Error", message=ending)
    if "running" in container.get("state", {}):
        reason, probe = ("NotStarted", "startup") if container.get("started") is False else ("NotReady", "readiness")
        return Trouble(pod=pod, container=name, reason=reason, message=f"it runs, but its {probe} probe fails")
    return None


def hopeless(pod: dict[str, Any], since: dt.datetime, now: dt.datetime) -> bool:
    """Whether waiting for a pod made after ``since`` is of no use: it crashes again and again, or cannot be started."""
    created = dt.datetime.fromisoformat(pod["metadata"]["creationTimestamp"])
    found = trouble(pod)
    if found is None or created < since:
        return False
    if found.reason in _REFUSED:
        certain = "Image" in found.reason and _NOT_THERE.search(f"{found.reason} {found.message}")
        return (now - created).total_seconds() >= (CERTAIN_SECONDS if certain else HOPELESS_SECONDS)
    statuses = pod.get("status", {}).get("containerStatuses", [])
    crashing = max((status.get("restartCount", 0) for status in statuses), default=0) >= HOPELESS_RESTARTS
    return crashing and found.reason in ("CrashLoopBackOff", "OOMKilled")


def any_hopeless(session: Session, namespace: str, since: dt.datetime) -> bool:
    """Whether a pod of the stack made after ``since`` is hopeless, so that the update may as well end now."""
    pods = kubectl.items(session, namespace, ["pods"])
    return any(hopeless(pod, since, dt.datetime.now(dt.UTC)) for pod in pods)


def problem(found: Trouble, namespace: str, log: Sequence[str] = ()) -> Problem:
    """Return a pod's trouble as what the user is told, with the last lines of its log."""
    container = f", container {found.container}" if found.container else ""
    return Problem(
        what=f"a pod is not ready: {found.reason}",
        where=f"{namespace}/{found.pod}{container}",
        why=found.message or found.reason,
        remedy=_REMEDIES.get(
            found.reason, f"kubectl describe pod {found.pod} --namespace {namespace} shows its events"
        ),
        detail=tuple(log),
    )


def last_lines(session: Session, namespace: str, found: Trouble) -> list[str]:
    """Return the last lines of a container's log, of its last run where this one has said nothing yet."""
    if not found.container:
        return []
    arguments = ["logs", found.pod, f"--container={found.container}", f"--tail={2 * LOG_LINES}"]
    space = f"--namespace={namespace}"
    result = kubectl.run(session, *arguments, space)
    if not result.stdout.strip():
        result = kubectl.run(session, *arguments, space, "--previous")
    return shown_lines(result.stdout, LOG_LINES, console.err.width - _MARGIN)
