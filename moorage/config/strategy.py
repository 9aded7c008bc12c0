"""How new pods of a service take the place of old ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from moorage.base.errors import KeyPath, Problem
from moorage.config.fields import Model, PodCount
from moorage.config.processtext import Argument  # noqa: TC001  # pydantic reads annotations

if TYPE_CHECKING:
    from collections.abc import Iterator

ROLLING, RECREATE, BLUE_GREEN = "RollingUpdate", "Recreate", "BlueGreen"
Kind = Literal["RollingUpdate", "Recreate", "BlueGreen"]


class Verify(Model):
    """What must succeed against the new pods of a blue-green rollout before they are sent any traffic."""

    example = '{command: [check, "http://backend-verify:8000"]}'

    command: Annotated[list[Argument], Field(min_length=1)]
    """Run in the new image, with the service's env; ``VERIFY_URL`` leads to the new pods alone. It must exit 0, in one of three tries."""
    timeout_seconds: int = Field(default=60, ge=1, le=1800)
    """After this long, with all tries, the check has failed."""


class Strategy(Model):
    """How new pods of a service take the place of old ones."""

    example = "{type: RollingUpdate, maxSurge: 2}"

    type: Kind = "RollingUpdate"
    """``RollingUpdate`` pod by pod, ``Recreate`` old ones first, ``BlueGreen`` all new ones beside the old, then one switch."""
    max_surge: PodCount | None = None
    """Pods, or percent of them, that a RollingUpdate may add. Default: 1."""
    max_unavailable: PodCount | None = None
    """Pods, or percent of them, that a RollingUpdate may take away before others are ready. Default: 0."""
    min_ready_seconds: int | None = Field(default=None, ge=0, le=3600)
    """How long a new pod must stay Ready before it counts. Default: 10, and 0 in development."""
    progress_deadline_seconds: int | None = Field(default=None, ge=1, le=7200)
    """After this long without progress a rollout has failed. Default: 300, or longer where the probes allow a slower start."""
    verify: Verify | None = None
    """BlueGreen: what is checked before the switch. Default: that the new pods are Ready."""
    keep_seconds: int = Field(default=0, ge=0, le=3600)
    """BlueGreen: how long the old pods stay after the switch; `moorage up` waits for that."""

    def problems(self) -> Iterator[Problem]:
        """Yield what does not go together."""
        rolling = {"maxSurge": self.max_surge, "maxUnavailable": self.max_unavailable}
        for name, value in rolling.items():
            if value is not None and self.type != ROLLING:
                yield Problem(
                    what=f"{name} is set beside type: {self.type}",
                    why="only a RollingUpdate goes pod by pod",
                    remedy=f"remove {name}, or set type: {ROLLING}",
                    where=KeyPath.of(name),
                )
        colours = {"verify": self.verify, "keepSeconds": self.keep_seconds or None}
        for name, given in colours.items():
            if given is not None and self.type != BLUE_GREEN:
                yield Problem(
                    what=f"{name} is set beside type: {self.type}",
                    why="only with BlueGreen do all new pods stand beside the old ones",
                    remedy=f"remove {name}, or set type: {BLUE_GREEN}",
                    where=KeyPath.of(name),
                )
        if self.type == ROLLING and _nothing(self.max_surge) and _nothing(self.max_unavailable or "0"):
            yield Problem(
                what="maxSurge and maxUnavailable are both 0",
                why="then no pod may come before one goes, and none may go before one comes",
                remedy="set maxSurge: 1",
                where=KeyPath.of("maxSurge"),
            )
        deadline, ready = self.progress_deadline_seconds, self.min_ready_seconds
        if deadline is not None and deadline <= (ready or 0):
            yield Problem(
                what=f"progressDeadlineSeconds ({deadline}) is not above minReadySeconds ({ready})",
                why="a rollout would have failed before its first pod counts",
                remedy="raise progressDeadlineSeconds",
                where=KeyPath.of("progressDeadlineSeconds"),
            )


def _nothing(count: str | None) -> bool:
    return count is not None and count.rstrip("%").strip("0") == ""
