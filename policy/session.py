"""What the policies of one run share: the objects that came before, what was not judged, and what holds in the stack."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from policy.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Mapping

    from policy.exemptions import Exemption
    from policy.judge import Unjudged
    from policy.objects import Object


@dataclass
class Session:
    """One preview or update; ``seen`` holds the objects of each URN, as they were analyzed."""

    seen: dict[str, tuple[Object, ...]] = field(default_factory=dict)
    unjudged: dict[tuple[str, str, str], Unjudged] = field(default_factory=dict)
    exemptions: tuple[Exemption, ...] = ()
    dry_run: bool = False

    def stack(self, objects: tuple[Object, ...], dependencies: Mapping[str, frozenset[str]]) -> Stack:
        """Return these objects as the stack of this run."""
        return Stack(objects, dependencies, tuple(self.unjudged.values()), self.exemptions, dry_run=self.dry_run)

    def note(self, unjudged: Unjudged) -> None:
        """Remember a value that was not known, once for each field and rule."""
        key = (unjudged.about.origin.urn or unjudged.about.title, unjudged.path, unjudged.rule.name)
        self.unjudged.setdefault(key, unjudged)
