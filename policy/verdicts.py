"""What a rule says of an object: that it is broken, or that it could not be judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .objects import Object
    from .registry import Rule
    from .tree import Remark


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
