"""Running a rule on an object: what it finds, and what it could not judge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from policy.registry import Rule, Scope
from policy.tree import Remark, ShapeError, UnknownError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from policy.objects import Object, Pod
    from policy.stack import Stack

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that an object breaks, at one field of it."""

    rule: Rule
    about: Object
    remark: Remark
    container: str | None = None

    @property
    def message(self) -> str:
        """What is wrong where, with the fix and the standard: no secret value is ever in it."""
        where = self.about.title
        if self.about.namespace:
            where += f" in {self.about.namespace}"
        if self.container:
            where += f", container {self.container}"
        standards = f" [{', '.join(self.rule.standards)}]" if self.rule.standards else ""
        link = ": " if self.remark.path else " "
        return f"{where}{link}{self.problem}.\n  why: {self.rule.why}\n  fix: {self.rule.fix}{standards}"

    @property
    def problem(self) -> str:
        """The field, what it holds where that may be shown, and what it must hold; without a full stop.

        A remark on the object as a whole has no field: the object's name is the subject of its sentence.
        """
        if not self.remark.path:
            return self.remark.must
        seen = f" is {self.remark.seen}," if self.remark.seen is not None else ""
        return f"{self.remark.path}{seen} {self.remark.must}"


@dataclass(frozen=True, slots=True)
class Unjudged:
    """A value that a rule needs and that is not known yet."""

    rule: Rule
    about: Object
    path: str


Outcome = Violation | Unjudged


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
