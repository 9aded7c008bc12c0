"""How many pods a service has under load."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from moorage.base.errors import KeyPath, Problem
from moorage.config.fields import Example, Model

if TYPE_CHECKING:
    from collections.abc import Iterator


class Scaling(Model):
    """Bounds and targets (percent of requests) of the HorizontalPodAutoscaler."""

    example = "{minReplicas: 2, maxReplicas: 10}"

    min_replicas: Annotated[int, Example("2")] = Field(ge=1, le=1000)
    """Pods at rest."""
    max_replicas: Annotated[int, Example("10")] = Field(ge=1, le=1000)
    """Pods at most, however high the load."""
    cpu: int | None = Field(default=70, ge=1, le=1000)
    """Average utilisation of the cpu request; null to leave cpu out."""
    memory: int | None = Field(default=80, ge=1, le=1000)
    """Average utilisation of the memory request; null to leave memory out."""

    def holds(self, replicas: int) -> bool:
        """Return whether a number of pods lies within the bounds."""
        return self.min_replicas <= replicas <= self.max_replicas

    def problems(self) -> Iterator[Problem]:
        """Yield bounds that contradict each other and a lack of targets."""
        if self.max_replicas < self.min_replicas:
            yield Problem(
                what=f"maxReplicas ({self.max_replicas}) is below minReplicas ({self.min_replicas})",
                why="the number of pods stays between minReplicas and maxReplicas",
                remedy="raise maxReplicas or lower minReplicas",
                where=KeyPath.of("maxReplicas"),
            )
        if self.cpu is None and self.memory is None:
            yield Problem(
                what="scaling has neither cpu nor memory",
                why="the autoscaler follows the utilisation of cpu, of memory or of both",
                remedy="set cpu or memory to a percentage, for example cpu: 70",
            )
