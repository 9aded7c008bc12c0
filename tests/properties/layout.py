"""Examples side by side in one namespace: each with a name and a number of pods of its own, and with services to need."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from moorage.config.service import Service
from tests.properties.workloads import LIVENESS, READINESS, SMALL, STARTUP, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tests.properties.settings import Settings
    from tests.properties.workloads import Workload

ROOTS = 5
"""Services that need nothing and that every example may need."""
BLOCK = 4
"""Examples that may need each other, the later the earlier: longer chains would only take longer to start."""


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A service as it is deployed, with the values of its secrets."""

    service: Service
    secrets: Mapping[str, str] = field(default_factory=dict)
    image: int = 0
    """Which variant of the test server it runs."""


def root(number: int) -> Placed:
    """Return a service that needs nothing and takes its time to become ready."""
    service = Service.model_validate(
        {
            "name": f"root-{number}",
            "kind": "web",
            "port": 8000,
            **{role: {"httpGet": {"path": f"/{role}"}, "periodSeconds": 2} for role in (STARTUP, LIVENESS, READINESS)},
            "resources": SMALL,
            "preStopSleepSeconds": 0,
            "terminationGracePeriodSeconds": 5,
        }
    )
    return Placed(service=serving(service, started=1 + number / 2, ready=1 + number))


def place(workload: Workload, number: int, settings: Settings, others: Sequence[str], image: int) -> Placed:
    """Return the example of a number with its settings, checked as service.yaml is; it needs some of the `others`."""
    changes = {
        "name": f"{workload.service.name}-{number}",
        "env": settings.env,
        "secrets": {name: f"key{index}" for index, name in enumerate(settings.secrets)},
        "needs": list(dict.fromkeys(others[pick % len(others)] for pick in workload.picks)),
    }
    whole = workload.service.model_copy(update=changes).model_dump(exclude_unset=True)
    return Placed(service=Service.model_validate(whole), secrets=settings.secrets, image=image)


def lay_out(
    workloads: Sequence[Workload], settings: Callable[[Workload], Settings], *, new_images: bool = False
) -> list[Placed]:
    """Return the roots, then the examples in their order, each after what it needs."""
    placed = [root(number) for number in range(ROOTS)]
    for number, workload in enumerate(workloads):
        others = [*placed[:ROOTS], *placed[ROOTS + number - number % BLOCK :]]
        names = [other.service.name for other in others]
        placed.append(place(workload, number, settings(workload), names, workload.images[new_images]))
    return placed
