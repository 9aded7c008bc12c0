"""Autoscalers: their bounds, their targets and what they measure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..examples import Example
from ..judge import across, each
from ..registry import DEV_ADVISORY, Scope, Severity, rule
from ..stack import target_family

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..objects import Object
    from ..stack import Stack
    from ..tree import Node, Remark


@rule(
    "AVL-07",
    "disallow-replicas-beside-autoscaler",
    summary="A workload that an autoscaler owns sets no number of replicas.",
    why="every deployment would set the number back, in the middle of the load",
    fix="remove replicas; the autoscaler's minReplicas is the number at rest",
    scope=Scope.STACK,
    levels=DEV_ADVISORY,
    severity=Severity.MEDIUM,
    standards=(),
    example=Example(path="spec.replicas", value=2),
)
def disallow_replicas_beside_autoscaler(stack: Stack) -> Iterator[tuple[Object, Remark]]:
    """Ask that replicas is absent where a HorizontalPodAutoscaler has the workload as its target."""

    def beside(workload: Object) -> Iterator[Remark]:
        node = workload.spec["replicas"]
        if node.present and stack.autoscaler(workload) is not None:
            yield node.remark("must be absent: an autoscaler owns it")

    yield from across(stack.of("Deployment", "StatefulSet"), beside)


@rule(
    "AVL-06",
    "require-sane-autoscaler-bounds",
    summary="An autoscaler's minimum is at least one and its maximum above it.",
    why="with equal bounds the autoscaler can do nothing; with none at all the load decides how many pods fail",
    fix="set minReplicas to what the workload needs at rest and maxReplicas to more",
    scope=Scope.OBJECT,
    kinds=frozenset({"HorizontalPodAutoscaler"}),
    levels=DEV_ADVISORY,
    severity=Severity.MEDIUM,
    standards=(),
    example=Example(target="HorizontalPodAutoscaler/web", path="spec.maxReplicas", value=2),
)
def require_sane_bounds(scaler: Object) -> Iterator[Remark]:
    """Ask for a minimum of one or more, which it is where it is not given, and for a maximum above it."""
    least, most = scaler.spec["minReplicas"].integer(), scaler.spec["maxReplicas"]
    number = most.integer()
    if least is not None and least < 1:
        yield scaler.spec["minReplicas"].remark("must be at least 1")
    if number is None or number <= (1 if least is None else least):
        yield most.remark("must be above minReplicas")


@rule(
    "AVL-06T",
    "require-autoscaler-targets-to-exist",
    summary="An autoscaler's target is in the stack, and requests the resources of which a share is measured.",
    why="without its target, or without the request that utilisation is a share of, the autoscaler never scales",
    fix="correct scaleTargetRef, or set the resource's request in every container of the target",
    scope=Scope.STACK,
    levels=DEV_ADVISORY,
    severity=Severity.HIGH,
    standards=(),
    example=Example(target="HorizontalPodAutoscaler/web", path="spec.scaleTargetRef.name", value="wbe"),
)
def require_autoscaler_targets(stack: Stack) -> Iterator[tuple[Object, Remark]]:
    """Ask that the target exists and has the requests that Utilization metrics need."""

    def target(scaler: Object) -> Iterator[Remark]:
        reference = scaler.spec["scaleTargetRef"]
        kind, name = target_family(reference), reference["name"].text() or ""
        found = stack.find(kind, scaler.home, name)
        if found is None:
            yield reference["name"].remark(f"must be the name of a {kind.partition('.')[0]} in the same namespace")
        elif found.pod is not None:
            yield from each(_measured(scaler), lambda item: requested(found, item))

    def requested(workload: Object, measured: tuple[Node, str, str | None]) -> Iterator[Remark]:
        node, resource, container = measured
        if container is None and not _requested(workload, resource):
            yield node.remark(f"must be requested by every container of the target: {resource}", hide=True)
        elif container is not None:
            named = [item for item in workload.pod.of("containers") if item.name == container] if workload.pod else []
            if not named:
                yield node.remark("must be the name of a container of the target")
            elif not _has(named[0].node, resource):
                yield node.remark(f"must be the name of a container that requests {resource}")

    yield from across(stack.of("HorizontalPodAutoscaler"), target)


def _measured(scaler: Object) -> Iterator[tuple[Node, str, str | None]]:
    """Yield field, resource and container (None for all) of what an autoscaler measures as a share of requests."""
    old = scaler.spec["targetCPUUtilizationPercentage"]
    if old.present:
        yield old, "cpu", None
    for metric in scaler.spec["metrics"].elements():
        resource, single = metric["resource"], metric["containerResource"]
        if resource["target"]["type"].text() == "Utilization":
            yield resource["name"], resource["name"].text() or "", None
        if single.present:
            share = single["target"]["type"].text() == "Utilization"
            yield single["container"], (single["name"].text() or "") if share else "", single["container"].text() or ""


def _has(holder: Node, resource: str) -> bool:
    """Tell whether a container or pod requests a resource, as a limit does as well; nothing is always requested."""
    amounts = holder["resources"]
    return not resource or amounts["requests"][resource].present or amounts["limits"][resource].present


def _requested(workload: Object, resource: str) -> bool:
    """Tell whether each container, or the pod as a whole, requests the resource."""
    pod = workload.pod
    return pod is not None and (
        _has(pod.spec, resource) or all(_has(container.node, resource) for container in pod.of("containers"))
    )
