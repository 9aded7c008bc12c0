"""Replicas, autoscaling and disruption: what keeps a workload available."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ..examples import REMOVE, Example
from ..judge import across
from ..registry import ALWAYS, DEV_ADVISORY, PROD_ADVICE, PROD_ONLY, Scope, Severity, rule
from ..selectors import labels_of, selects
from ..tree import UnknownError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..objects import Object
    from ..stack import Stack
    from ..tree import Node, Remark

MINIMUM = {"minimum": {"type": "integer", "minimum": 1, "default": 2}}


_TERMS = ("requiredDuringSchedulingIgnoredDuringExecution", "preferredDuringSchedulingIgnoredDuringExecution")


def least_replicas(stack: Stack, workload: Object) -> tuple[int, Node]:
    """Return how many pods a workload has at rest, and the field that says so; raises UnknownError."""
    scaler = stack.autoscaler(workload)
    node = workload.spec["replicas"] if scaler is None else scaler.spec["minReplicas"]
    number = node.integer()
    return (1 if number is None else number), node


def _recreates(workload: Object) -> bool:
    return workload.spec["strategy"]["type"].text() == "Recreate"


@rule(
    "AVL-01",
    "require-two-replicas",
    summary="A Deployment has at least two pods, or its autoscaler's minimum is two.",
    why="with one pod, its node's failure or drain is an outage",
    fix="set replicas, or the autoscaler's minReplicas, to 2 or more",
    scope=Scope.STACK,
    levels=PROD_ONLY,
    severity=Severity.MEDIUM,
    standards=(),
    settings=MINIMUM,
    example=Example(target="Deployment/worker", path="spec.replicas", value=1),
)
def require_two_replicas(stack: Stack, settings: Mapping[str, Any]) -> Iterator[tuple[Object, Remark]]:
    """Ask for the minimum, except of what is switched off (0) and of what must not run twice (Recreate)."""

    def replicas(workload: Object) -> Iterator[Remark]:
        number, node = least_replicas(stack, workload)
        if 0 < number < settings["minimum"] and not _recreates(workload):
            yield node.remark(f"must be at least {settings['minimum']:g}")

    yield from across(stack.of("Deployment"), replicas)


@rule(
    "AVL-04",
    "require-pod-disruption-budgets",
    summary="A Deployment of several pods has a disruption budget.",
    why="without one, a drain of nodes may evict all its pods at once",
    fix="add a PodDisruptionBudget with maxUnavailable: 1 and the Deployment's selector",
    scope=Scope.STACK,
    levels=PROD_ONLY,
    severity=Severity.MEDIUM,
    standards=(),
    example=Example(
        target="PodDisruptionBudget/web",
        path='spec.selector.matchLabels["app.kubernetes.io/name"]',
        value="wbe",
    ),
)
def require_budgets(stack: Stack) -> Iterator[tuple[Object, Remark]]:
    """Ask for a budget that selects the pods, from two pods on."""
    budgets, unknown = stack.selecting("PodDisruptionBudget")

    def budget(workload: Object) -> Iterator[Remark]:
        if workload.pod in budgets:
            return
        if least_replicas(stack, workload)[0] < 2:
            return
        if unknown is not None:
            raise UnknownError(unknown)
        yield workload.spec["selector"].remark("must be matched by a PodDisruptionBudget", hide=True)

    yield from across(stack.of("Deployment"), budget)


@rule(
    "AVL-05",
    "disallow-blocking-disruption-budgets",
    summary="A disruption budget lets at least one pod go.",
    why="a budget that allows no eviction blocks every drain of a node, and with it upgrades",
    fix="set maxUnavailable: 1 instead of minAvailable",
    scope=Scope.STACK,
    levels=DEV_ADVISORY,
    severity=Severity.MEDIUM,
    standards=(),
    example=Example(target="PodDisruptionBudget/web", path="spec.maxUnavailable", value=0),
)
def disallow_blocking_budgets(stack: Stack) -> Iterator[tuple[Object, Remark]]:
    """Ask for a maxUnavailable above 0, or a minAvailable below what the selected workload has at rest."""

    def blocking(budget: Object) -> Iterator[Remark]:
        most, least = budget.spec["maxUnavailable"], budget.spec["minAvailable"]
        if _is_none(most.scalar()):
            yield most.remark("must be above 0")
        if least.scalar() is None:
            return
        if str(least.scalar()) == "100%":
            yield least.remark("must leave one pod to be evicted")
            return
        for pod in stack.matching(budget):
            if pod.owner.kind not in {"Deployment", "StatefulSet"}:
                continue
            replicas = least_replicas(stack, pod.owner)[0]
            if replicas and _share(least.scalar(), replicas) >= replicas:
                yield least.remark(f"must leave one of the {replicas} pods of {pod.owner.title} to be evicted")

    yield from across(stack.of("PodDisruptionBudget"), blocking)


def _is_none(value: Any) -> bool:
    return (value is not None and not isinstance(value, bool) and str(value).removesuffix("%") in {"0", "0.0"}) or str(
        value
    ).startswith("-")


def _share(value: Any, replicas: int) -> int:
    """Return how many of ``replicas`` an absolute number or a percentage asks for; percentages round up."""
    text = str(value)
    try:
        if text.endswith("%"):
            return math.ceil(replicas * float(text[:-1]) / 100)
        return math.ceil(float(text))
    except (ValueError, OverflowError):
        return 0


@rule(
    "AVL-08",
    "require-pods-to-spread",
    summary="The pods of a Deployment spread over nodes.",
    why="replicas on one node fail together",
    fix="add topologySpreadConstraints over kubernetes.io/hostname, or a podAntiAffinity",
    scope=Scope.STACK,
    levels=PROD_ADVICE,
    severity=Severity.LOW,
    standards=(),
    example=Example(target="Deployment/worker", path="spec.template.spec.topologySpreadConstraints", value=REMOVE),
)
def require_spread(stack: Stack) -> Iterator[tuple[Object, Remark]]:
    """Ask for either of the two, from two pods on."""

    def spread(workload: Object) -> Iterator[Remark]:
        pod = workload.pod
        if pod is None or least_replicas(stack, workload)[0] < 2:
            return
        constraints, apart = pod.spec["topologySpreadConstraints"], pod.spec["affinity"]["podAntiAffinity"]
        terms = [key for key in _TERMS if apart[key].elements()]
        if not constraints.elements() and not terms:
            yield constraints.remark("must spread the pods")

    yield from across(stack.of("Deployment"), spread)


@rule(
    "AVL-11",
    "require-selectors-to-match-template",
    summary="A workload's selector fits its own pods.",
    why="the API server refuses it, or the workload makes pods for ever that it does not find",
    fix="give the template the labels of the selector",
    scope=Scope.OBJECT,
    kinds=frozenset({"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"}),
    levels=ALWAYS,
    severity=Severity.HIGH,
    standards=(),
    example=Example(path='spec.selector.matchLabels["app.kubernetes.io/name"]', value="wbe"),
)
def require_matching_selectors(workload: Object) -> Iterator[Remark]:
    """Ask that the selector is there, is not empty and selects the template's labels."""
    selector = workload.spec["selector"]
    if workload.partial:
        return
    if not selector.fields() or (workload.pod and not selects(selector, labels_of(workload.pod.metadata))):
        yield selector.remark("must fit the labels of the pod template", hide=selector.present)
