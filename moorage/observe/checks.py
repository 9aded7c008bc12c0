"""Failed health checks: which check of which container, what it asked, and why it failed."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Any

from moorage.observe.entry import CHECK_FAILED, Entry, event_time, service_of, shortened

if TYPE_CHECKING:
    from collections.abc import Mapping

_SIMILAR = "(combined from similar events): "
_FAILED = re.compile(
    r"(Startup|Readiness|Liveness) probe (failed|errored)(?: and resulted in \w+ state)?: (.*)", re.DOTALL
)
_CONTAINER = re.compile(r"spec\.(?:initContainers|containers|ephemeralContainers)\{(.+)\}")
_STATUS = re.compile(r"HTTP probe failed with statuscode: (\d+)")
_REFUSALS = (
    ("connection refused", "connection refused"),
    ("connection reset by peer", "connection reset"),
    ("no route to host", "no route to host"),
    ("no such host", "no such host"),
    ("malformed HTTP", "malformed HTTP answer"),
    ("stopped after 10 redirects", "more than 10 redirects"),
    ("certificate", "certificate not accepted"),
    ("EOF", "connection closed without an answer"),
)
_SLOW = ("deadline exceeded", "Client.Timeout", "i/o timeout", "timed out", "DeadlineExceeded")
_NOT_STARTED = ("executable file not found", "no such file or directory", "permission denied", "exec format error")


def failed_check(event: Mapping[str, Any], pod: Mapping[str, Any]) -> Entry | None:
    """Return the entry of a kubelet's event about a pod; None where it does not tell of a failed check."""
    match = _FAILED.fullmatch(str(event.get("message") or "").removeprefix(_SIMILAR))
    if event.get("reason") != "Unhealthy" or match is None:
        return None
    name = container_of(event)
    check, how, text = match[1].lower(), match[2], match[3]
    probe = (container_named(pod, name) or {}).get(f"{check}Probe") or {}
    return Entry(
        time=event_time(event),
        level="warning",
        message=CHECK_FAILED,
        namespace=pod["metadata"].get("namespace", ""),
        service=service_of(pod),
        fields={
            "pod": pod["metadata"]["name"],
            "container": name,
            "check": check,
            "endpoint": endpoint(probe, container_named(pod, name) or {}),
            "reason": reason(text, probe, errored=how == "errored"),
            "count": (event.get("series") or {}).get("count") or event.get("count") or 1,
        },
    )


def container_of(event: Mapping[str, Any]) -> str:
    """Return the container that an event is about; empty for one about the whole pod."""
    match = _CONTAINER.fullmatch(str((event.get("involvedObject") or {}).get("fieldPath") or ""))
    return match[1] if match else ""


def container_named(pod: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    """Return a container's specification."""
    spec = pod.get("spec") or {}
    containers: list[Mapping[str, Any]] = [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]
    return next((container for container in containers if container["name"] == name), None)


def endpoint(probe: Mapping[str, Any], container: Mapping[str, Any]) -> str:
    """Return what a check asks: ``GET http://:8000/ready``, ``tcp :5432``, ``grpc :9000/name``, ``exec pg_isready -q``."""
    if get := probe.get("httpGet"):
        scheme = str(get.get("scheme") or "HTTP").lower()
        path = str(get.get("path") or "/")
        return (
            f"GET {scheme}://{get.get('host') or ''}:{_port(get, container)}{path if path[:1] == '/' else f'/{path}'}"
        )
    if socket := probe.get("tcpSocket"):
        return f"tcp {socket.get('host') or ''}:{_port(socket, container)}"
    if grpc := probe.get("grpc"):
        return f"grpc :{_port(grpc, container)}{'/' + grpc['service'] if grpc.get('service') else ''}"
    if command := (probe.get("exec") or {}).get("command"):
        return f"exec {shlex.join(map(str, command))}"
    return ""


def _port(where: Mapping[str, Any], container: Mapping[str, Any]) -> str:
    port = where.get("port")
    declared = {entry.get("name"): entry.get("containerPort") for entry in container.get("ports") or []}
    return str(declared.get(port, port))


def reason(text: str, probe: Mapping[str, Any], *, errored: bool = False) -> str:
    """Return in few words why a check failed, from the kubelet's own."""
    if match := _STATUS.search(text):
        return f"HTTP {match[1]}"
    command = "exec" in probe
    if any(word in text for word in _SLOW) and (errored or not command or text.startswith("command timed out")):
        return f"no answer within {probe.get('timeoutSeconds') or 1} s"
    if command and errored:
        known = next((word for word in _NOT_STARTED if word in text), None)
        return f"the command could not be started: {known or shortened(text)}"
    if command:
        # The kubelet tells what the command wrote, not the status that it ended with.
        return f"the command failed: {shortened(text)}" if text.strip() else "the command failed"
    for word, meaning in _REFUSALS:
        if word in text:
            return meaning
    return shortened(text) or "unknown"
