"""Requests and limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from moorage.base.quantity import parse_quantity

from ..examples import CONTAINER, REMOVE, Example
from ..judge import each
from ..registry import ADVICE, ALWAYS, DEV_ADVISORY, Scope, Severity, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..objects import Container, Pod
    from ..tree import Node, Remark

_REQUESTS: Final = "NSA resource policies"


def _amount(container: Container, *way: str) -> Iterator[Remark]:
    """Yield a remark where neither the container nor its pod as a whole sets the amount at ``way``."""
    if container.role == "ephemeralContainers":
        return  # the API allows them no resources
    node = container.node.at("resources", *way)
    if node.value is None:
        # A request that is left out equals the limit, where there is one.
        same_limit = way[0] == "requests" and container.node.at("resources", "limits", way[1]).present
        if not same_limit and not container.pod.spec.at("resources", *way).present:
            yield node.remark("must be set, here or for the pod as a whole")
        return
    amount = parse_quantity(node.scalar())
    if amount is None or amount <= 0:
        yield node.remark("must be a quantity above 0")


@rule(
    "RES-01C",
    "require-cpu-requests",
    summary="Every container requests cpu.",
    why="the scheduler places a pod without a request anywhere, and an HPA cannot compute its utilisation",
    fix="set resources.requests.cpu to what the container usually needs, such as 100m",
    scope=Scope.CONTAINER,
    levels=ALWAYS,
    severity=Severity.MEDIUM,
    standards=(_REQUESTS,),
    example=Example(
        path=f"{CONTAINER}.resources",
        value={"requests": {"memory": "64Mi"}, "limits": {"memory": "128Mi"}},
        unknown=f"{CONTAINER}.resources.requests.cpu",
    ),
)
def require_cpu_requests(container: Container) -> Iterator[Remark]:
    """Ask for a cpu request above 0, or a cpu limit, which then is the request too."""
    yield from _amount(container, "requests", "cpu")


@rule(
    "RES-01M",
    "require-memory-requests",
    summary="Every container requests memory.",
    why="pods without a memory request are the first that a full node kills",
    fix="set resources.requests.memory to what the container usually needs, such as 128Mi",
    scope=Scope.CONTAINER,
    levels=ALWAYS,
    severity=Severity.MEDIUM,
    standards=(_REQUESTS,),
    example=Example(
        path=f"{CONTAINER}.resources",
        value={"requests": {"cpu": "100m"}, "limits": {"cpu": "500m"}},
        unknown=f"{CONTAINER}.resources.requests.memory",
    ),
)
def require_memory_requests(container: Container) -> Iterator[Remark]:
    """Ask for a memory request above 0, or a memory limit, which then is the request too."""
    yield from _amount(container, "requests", "memory")


@rule(
    "RES-02",
    "require-memory-limits",
    summary="Every container has a memory limit.",
    why="a leak in one container otherwise takes the node's memory from every other",
    fix="set resources.limits.memory to the most that the container may ever need",
    scope=Scope.CONTAINER,
    levels=ALWAYS,
    severity=Severity.MEDIUM,
    standards=(_REQUESTS,),
    example=Example(path=f"{CONTAINER}.resources.limits.memory", value=REMOVE),
)
def require_memory_limits(container: Container) -> Iterator[Remark]:
    """Ask for a memory limit above 0."""
    yield from _amount(container, "limits", "memory")


@rule(
    "RES-03",
    "require-cpu-limits",
    summary="Every container has a cpu limit.",
    why="a busy loop in one container otherwise slows down every other on the node",
    fix="set resources.limits.cpu, or disable this rule where bursts are wanted",
    scope=Scope.CONTAINER,
    levels=DEV_ADVISORY,
    severity=Severity.LOW,
    standards=(_REQUESTS,),
    example=Example(path=f"{CONTAINER}.resources.limits.cpu", value=REMOVE),
)
def require_cpu_limits(container: Container) -> Iterator[Remark]:
    """Ask for a cpu limit above 0."""
    yield from _amount(container, "limits", "cpu")


@rule(
    "RES-05",
    "disallow-requests-above-limits",
    summary="No request is above its limit.",
    why="the API server refuses such a container",
    fix="raise the limit or lower the request",
    scope=Scope.CONTAINER,
    levels=ALWAYS,
    severity=Severity.MEDIUM,
    standards=(),
    example=Example(path=f"{CONTAINER}.resources.requests.memory", value="1Ti"),
)
def disallow_requests_above_limits(container: Container) -> Iterator[Remark]:
    """For each resource with both, the request is at most the limit."""
    limits = container["resources"]["limits"]

    def compared(pair: tuple[str, Node]) -> Iterator[Remark]:
        name, request = pair
        limit = limits[name]
        asked, most = parse_quantity(request.scalar()), parse_quantity(limit.scalar())
        if asked is not None and most is not None and asked > most:
            yield request.remark(f"must be at most the limit {limit.scalar()}")

    yield from each(container["resources"]["requests"].fields(), compared)


@rule(
    "RES-04",
    "limit-empty-dirs",
    summary="Every emptyDir has a size limit.",
    why="a file that grows without bound fills the node's disk, or its memory, and evicts other pods",
    fix="set emptyDir.sizeLimit",
    scope=Scope.POD,
    levels=ADVICE,
    severity=Severity.LOW,
    standards=(),
    example=Example(path="spec.template.spec.volumes[0].emptyDir.sizeLimit", value=REMOVE),
)
def limit_empty_dirs(pod: Pod) -> Iterator[Remark]:
    """SizeLimit is set."""

    def sized(volume: Node) -> Iterator[Remark]:
        if volume["emptyDir"].present and not volume["emptyDir"]["sizeLimit"].present:
            yield volume["emptyDir"]["sizeLimit"].remark("must be set")

    yield from each(pod.spec["volumes"].elements(), sized)
