"""Startup, liveness and readiness probes of what is meant to run on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..examples import CONTAINER, REMOVE, Example
from ..judge import each
from ..objects import LONG_RUNNING
from ..registry import ADVICE, ALWAYS, DEV_ADVISORY, Scope, Severity, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..objects import Container
    from ..tree import Node, Remark

PROBES: Final = ("startupProbe", "livenessProbe", "readinessProbe")
HANDLERS: Final = ("httpGet", "tcpSocket", "exec", "grpc")


def _probe(container: Container, name: str) -> Iterator[Remark]:
    """Yield a remark where a container that runs on has no such probe, or one that does nothing: sidecars run on as well."""
    if container.role != "containers" and not container.sidecar:
        return
    node = container[name]
    if not node.present:
        yield node.remark("must be set")
    elif not any(node[handler].present for handler in HANDLERS):
        yield node.remark("must have one of httpGet, tcpSocket, exec and grpc")


@rule(
    "AVL-02",
    "require-readiness-probes",
    summary="Containers and sidecars of long-running workloads have a readiness probe.",
    why="without one, a pod is sent requests before it can answer, at every rollout",
    fix="add a readinessProbe that succeeds when the container can do its work",
    scope=Scope.CONTAINER,
    kinds=LONG_RUNNING,
    levels=ALWAYS,
    severity=Severity.MEDIUM,
    standards=(),
    example=Example(path=f"{CONTAINER}.readinessProbe", value=REMOVE),
)
def require_readiness(container: Container) -> Iterator[Remark]:
    """ReadinessProbe is set."""
    yield from _probe(container, "readinessProbe")


@rule(
    "AVL-03",
    "require-liveness-probes",
    summary="Containers and sidecars of long-running workloads have a liveness probe.",
    why="a process that hangs is otherwise never restarted",
    fix="add a livenessProbe that fails only when a restart would help: it must not ask other services",
    scope=Scope.CONTAINER,
    kinds=LONG_RUNNING,
    levels=DEV_ADVISORY,
    severity=Severity.MEDIUM,
    standards=(),
    example=Example(path=f"{CONTAINER}.livenessProbe", value=REMOVE),
)
def require_liveness(container: Container) -> Iterator[Remark]:
    """LivenessProbe is set."""
    yield from _probe(container, "livenessProbe")


@rule(
    "AVL-03S",
    "require-startup-probes",
    summary="Containers and sidecars of long-running workloads have a startup probe.",
    why="the liveness probe would otherwise kill a container that takes long to start, again and again",
    fix="add a startupProbe with as many failures as the slowest start may take",
    scope=Scope.CONTAINER,
    kinds=LONG_RUNNING,
    levels=DEV_ADVISORY,
    severity=Severity.LOW,
    standards=(),
    example=Example(path=f"{CONTAINER}.startupProbe", value=REMOVE),
)
def require_startup(container: Container) -> Iterator[Remark]:
    """StartupProbe is set."""
    yield from _probe(container, "startupProbe")


@rule(
    "AVL-03I",
    "distinguish-liveness-from-readiness",
    summary="The liveness probe differs from the readiness probe.",
    why="one failure would take the pod out of service and restart it at the same time, which makes an overload worse",
    fix="let liveness ask less than readiness, or fail later (a higher failureThreshold)",
    scope=Scope.CONTAINER,
    kinds=LONG_RUNNING,
    levels=DEV_ADVISORY,
    severity=Severity.LOW,
    standards=(),
    example=Example(
        path=f"{CONTAINER}.livenessProbe",
        value={"httpGet": {"path": "/readyz", "port": "http"}, "periodSeconds": 5, "failureThreshold": 2},
    ),
)
def distinguish_probes(container: Container) -> Iterator[Remark]:
    """Ask that handler or thresholds differ in something."""
    live, ready = container["livenessProbe"], container["readinessProbe"]
    if live.present and ready.present and live.value == ready.value:
        yield live.remark("must differ from readinessProbe")


@rule(
    "AVL-03P",
    "require-probe-ports-to-exist",
    summary="A probe that names a port names one that the container has.",
    why="the kubelet cannot resolve the name, and the pod never becomes ready",
    fix="declare the port under the same name, or use its number",
    scope=Scope.CONTAINER,
    levels=ALWAYS,
    severity=Severity.MEDIUM,
    standards=(),
    example=Example(path=f"{CONTAINER}.readinessProbe.httpGet.port", value="htpp"),
)
def require_probe_ports(container: Container) -> Iterator[Remark]:
    """Every port given by name is declared."""

    def named(node: Node) -> Iterator[Remark]:
        port = node.scalar()
        if isinstance(port, str) and not port.isdigit():
            names = {declared["name"].text() for declared in container["ports"].elements()}
            if port not in names:
                yield node.remark("must be the name of one of the container's ports")

    yield from each(_ports(container), named)


@rule(
    "AVL-03D",
    "declare-probe-ports",
    summary="A probe's port number is among the ports that the container declares, where it declares any.",
    why="a number that is declared nowhere is often a slip; the declaration itself is information only",
    fix="declare the port, or correct the number",
    scope=Scope.CONTAINER,
    levels=ADVICE,
    severity=Severity.LOW,
    standards=(),
    example=Example(path=f"{CONTAINER}.readinessProbe.httpGet.port", value=8081),
)
def declare_probe_ports(container: Container) -> Iterator[Remark]:
    """Every port given by number is declared."""
    declared = container["ports"].elements()

    def numbered(node: Node) -> Iterator[Remark]:
        port = node.scalar()
        if port is None or isinstance(port, str) or not declared:
            return
        if port not in {item["containerPort"].number() for item in declared}:
            yield node.remark("must be one of the container's ports")

    yield from each(_ports(container), numbered)


@rule(
    "AVL-03T",
    "require-sane-probe-timing",
    summary="A probe's timeout is not longer than its period, and its numbers are positive.",
    why="the kubelet waits for an answer before it asks again: with a longer timeout a container that hangs is asked less "
    "often than periodSeconds says, and failureThreshold takes that much longer to act",
    fix="set timeoutSeconds to at most periodSeconds",
    scope=Scope.CONTAINER,
    levels=DEV_ADVISORY,
    severity=Severity.LOW,
    standards=(),
    example=Example(path=f"{CONTAINER}.livenessProbe.timeoutSeconds", value=60),
)
def require_sane_timing(container: Container) -> Iterator[Remark]:
    """TimeoutSeconds (1) is at most periodSeconds (10); neither these nor the thresholds are below 1."""

    def timing(node: Node) -> Iterator[Remark]:
        for key in ("periodSeconds", "timeoutSeconds", "failureThreshold", "successThreshold"):
            number = node[key].number()
            if number is not None and number < 1:
                yield node[key].remark("must be at least 1")
        period, timeout = node["periodSeconds"].number() or 10, node["timeoutSeconds"].number() or 1
        if timeout > period:
            yield node["timeoutSeconds"].remark(f"must be at most periodSeconds ({period:g})")

    yield from each((container[name] for name in PROBES), timing)


def _ports(container: Container) -> Iterator[Node]:
    for name in PROBES:
        for handler in ("httpGet", "tcpSocket"):
            node = container[name][handler]["port"]
            if node.value is not None:
                yield node
