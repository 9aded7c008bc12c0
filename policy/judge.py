"""Running a rule on an object: what it finds, and what it could not judge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from .registry import Rule, Scope
from .tree import Remark, ShapeError, UnknownError
from .verdicts import Outcome, Unjudged, Violation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from .objects import Object, Pod
    from .stack import Stack

Item = TypeVar("Item")


def judge(rule: Rule, about: Object, settings: Mapping[str, Any]) -> Iterator[Outcome]:
    """Yield what ``rule`` has to say of one object; ``settings`` hold a value for each setting it declares.

    Never raises for what the object contains. Not for rules on a whole stack.
    """
    pod = about.pod
    if not rule.applies_to(about.family, has_pod=pod is not None):
        return
    check = _bound(rule, settings)
    if rule.scope is Scope.OBJECT:
        remarks = each((about,), check)
    elif pod is None:
        return
    elif rule.scope is Scope.POD:
        remarks = each((pod,), check)
    else:
        remarks = each(pod.containers, check)
    for remark in remarks:
        yield from _outcome(rule, about, remark)


def judge_stack(rule: Rule, stack: Stack, settings: Mapping[str, Any]) -> Iterator[Outcome]:
    """Yield what a rule on the whole stack has to say; each of its remarks comes with the object it is about."""
    check = _bound(rule, settings)
    for about, remark in check(stack):
        yield from _outcome(rule, about, remark)


def each(items: Iterable[Item], check: Callable[[Item], Iterable[Any]]) -> Iterator[Any]:
    """Yield the remarks of ``check`` on every item; what one item leaves unknown or misshapen ends that item only."""
    for item in items:
        try:
            yield from check(item)
        except UnknownError as unknown:
            yield unknown
        except ShapeError as error:
            yield Remark(error.path, error.found, f"must be {error.expected}")


def across(objects: Iterable[Object], check: Callable[[Object], Iterable[Any]]) -> Iterator[tuple[Object, Any]]:
    """Yield the remarks of ``check`` on every object, with the object: what a rule on the whole stack returns."""
    for about in objects:
        for remark in each((about,), check):
            yield about, remark


def _bound(rule: Rule, settings: Mapping[str, Any]) -> Callable[[Any], Iterable[Any]]:
    if not rule.with_settings:
        return rule.check
    return lambda subject: rule.check(subject, settings)


def _outcome(rule: Rule, about: Object, remark: Remark | UnknownError) -> Iterator[Outcome]:
    if isinstance(remark, UnknownError):
        yield Unjudged(rule, about, remark.path)
    elif not (about.partial and remark.absent):
        # A patch leaves out what it does not change: what is absent there may well be in the object.
        yield Violation(rule, about, remark, _container_at(about.pod, remark.path))


def _container_at(pod: Pod | None, path: str) -> str | None:
    if pod is None:
        return None
    for container in pod.containers:
        if path == container.node.path or path.startswith(f"{container.node.path}."):
            return container.name
    return None
