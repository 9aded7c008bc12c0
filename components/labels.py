"""The labels that every object carries, and the two that select pods."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum, unique

_PREFIX = "app.kubernetes.io"
MANAGED_BY = "pulumi"


@unique
class Role(StrEnum):
    """What a workload is to the application, as label ``app.kubernetes.io/component``."""

    WEB = "web"
    WORKER = "worker"
    DATABASE = "database"
    CACHE = "cache"
    INGRESS = "ingress"
    OBSERVABILITY = "observability"
    STACK = "stack"


@dataclass(frozen=True, kw_only=True)
class Labels:
    """Labels of one workload: `instance` tells one stack of the application from another."""

    application: str
    instance: str
    name: str
    role: Role

    def all(self) -> dict[str, str]:
        """Return the recommended labels for objects and pods."""
        return {
            **self.selector(),
            f"{_PREFIX}/component": self.role.value,
            f"{_PREFIX}/part-of": self.application,
            f"{_PREFIX}/managed-by": MANAGED_BY,
        }

    def selector(self) -> dict[str, str]:
        """Return the labels that select the pods; they can never change, so nothing that may change is among them."""
        return {f"{_PREFIX}/name": self.name, f"{_PREFIX}/instance": self.instance}
