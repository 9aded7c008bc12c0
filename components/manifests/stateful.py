"""The StatefulSet of a single-replica data store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import Later, Manifest, metadata, omit_none, pods

if TYPE_CHECKING:
    from collections.abc import Mapping

    from moorage.config.service import Resources

    from ..labels import Labels

USER = 999
"""UID and GID of Postgres and Redis in their images."""
DATA_VOLUME = "data"


@dataclass(frozen=True, kw_only=True)
class StorePlan:
    """One data store: what runs, how its health is seen, and where its data lies."""

    image: Later
    secret: Later
    port: int
    port_name: str
    args: list[str]
    env: Mapping[str, str]
    startup: Manifest
    liveness: Manifest
    readiness: Manifest
    resources: Resources
    data_path: str
    scratch: list[tuple[Manifest, str]]
    """Volumes that are gone with the pod, each with its mount path."""
    storage: str
    storage_class: str | None
    grace_seconds: int
    pull_secrets: tuple[str, ...] = ()


def _container(labels: Labels, plan: StorePlan) -> Manifest:
    return {
        "name": labels.name,
        "image": plan.image,
        "imagePullPolicy": "IfNotPresent",
        "args": plan.args,
        "env": [{"name": name, "value": value} for name, value in plan.env.items()],
        "ports": [{"name": plan.port_name, "containerPort": plan.port, "protocol": "TCP"}],
        "startupProbe": plan.startup,
        "livenessProbe": plan.liveness,
        "readinessProbe": plan.readiness,
        "resources": pods.resources(plan.resources),
        "securityContext": pods.container_security_context(),
        "volumeMounts": [
            pods.mount(DATA_VOLUME, plan.data_path),
            pods.mount(pods.SECRETS_VOLUME, pods.SECRETS_PATH, read_only=True),
            *(pods.mount(volume["name"], path) for volume, path in plan.scratch),
        ],
    }


def _claim(labels: Labels, plan: StorePlan) -> Manifest:
    # Templates can never change, so they carry the selecting labels alone.
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": DATA_VOLUME, "labels": labels.selector()},
        "spec": omit_none(
            {
                "accessModes": ["ReadWriteOnce"],
                "storageClassName": plan.storage_class,
                "resources": {"requests": {"storage": plan.storage}},
            }
        ),
    }


def stateful_set(labels: Labels, plan: StorePlan) -> Manifest:
    """Return the StatefulSet named like the workload, with one claim for its data."""
    pod = omit_none(
        {
            "serviceAccountName": labels.name,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "imagePullSecrets": pods.pull_secrets(plan.pull_secrets),
            "securityContext": pods.pod_security_context(USER),
            "terminationGracePeriodSeconds": plan.grace_seconds,
            "containers": [_container(labels, plan)],
            "volumes": [pods.secrets_volume(plan.secret), *(volume for volume, _ in plan.scratch)],
        }
    )
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": metadata(labels, labels.name),
        "spec": {
            "replicas": 1,
            "serviceName": f"{labels.name}-headless",
            "selector": {"matchLabels": labels.selector()},
            "updateStrategy": {"type": "RollingUpdate"},
            # Data goes with the namespace and never before it. Delete would also have the claims owned by the
            # StatefulSet, and that change runs into the scheduler's own, which costs a first start two seconds.
            "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
            "template": {"metadata": {"labels": labels.all()}, "spec": pod},
            "volumeClaimTemplates": [_claim(labels, plan)],
        },
    }
