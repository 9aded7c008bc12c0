"""A hundred generated services on the real cluster: when all of them have started, and after a change."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from tests.properties.layout import ROOTS, lay_out
from tests.properties.workloads import LIVENESS, READINESS
from tests.support.quiet import quiet

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from moorage.config.service import Service
    from tests.properties.cluster import Checks, Cluster, Pod
    from tests.properties.deployment import Deployment
    from tests.properties.layout import Placed
    from tests.properties.workloads import Workload

Seen = TypeVar("Seen")


@dataclass(frozen=True, kw_only=True)
class Running:
    """A service as the cluster runs it."""

    service: Service
    pods: Sequence[Pod]
    needs: Sequence[Running]
    image: str
    """What it was given to run, with its digest."""
    generation: int
    """How often its Deployment was changed."""
    checked: Sequence[Checks] = ()
    """Counts of its pod's checks: when all services had started, and when each had been checked again."""
    trouble: str = field(repr=False)
    """What Pulumi complained about, of any service."""

    @property
    def pod(self) -> Pod:
        """The service's only pod."""
        assert len(self.pods) == 1, f"{self.service.name} has {len(self.pods)} pods\n{self.trouble}"
        return self.pods[0]

    @property
    def report(self) -> Mapping[str, Any]:
        """What its process told, see server/server.py."""
        assert self.pod.report, f"{self.pod.name} does not answer\n{self.trouble}"
        return self.pod.report


@dataclass(frozen=True, kw_only=True)
class Changed:
    """A service before and after the settings of all services changed, or their images."""

    before: Running
    after: Running


@dataclass(kw_only=True)
class Fleet:
    """Runs one batch of examples at a time; what was seen of a batch is only looked up when it is asked for again."""

    cluster: Cluster
    deployment: Deployment
    _workloads: Sequence[Workload] = field(default=(), init=False)
    _before: list[Running] = field(default_factory=list, init=False)
    _after: list[Running] = field(default_factory=list, init=False)
    _renewed: bool = field(default=False, init=False)
    """Whether the services have the images of another variant by now."""

    def started(self, workloads: Sequence[Workload]) -> list[Running]:
        """Return the services of the examples once all of them have started and been checked."""
        if self._workloads != workloads:
            self._workloads, self._after, self._renewed = list(workloads), [], False
            placed = lay_out(workloads, lambda workload: workload.before)
            trouble = self.deployment.up(placed)
            # Checks have seconds to answer, on a machine that has nothing else to do.
            with quiet():
                checked = self._checked_again()
            self._before = self._running(placed, self.cluster.pods(), trouble, checked)[ROOTS:]
        return self._before

    def changed(self, workloads: Sequence[Workload]) -> list[Changed]:
        """Return the services of the examples before and after the settings of all of them changed at once."""
        before = self.started(workloads)
        if not self._after:
            before = self._as_started(workloads)
            placed = lay_out(workloads, lambda workload: workload.after)
            trouble = self.deployment.up(placed)
            self._after = self._running(placed, self._alone(), trouble, ())[ROOTS:]
        return [Changed(before=old, after=new) for old, new in zip(before, self._after, strict=True)]

    def redeployed(self, workloads: Sequence[Workload]) -> list[Changed]:
        """Return the services of the examples before and after one update that has new images for some of them.

        All images are built anew, also those that come out as they were.
        """
        before = self._as_started(workloads)
        placed = lay_out(workloads, lambda workload: workload.before, new_images=True)
        if self._after:
            before, placed = self._after, lay_out(workloads, lambda workload: workload.after, new_images=True)
        trouble = self.deployment.up(placed, tag="again")
        after = self._running(placed, self._alone(), trouble, ())[ROOTS:]
        self._renewed = True
        return [Changed(before=old, after=new) for old, new in zip(before, after, strict=True)]

    def _as_started(self, workloads: Sequence[Workload]) -> list[Running]:
        """Return what is seen of services that run now, with the images that they were started with."""
        if self._renewed:
            self._workloads = ()
        return self.started(workloads)

    def _alone(self) -> dict[str, list[Pod]]:
        """Return the pods, once each service has one: the engine is done when all new ones are ready, and the last old
        one may be asked to stop a moment later."""
        return _settled(self.cluster.pods, lambda pods: all(len(each) == 1 for each in pods.values()))

    def _checked_again(self) -> Sequence[Mapping[str, Checks]]:
        first = self.cluster.checks()

        def again(now: Mapping[str, Checks]) -> bool:
            return all(
                pod in now and now[pod].succeeded[role] > checks.succeeded[role]
                for pod, checks in first.items()
                for role in (LIVENESS, READINESS)
            )

        return first, _settled(self.cluster.checks, again)

    def _running(
        self,
        placed: Sequence[Placed],
        pods: Mapping[str, Sequence[Pod]],
        trouble: str,
        checked: Sequence[Mapping[str, Checks]],
    ) -> list[Running]:
        found: dict[str, Running] = {}
        generations, images = self.cluster.generations(), self.deployment.images
        for each in placed:
            service = each.service
            own = pods.get(service.name, ())
            found[service.name] = Running(
                service=service,
                pods=own,
                needs=[found[need] for need in service.needs],
                image=images[each.image] if images else "",
                generation=generations.get(service.name, 0),
                checked=[counts[pod.name] for counts in checked for pod in own if pod.name in counts],
                trouble=trouble,
            )
        return list(found.values())


def _settled(look: Callable[[], Seen], done: Callable[[Seen], bool], seconds: float = 30) -> Seen:
    """Return what is seen once it is as it should be, or after some seconds, for the tests to judge."""
    deadline = time.monotonic() + seconds
    while not done(seen := look()) and time.monotonic() < deadline:
        time.sleep(0.2)
    return seen
