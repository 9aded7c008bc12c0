"""What a namespace of the stack comes with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..examples import Example
from ..judge import across
from ..registry import CHOSEN, DEV_ADVISORY, Scope, Severity, rule
from ..selectors import selects_all
from .network import DIRECTIONS, policy_types

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..objects import Object
    from ..stack import Stack
    from ..tree import Remark


def _inside(stack: Stack, kind: str, namespace: Object) -> list[Object]:
    """Return the objects of a kind in a Namespace; raises UnknownError where one's namespace is not known."""
    name = namespace.root["metadata"]["name"].text()
    return [item for item in stack.of(kind) if item.home == name]


@rule(
    "NET-01N",
    "require-default-deny",
    summary="Every Namespace has network policies that deny, by default, all traffic of all its pods.",
    why="a pod that no other policy selects, one of tomorrow's perhaps, is otherwise open in both directions",
    fix="add a NetworkPolicy with an empty podSelector, policyTypes [Ingress, Egress] and no rules",
    scope=Scope.STACK,
    levels=DEV_ADVISORY,
    severity=Severity.MEDIUM,
    standards=("CIS 5.3.2", "NSA network separation"),
    example=Example(
        target="NetworkPolicy/default-deny",
        path="spec.podSelector",
        value={"matchLabels": {"app.kubernetes.io/name": "web"}},
    ),
)
def require_default_deny(stack: Stack) -> Iterator[tuple[Object, Remark]]:
    """Ask that policies with an empty selector cover both directions."""

    def denied(namespace: Object) -> Iterator[Remark]:
        covered: set[str] = set()
        for item in _inside(stack, "NetworkPolicy", namespace):
            if selects_all(item.spec["podSelector"]):
                covered |= set(policy_types(item))
        missing = [direction for direction in DIRECTIONS if direction not in covered]
        if missing:
            remark = namespace.root["metadata"]["name"]
            yield remark.remark(f"must have a NetworkPolicy that denies {' and '.join(missing)} to all of its pods")

    yield from across(stack.of("Namespace"), denied)


@rule(
    "RES-06",
    "require-namespace-quota",
    summary="Every Namespace has a ResourceQuota and a LimitRange.",
    why="without a quota one application can take the whole cluster; without defaults, a pod without requests is refused",
    fix="add a ResourceQuota for cpu, memory and pods, and a LimitRange with defaults",
    scope=Scope.STACK,
    levels=CHOSEN,
    severity=Severity.LOW,
    standards=("NSA resource policies",),
    example=Example(target="ResourceQuota/shop", path="metadata.namespace", value="shop-dev"),
)
def require_quota(stack: Stack) -> Iterator[tuple[Object, Remark]]:
    """Ask for an object of either kind."""

    def limited(namespace: Object) -> Iterator[Remark]:
        for kind in ("ResourceQuota", "LimitRange"):
            if not _inside(stack, kind, namespace):
                yield namespace.root["metadata"]["name"].remark(f"must have a {kind}")

    yield from across(stack.of("Namespace"), limited)
