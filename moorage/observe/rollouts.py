"""The steps of a Deployment's rollouts: started, complete or failed, each told once a revision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moorage.observe.entry import (
    DEPLOYMENT_COMPLETE,
    DEPLOYMENT_FAILED,
    DEPLOYMENT_STARTED,
    Entry,
    read_time,
    service_of,
    shortened,
)

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Mapping

REVISION = "deployment.kubernetes.io/revision"
_ENDED = (DEPLOYMENT_COMPLETE, DEPLOYMENT_FAILED)


def progressing(deployment: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the condition that tells of a Deployment's rollout; empty before there is one."""
    conditions = deployment.get("status", {}).get("conditions") or []
    return next((one for one in conditions if one["type"] == "Progressing"), {})


def stage(deployment: Mapping[str, Any]) -> str:
    """Return how far the rollout of a Deployment's current revision is, as the message that tells of it."""
    status, spec = deployment.get("status", {}), deployment["spec"]
    reason = progressing(deployment).get("reason")
    current = status.get("observedGeneration", 0) >= deployment["metadata"].get("generation", 0)
    if current and reason == "ProgressDeadlineExceeded":
        return DEPLOYMENT_FAILED
    wanted = spec.get("replicas", 1)
    counts = [status.get(name) or 0 for name in ("replicas", "updatedReplicas", "availableReplicas")]
    complete = current and counts == [wanted] * len(counts) and (reason == "NewReplicaSetAvailable" or not wanted)
    return DEPLOYMENT_COMPLETE if complete else DEPLOYMENT_STARTED


class Rollouts:
    """What was told of each Deployment's rollout."""

    def __init__(self, since: dt.datetime) -> None:
        """Tell nothing of rollouts that were complete before ``since``."""
        self._since = since
        self._told: dict[str, tuple[str, str, dt.datetime]] = {}

    def deployment(self, deployment: Mapping[str, Any], now: dt.datetime) -> Iterator[Entry]:
        """Yield the step that a Deployment has taken."""
        uid = deployment["metadata"]["uid"]
        revision = (deployment["metadata"].get("annotations") or {}).get(REVISION, "")
        if not revision:
            return
        reached = stage(deployment)
        told = self._told.get(uid)
        if told is None and self._over(deployment, reached):
            self._told[uid] = revision, reached, now
            return
        known, last, started = told or ("", "", now)
        if known != revision:
            started = now
            self._told[uid] = revision, DEPLOYMENT_STARTED, started
            yield self._entry(deployment, now, DEPLOYMENT_STARTED)
            last = DEPLOYMENT_STARTED
        if reached != last and last not in _ENDED:
            self._told[uid] = revision, reached, started
            yield self._entry(deployment, now, reached, started)

    def _over(self, deployment: Mapping[str, Any], reached: str) -> bool:
        condition = progressing(deployment)
        last = read_time(condition.get("lastUpdateTime") or deployment["metadata"].get("creationTimestamp"))
        return reached in _ENDED and last < self._since

    def _entry(
        self, deployment: Mapping[str, Any], now: dt.datetime, message: str, started: dt.datetime | None = None
    ) -> Entry:
        template = deployment["spec"]["template"]["spec"]
        fields: dict[str, Any] = {
            "revision": (deployment["metadata"].get("annotations") or {}).get(REVISION),
            "images": [container.get("image") for container in template.get("containers") or []],
        }
        if message == DEPLOYMENT_COMPLETE and started is not None:
            fields["seconds"] = round((now - started).total_seconds(), 1)
        if message == DEPLOYMENT_FAILED:
            fields["reason"] = shortened(str(progressing(deployment).get("message") or ""))
        return Entry(
            time=now,
            level="error" if message == DEPLOYMENT_FAILED else "info",
            message=message,
            namespace=deployment["metadata"].get("namespace", ""),
            service=service_of(deployment),
            fields=fields,
        )
