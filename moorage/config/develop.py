"""What `moorage dev` asks of the program that it runs: which services to develop, and what keeps their source new."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from moorage.base.errors import MoorageError
from moorage.config.strategy import Strategy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from moorage.config.service import Service

VARIABLE = "MOORAGE_DEVELOP"
"""Set for the updates of a session alone: every other update deploys the stack as its files describe it."""
_PATIENCE_SECONDS = 24 * 3600
"""A process that fails is cured by the next save, not by a restart of its container, so its probes are patient."""


@dataclass(frozen=True, kw_only=True)
class Developing:
    """One session of `moorage dev`."""

    services: tuple[str, ...]
    receiver: str
    """Image of the receiver, ``repository@digest``."""

    def to_json(self) -> str:
        """Return the value of `VARIABLE`."""
        return json.dumps({"services": self.services, "receiver": self.receiver})


def developing(environment: Mapping[str, str] = os.environ) -> Developing | None:
    """Return what the environment asks for; None outside a session.

    Raises `MoorageError` where its value is none of `moorage dev`.
    """
    text = environment.get(VARIABLE, "")
    if not text:
        return None
    try:
        found = json.loads(text)
        return Developing(services=tuple(map(str, found["services"])), receiver=str(found["receiver"]))
    except (ValueError, KeyError, TypeError):
        raise MoorageError.of(
            f"{VARIABLE} is not what `moorage dev` sets",
            where="the environment",
            why="it names the services of a session and the image of its receiver, as JSON",
            remedy=f"unset {VARIABLE}; `moorage dev` sets it for its own updates",
        ) from None


def developed(service: Service) -> Service:
    """Return a service as a session runs it: its development stage and resources, and probes that wait for a save."""
    changes: dict[str, Any] = {
        # There is nothing to compare new pods with: the next save changes them again.
        "strategy": Strategy(),
        "build": service.build.model_copy(update={"target": service.develop.target}),
        "startup_probe": _patient(service.startup_probe),
        "liveness_probe": _patient(service.liveness_probe),
    }
    if service.develop.resources is not None:
        changes["resources"] = service.develop.resources
    if service.scaling is not None:
        changes |= {"scaling": None, "replicas": service.scaling.min_replicas}
    return service.model_copy(update=changes)


def _patient(probe: Any) -> Any:
    return probe.model_copy(update={"failure_threshold": max(1, _PATIENCE_SECONDS // probe.period_seconds)})
