"""What a rule is, and the registry of all rules with their documentation."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

if TYPE_CHECKING:
    from .examples import Example

PACK: Final = "moorage"
"""The name of the pack, as Pulumi shows it."""

Profile = Literal["baseline", "restricted", "all"]
"""The narrowest selection that contains a rule: one of the two Pod Security Standards, or only the whole pack."""

Fix = Callable[[Any], bool]
"""Corrects an object in place (nested mappings and sequences) and tells whether anything was changed."""


Check = TypeVar("Check", bound=Callable[..., Iterable[Any]])


class Level(StrEnum):
    """What a violation does; the values are Pulumi's own."""

    ADVISORY = "advisory"
    MANDATORY = "mandatory"
    REMEDIATE = "remediate"
    DISABLED = "disabled"


class Severity(StrEnum):
    """How bad a violation is; it never decides whether it blocks."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class Scope(StrEnum):
    """What a rule's function is given: every container, the pod, the object, or the whole stack."""

    CONTAINER = "container"
    POD = "pod"
    OBJECT = "object"
    STACK = "stack"


@dataclass(frozen=True, kw_only=True)
class Levels:
    """A rule's level by kind of stack."""

    dev: Level
    prod: Level

    def of(self, stage: str) -> Level:
        """Return the level in ``dev`` or ``prod``."""
        return self.dev if stage == "dev" else self.prod


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One policy.

    ``id`` is short and stable, for reports; ``name`` is what Pulumi and configuration know it by. ``summary`` says
    what holds where the rule is kept, ``why`` what it protects from, ``fix`` what to do. ``example`` breaks the
    compliant stack of ``examples.py`` in the one place that this rule watches. ``at_once`` marks a rule on the stack that
    needs of it one resource and what that resource runs: it is judged before that resource is deployed, not at the end.
    ``among`` marks a rule on one object that also reads its surroundings, which are complete once all objects are read.
    """

    id: str
    name: str
    summary: str
    why: str
    fix: str
    scope: Scope
    levels: Levels
    severity: Severity
    standards: tuple[str, ...]
    example: Example
    check: Callable[..., Iterable[Any]]
    kinds: frozenset[str] = frozenset()
    profile: Profile = "all"
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    remedy: Fix | None = None
    with_settings: bool = False
    at_once: bool = False
    among: bool = False

    @cached_property
    def defaults(self) -> Mapping[str, Any]:
        """The value of each setting that nobody has set."""
        return MappingProxyType({name: schema["default"] for name, schema in self.settings.items()})

    def applies_to(self, kind: str, *, has_pod: bool) -> bool:
        """Tell whether the rule looks at objects of this kind at all."""
        if self.kinds and kind not in self.kinds:
            return False
        return has_pod or self.scope not in {Scope.CONTAINER, Scope.POD}


_RULES: Final[dict[str, Rule]] = {}
RULES: Final[Mapping[str, Rule]] = MappingProxyType(_RULES)
"""Every rule by name, once ``policy.rules`` is imported."""

DEV_ADVISORY: Final = Levels(dev=Level.ADVISORY, prod=Level.MANDATORY)
ALWAYS: Final = Levels(dev=Level.MANDATORY, prod=Level.MANDATORY)
REMEDIED_IN_DEV: Final = Levels(dev=Level.REMEDIATE, prod=Level.MANDATORY)
ADVICE: Final = Levels(dev=Level.ADVISORY, prod=Level.ADVISORY)
PROD_ONLY: Final = Levels(dev=Level.DISABLED, prod=Level.MANDATORY)
PROD_ADVICE: Final = Levels(dev=Level.DISABLED, prod=Level.ADVISORY)
CHOSEN: Final = Levels(dev=Level.DISABLED, prod=Level.DISABLED)
"""Only where a platform team turns it on: the cluster must have something that no stack can make for itself."""


def rule(ident: str, name: str, **metadata: Any) -> Callable[[Check], Check]:
    """Register the decorated function as a rule; raises ValueError for an id or a name given twice.

    The function takes what its scope says, and its settings as a second argument where it declares any.
    """

    def register(check: Check) -> Check:
        if name in _RULES or any(known.id == ident for known in _RULES.values()):
            raise ValueError(f"two rules have the name {name} or the id {ident}")
        takes_settings = len(inspect.signature(check).parameters) > 1
        _RULES[name] = Rule(id=ident, name=name, check=check, with_settings=takes_settings, **metadata)
        return check

    return register
