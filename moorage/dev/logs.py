"""Following the logs of a stack's pods as they are written, through the API server."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from moorage.dev.gateway import Gateway

NAME_LABEL = "app.kubernetes.io/name"
INSTANCE_LABEL = "app.kubernetes.io/instance"
_AGAIN_SECONDS = 0.3


@dataclass
class Following:
    """Follows the main container of each pod that it is told of, once for each time that it starts."""

    gateway: Gateway
    namespace: str
    show: Callable[[str, str, str], None]
    """Called with the workload's name, the pod's and a line."""
    only: Collection[str] = ()
    """Names of workloads; all where it is empty."""
    tail: int = 0
    """How many earlier lines of a container that already runs are shown."""
    _tasks: dict[tuple[str, int], asyncio.Task[None]] = field(default_factory=dict)
    _known: bool = False

    def pod(self, pod: dict[str, Any]) -> None:
        """Take note of a pod as it is now."""
        name = pod["metadata"].get("labels", {}).get(NAME_LABEL, "")
        if self.only and name not in self.only:
            return
        for status in pod.get("status", {}).get("containerStatuses", []):
            state = status.get("state", {})
            key = (pod["metadata"]["name"], status.get("restartCount", 0))
            if ("running" in state or "terminated" in state) and key not in self._tasks:
                before = self.tail if not self._known else None
                self._tasks[key] = asyncio.create_task(self._follow(name, key[0], status["name"], before))

    def all_known(self) -> None:
        """From now on pods are new ones, whose logs are shown from their beginning."""
        self._known = True

    async def _follow(self, workload: str, pod: str, container: str, tail: int | None) -> None:
        query = {"follow": "true"} if tail is None else {"follow": "true", "tailLines": str(tail)}
        async for line in self.gateway.log(self.namespace, pod, container, query):
            self.show(workload, pod, line)

    def close(self) -> None:
        """Follow nothing any more."""
        for task in self._tasks.values():
            task.cancel()


async def follow(gateway: Gateway, following: Following, namespace: str, instance: str) -> None:
    """Follow all pods of a stack, until it is cancelled."""
    began = asyncio.get_running_loop().time()
    try:
        async for pod in gateway.pods(namespace, f"{INSTANCE_LABEL}={instance}"):
            if asyncio.get_running_loop().time() - began > _AGAIN_SECONDS:
                following.all_known()
            if pod is not None:
                following.pod(pod)
    finally:
        following.close()
