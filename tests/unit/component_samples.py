"""Models that component tests share: a web service with everything, a worker with the least."""

from __future__ import annotations

from typing import Any

from moorage.components.labels import Labels, Role
from moorage.components.scope import Scope
from moorage.config.service import Service

BACKEND = Labels(application="harbour", instance="harbour-dev", name="backend", role=Role.WEB)
WORKER = Labels(application="harbour", instance="harbour-dev", name="worker", role=Role.WORKER)
DATABASE = Labels(application="harbour", instance="harbour-dev", name="postgres", role=Role.DATABASE)
CACHE = Labels(application="harbour", instance="harbour-dev", name="redis", role=Role.CACHE)

WEB_YAML: dict[str, Any] = {
    "name": "backend",
    "kind": "web",
    "build": {"bases": ["python", "python-build"], "libs": ["harbour"], "args": {"FLAVOUR": "plain"}},
    "port": 8000,
    "startupProbe": {"httpGet": {"path": "/health"}, "periodSeconds": 1, "failureThreshold": 60},
    "livenessProbe": {"httpGet": {"path": "/health"}, "initialDelaySeconds": 30},
    "readinessProbe": {"httpGet": {"path": "/health/ready"}, "periodSeconds": 5},
    "resources": {"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"cpu": "2", "memory": "4Gi"}},
    "scaling": {"minReplicas": 2, "maxReplicas": 10},
    "needs": ["postgres", "redis"],
    "env": {"LOG_LEVEL": "info"},
    "secrets": {"SIGNING_KEY": "signingKey"},
    "route": {"path": "/api"},
    "writablePaths": ["/var/cache/backend"],
}
WORKER_YAML: dict[str, Any] = {
    "name": "worker",
    "kind": "worker",
    "startupProbe": {"exec": {"command": ["check", "started"]}},
    "livenessProbe": {"exec": {"command": ["check", "alive"]}},
    "readinessProbe": {"exec": {"command": ["check", "ready"]}},
    "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"cpu": "500m", "memory": "128Mi"}},
    "replicas": 1,
    "needs": ["redis", "backend"],
}


def web(**changes: Any) -> Service:
    """Return the web service with keys of service.yaml changed."""
    return Service.model_validate({**WEB_YAML, **changes})


def worker(**changes: Any) -> Service:
    """Return the worker with keys of service.yaml changed."""
    return Service.model_validate({**WORKER_YAML, **changes})


def scope(**changes: Any) -> Scope:
    """Return the scope of stack dev."""
    fields: dict[str, Any] = {"application": "harbour", "stack": "dev", "namespace": "harbour-dev"}
    return Scope(**{**fields, "development": True, "protect": False, **changes})


def pod_of(manifest: dict[str, Any]) -> dict[str, Any]:
    """Return a workload's pod spec."""
    pod: dict[str, Any] = manifest["spec"]["template"]["spec"]
    return pod


def container_of(manifest: dict[str, Any]) -> dict[str, Any]:
    """Return a workload's only container."""
    (container,) = pod_of(manifest)["containers"]
    found: dict[str, Any] = container
    return found
