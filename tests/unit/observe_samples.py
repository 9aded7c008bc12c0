"""Objects of the Kubernetes API as the watcher reads them."""

from __future__ import annotations

import copy
import datetime as dt
from typing import Any

from moorage.observe.entry import written

Thing = dict[str, Any]
START = dt.datetime(2026, 11, 29, 3, 0, tzinfo=dt.UTC)


def at(seconds: float) -> str:
    """Return a time as the API writes it, to the second."""
    return written(START + dt.timedelta(seconds=seconds))[:19] + "Z"


def moment(seconds: float) -> dt.datetime:
    """Return a time so many seconds after `START`."""
    return START + dt.timedelta(seconds=seconds)


PROBES: Thing = {
    "livenessProbe": {"httpGet": {"path": "/health", "port": "http"}, "timeoutSeconds": 1},
    "readinessProbe": {"httpGet": {"path": "ready", "port": 8000, "scheme": "HTTPS"}, "timeoutSeconds": 3},
    "startupProbe": {"exec": {"command": ["sh", "-c", "test -f /up"]}},
}


def pod(name: str = "backend-5f-x", *, owner: Thing | None = None, created: float = -100, **container: Any) -> Thing:
    """Return a pod of one container that runs."""
    fields: Thing = {
        "name": "backend",
        "image": "registry/backend@sha256:1",
        "ports": [{"name": "http", "containerPort": 8000}],
        "resources": {"limits": {"cpu": "500m", "memory": "256Mi"}},
        **copy.deepcopy(PROBES),
        **container,
    }
    return {
        "metadata": {
            "name": name,
            "uid": f"uid-{name}",
            "namespace": "harbour-dev",
            "creationTimestamp": at(created),
            "labels": {"app.kubernetes.io/name": "backend"},
            "ownerReferences": [owner] if owner else [],
        },
        "spec": {"containers": [fields]},
        "status": {
            "phase": "Running",
            "conditions": [],
            "containerStatuses": [
                {"name": fields["name"], "restartCount": 0, "state": {"running": {"startedAt": at(created + 1)}}}
            ],
        },
    }


def ended(before: Thing, *, finished: float = 10, restarts: int = 1, **terminated: Any) -> Thing:
    """Return a pod whose container has ended and was started again."""
    after = copy.deepcopy(before)
    last = {"exitCode": 1, "reason": "Error", "startedAt": at(finished - 60), "finishedAt": at(finished), **terminated}
    status = after["status"]["containerStatuses"][0]
    status |= {"restartCount": restarts, "lastState": {"terminated": last}}
    return after


def leaving(before: Thing, asked: float, grace: int = 30, **status: Any) -> Thing:
    """Return a pod that was asked to go, with so many seconds for it."""
    after = copy.deepcopy(before)
    after["metadata"] |= {"deletionTimestamp": at(asked + grace), "deletionGracePeriodSeconds": grace}
    after["status"] |= status
    return after


def event(about: Thing, reason: str, message: str, *, time: float = 5, count: int = 1) -> Thing:
    """Return an event of the kubelet about a pod's container."""
    name = about["spec"]["containers"][0]["name"]
    return {
        "metadata": {"uid": f"{about['metadata']['name']}-{reason}-{message[:20]}", "creationTimestamp": at(time)},
        "involvedObject": {
            "kind": "Pod",
            "uid": about["metadata"]["uid"],
            "name": about["metadata"]["name"],
            "fieldPath": f"spec.containers{{{name}}}",
        },
        "reason": reason,
        "message": message,
        "count": count,
        "lastTimestamp": at(time),
    }


DEPLOYMENT: Thing = {"kind": "Deployment", "uid": "uid-backend", "name": "backend", "controller": True}


def replica_set(name: str, revision: int, template: Thing) -> Thing:
    """Return a ReplicaSet of the backend's Deployment."""
    return {
        "metadata": {
            "name": name,
            "uid": f"uid-{name}",
            "annotations": {"deployment.kubernetes.io/revision": str(revision)},
            "ownerReferences": [DEPLOYMENT],
        },
        "spec": {"template": template},
    }


def owned(name: str) -> Thing:
    """Return the reference of a pod to its ReplicaSet."""
    return {"kind": "ReplicaSet", "uid": f"uid-{name}", "name": name, "controller": True}


def template(**changes: Any) -> Thing:
    """Return a pod's template: `annotations`, `image`, `settings` (its ConfigMap), `secret`, `env`, `args`, `cpu`."""
    said = {"image": "i:1", "settings": "config-1", "secret": "secret-1", "env": {}, "args": None, "cpu": "1"} | changes
    container = {
        "name": "backend",
        "image": said["image"],
        "args": said["args"],
        "envFrom": [{"configMapRef": {"name": said["settings"]}}],
        "env": [{"name": name, "value": value} for name, value in said["env"].items()],
        "resources": {"limits": {"cpu": said["cpu"]}},
    }
    volumes = [{"name": "secrets", "secret": {"secretName": said["secret"]}}]
    return {
        "metadata": {"annotations": said.get("annotations", {}), "labels": {}},
        "spec": {"containers": [container], "volumes": volumes},
    }


def deployment(revision: int, *, complete: bool, updated: float = 0, reason: str = "", wanted: int = 1) -> Thing:
    """Return the backend's Deployment while or after a rollout."""
    now = wanted if complete else 0
    return {
        "metadata": {
            "name": "backend",
            "uid": "uid-backend",
            "namespace": "harbour-dev",
            "generation": revision,
            "labels": {"app.kubernetes.io/name": "backend"},
            "annotations": {"deployment.kubernetes.io/revision": str(revision)},
            "creationTimestamp": at(-1000),
        },
        "spec": {"replicas": wanted, "template": {"spec": {"containers": [{"image": f"i@sha256:{revision}"}]}}},
        "status": {
            "observedGeneration": revision,
            "replicas": wanted,
            "updatedReplicas": now,
            "availableReplicas": now,
            "readyReplicas": now,
            "conditions": [
                {
                    "type": "Progressing",
                    "reason": reason or ("NewReplicaSetAvailable" if complete else "ReplicaSetUpdated"),
                    "message": "has timed out progressing",
                    "lastUpdateTime": at(updated),
                }
            ],
        },
    }
