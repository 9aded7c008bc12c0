"""Why a container was started again: how its last run ended, or what replaced its pod."""

from __future__ import annotations

import re
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CRASH, OOM, LIVENESS, STARTUP, COMPLETED = "crash", "oom", "liveness", "startup", "completed"
MANUAL, EVICTION, CONFIG, IMAGE, SPEC, UNKNOWN = (
    "manual",
    "eviction",
    "config change",
    "image",
    "spec change",
    "unknown",
)
REASONS: dict[str, str] = {
    CRASH: "the process ended by itself, with an exit code other than 0 or by a signal",
    OOM: "the kernel killed it, as the container wanted more memory than its limit",
    LIVENESS: "its livenessProbe failed failureThreshold times",
    STARTUP: "its startupProbe did not succeed in time",
    COMPLETED: "the process ended with exit code 0, and is to run always",
    MANUAL: "somebody deleted the pod, or restarted the workload with kubectl rollout restart",
    EVICTION: "the node or the scheduler took its place: drained, preempted, or short of memory or disk",
    CONFIG: "a ConfigMap, a Secret, a variable or the command line of its service changed",
    IMAGE: "its service has another image",
    SPEC: "something else of its pod's specification changed: resources, probes, volumes",
    UNKNOWN: "Kubernetes does not say how its last run ended",
}
"""Every reason, and what it means."""
_RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"
_CHECKSUM = re.compile(r"checksum|config|hash", re.IGNORECASE)
_KILLING = re.compile(r"Container (\S+) (?:failed (liveness|startup) probe|(definition) changed)")
_MOST_SIGNALS = 128


@dataclass(frozen=True)
class Cause:
    """Why a container was started again."""

    reason: str
    """One of `REASONS`."""
    detail: str = ""
    signal: str = ""


def killed_by(event: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return container and reason of a kubelet's event that announces a container's end; None for any other."""
    match = _KILLING.match(str(event.get("message") or "")) if event.get("reason") == "Killing" else None
    return (match[1], IMAGE if match[3] else match[2]) if match else None


def ended(terminated: Mapping[str, Any], announced: str = "") -> Cause:
    """Return why a run ended: by its last state, and what the kubelet ``announced`` before it ended it."""
    code = int(terminated.get("exitCode", -1))
    name = _signal(code, int(terminated.get("signal") or 0))
    if terminated.get("reason") == "OOMKilled":
        return Cause(OOM, "more memory than its limit", name)
    if announced in (LIVENESS, STARTUP):
        return Cause(announced, f"its {announced}Probe failed", name)
    if announced:
        return Cause(announced, "its definition changed", name)
    if terminated.get("reason") == "ContainerStatusUnknown":
        return Cause(UNKNOWN)
    if code == 0:
        return Cause(COMPLETED, "exit code 0")
    return Cause(CRASH, f"killed by {name}" if name else f"exit code {code}", name)


def _signal(code: int, number: int) -> str:
    number = number or (code - _MOST_SIGNALS if code > _MOST_SIGNALS else 0)
    try:
        return signal.Signals(number).name
    except ValueError:
        return ""


def taken(pod: Mapping[str, Any]) -> Cause:
    """Return why a pod that was not to go went: evicted, or deleted by hand."""
    status = pod.get("status") or {}
    for condition in status.get("conditions") or []:
        if condition["type"] == "DisruptionTarget" and condition["status"] == "True":
            return Cause(EVICTION, condition.get("reason") or "")
    if status.get("phase") == "Failed":
        return Cause(EVICTION, status.get("reason") or "the pod failed")
    return Cause(MANUAL, "its pod was deleted")


def changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> Cause:
    """Return why the pods of one template took the place of another's."""
    images = list(_image_changes(old, new))
    settings = list(_setting_changes(old, new))
    if images:
        return Cause(IMAGE, "; ".join([*images, *settings]))
    if settings:
        return Cause(CONFIG, "; ".join(settings))
    if _annotation(old, _RESTARTED_AT) != _annotation(new, _RESTARTED_AT):
        return Cause(MANUAL, "rollout restart")
    if keys := sorted(_differing(old.get("spec") or {}, new.get("spec") or {})):
        return Cause(SPEC, ", ".join(keys))
    return Cause(SPEC, "labels or annotations of the pod")


def _annotation(template: Mapping[str, Any], name: str) -> Any:
    return ((template.get("metadata") or {}).get("annotations") or {}).get(name)


def _containers(template: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    spec = template.get("spec") or {}
    return {each["name"]: each for each in [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]}


def _image_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    before = _containers(old)
    for name, container in _containers(new).items():
        if name in before and before[name].get("image") != container.get("image"):
            yield f"{name}: {container.get('image')}"


def _setting_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """Yield which settings differ, by name alone: a variable's value may be nobody's business."""
    before, after = references(old), references(new)
    if before != after:
        yield ", ".join(f"{kind} {name}" for kind, name in sorted(after - before) or sorted(before - after))
    earlier = _containers(old)
    for name, container in _containers(new).items():
        previous = earlier.get(name, {})
        variables = [
            {each["name"]: each.get("value") for each in one.get("env") or []} for one in (previous, container)
        ]
        if names := sorted(_differing(*variables)):
            yield f"{name}: variable {', '.join(names)}"
        if name in earlier and any(previous.get(key) != container.get(key) for key in ("command", "args")):
            yield f"{name}: command line"
    annotations = [(one.get("metadata") or {}).get("annotations") or {} for one in (old, new)]
    if sums := sorted(key for key in _differing(*annotations) if key != _RESTARTED_AT and _CHECKSUM.search(key)):
        yield f"annotation {', '.join(sums)}"


def _differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> set[str]:
    return {key for key in {*old, *new} if old.get(key) != new.get(key)}


def references(template: Mapping[str, Any]) -> set[tuple[str, str]]:
    """Return the ConfigMaps and Secrets that a pod reads, as kind and name."""
    found: set[tuple[str, str]] = set()
    _collect(template.get("spec") or {}, found)
    return found


_REFERENCES = {
    "configMapRef": ("ConfigMap", "name"),
    "configMapKeyRef": ("ConfigMap", "name"),
    "configMap": ("ConfigMap", "name"),
    "secretRef": ("Secret", "name"),
    "secretKeyRef": ("Secret", "name"),
    "secret": ("Secret", "secretName"),
}


def _collect(node: Any, found: set[tuple[str, str]]) -> None:
    if isinstance(node, list):
        for item in node:
            _collect(item, found)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key in _REFERENCES and isinstance(value, dict):
                kind, name = _REFERENCES[key]
                # A projected volume calls both by `name`.
                found.add((kind, str(value.get(name) or value.get("name"))))
            _collect(value, found)
