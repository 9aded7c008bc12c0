"""Why an update failed, in the cluster's own words: the pods that are not ready, their reason, their last log lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from moorage.cli import kubectl
from moorage.errors import MoorageError, Problem

if TYPE_CHECKING:
    from moorage.cli.session import Session
    from moorage.config.loader import Project

LOG_LINES = 8
MOST_PODS = 4
_REMEDIES = {
    "ImagePullBackOff": "check that the registry answers the cluster and that the image was pushed",
    "ErrImagePull": "check that the registry answers the cluster and that the image was pushed",
    "CrashLoopBackOff": "the process ends by itself: its last lines say why",
    "OOMKilled": "raise resources.limits.memory in service.yaml, or use less",
    "CreateContainerConfigError": "a ConfigMap or Secret that the pod names is missing",
    "CreateContainerError": "the container runtime refused the container: see the message",
    "Unschedulable": "lower resources.requests, or give the cluster more nodes",
    "NotReady": "the readiness probe fails: see service.yaml and the process's last lines",
}


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """Why one pod is not ready."""

    pod: str
    container: str | None
    reason: str
    message: str


def trouble(pod: dict[str, Any]) -> Trouble | None:
    """Return what keeps a pod (its Kubernetes object) from being Ready; None where nothing does."""
    status = pod.get("status", {})
    name = pod["metadata"]["name"]
    conditions = {condition["type"]: condition for condition in status.get("conditions", [])}
    if status.get("phase") == "Succeeded" or conditions.get("Ready", {}).get("status") == "True":
        return None
    scheduled = conditions.get("PodScheduled", {})
    if scheduled.get("status") == "False":
        return Trouble(
            pod=name,
            container=None,
            reason=scheduled.get("reason", "Unschedulable"),
            message=scheduled.get("message", ""),
        )
    for container in [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]:
        found = _container_trouble(name, container)
        if found:
            return found
    return Trouble(
        pod=name, container=None, reason=status.get("phase", "Unknown"), message="no container has started yet"
    )


def _container_trouble(pod: str, container: dict[str, Any]) -> Trouble | None:
    name = container["name"]
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
    if container.get("state", {}).get("running") and not container.get("ready"):
        return Trouble(pod=pod, container=name, reason="NotReady", message="it runs, and its probe does not succeed")
    return None


def explain(session: Session, project: Project, status: int) -> MoorageError:
    """Return the error for a failed update, with every troubled pod of the stack's namespace."""
    pods = kubectl.items(session, project.target, project.namespace, ["pods"])
    found = [found for pod in pods if (found := trouble(pod))]
    problems = [_problem(session, project, one) for one in found[:MOST_PODS]]
    if not problems or status < 0:
        problems.append(
            Problem(
                what="the update did not finish" if status < 0 else "the update failed",
                where=f"stack {project.stack_name}",
                why="it was interrupted" if status < 0 else "see Pulumi's words above",
                remedy="run the same command again once the cause is gone: it goes on from where it stopped",
            )
        )
    return MoorageError(*problems)


def _problem(session: Session, project: Project, found: Trouble) -> Problem:
    lines: list[str] = []
    if found.container:
        arguments = ["logs", found.pod, f"--container={found.container}", f"--tail={LOG_LINES}"]
        space = f"--namespace={project.namespace}"
        result = kubectl.run(session, project.target, *arguments, space)
        if not result.stdout.strip():
            result = kubectl.run(session, project.target, *arguments, space, "--previous")
        lines = [line[:300] for line in result.stdout.strip().splitlines()]
    container = f", container {found.container}" if found.container else ""
    return Problem(
        what=f"a pod is not ready: {found.reason}",
        where=f"{project.namespace}/{found.pod}{container}",
        why=found.message or found.reason,
        remedy=_REMEDIES.get(
            found.reason, f"kubectl describe pod {found.pod} --namespace {project.namespace} shows its events"
        ),
        detail=tuple(lines),
    )
