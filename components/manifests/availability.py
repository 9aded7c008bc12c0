"""What keeps a service available: autoscaling under load, a budget of pods while nodes are drained."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import Manifest, metadata

if TYPE_CHECKING:
    from moorage.config.service import Scaling

    from ..labels import Labels

_SCALE_UP = {
    "stabilizationWindowSeconds": 0,
    "selectPolicy": "Max",
    "policies": [
        {"type": "Percent", "value": 100, "periodSeconds": 30},
        {"type": "Pods", "value": 4, "periodSeconds": 30},
    ],
}
# Slow on purpose: a dip between two peaks must not cost the pods that the second one needs.
_SCALE_DOWN = {
    "stabilizationWindowSeconds": 300,
    "selectPolicy": "Max",
    "policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}],
}


def _metric(resource: str, percent: int) -> Manifest:
    target = {"type": "Utilization", "averageUtilization": percent}
    return {"type": "Resource", "resource": {"name": resource, "target": target}}


def horizontal_pod_autoscaler(labels: Labels, scaling: Scaling) -> Manifest:
    """Return the autoscaler of the Deployment named like the workload; targets are percent of its requests."""
    targets = {"cpu": scaling.cpu, "memory": scaling.memory}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": metadata(labels, labels.name),
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": labels.name},
            "minReplicas": scaling.min_replicas,
            "maxReplicas": scaling.max_replicas,
            "metrics": [_metric(name, percent) for name, percent in targets.items() if percent is not None],
            "behavior": {"scaleUp": _SCALE_UP, "scaleDown": _SCALE_DOWN},
        },
    }


def pod_disruption_budget(labels: Labels) -> Manifest:
    """Return a budget that lets drains take one pod at a time, however many replicas there are."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata(labels, labels.name),
        "spec": {
            # minAvailable 1 would block the drain of a node for ever where there is a single replica.
            "maxUnavailable": 1,
            "selector": {"matchLabels": labels.selector()},
            # A pod that does not work anyway must not keep its node from being drained.
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
        },
    }
