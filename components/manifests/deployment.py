"""The Deployment of a service."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from moorage.config.strategy import RECREATE, ROLLING

from . import Later, Manifest, development, metadata, omit_none, pods

if TYPE_CHECKING:
    from collections.abc import Sequence

    from moorage.config.service import Service
    from moorage.config.strategy import Strategy

    from ..labels import Labels
    from .development import DevelopedCode

PORT_NAME = "http"
COLOUR = "moorage.dev/colour"
"""Label that tells the pods of a blue-green rollout from those that they replace."""
RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"
"""Annotation of the pods of a workload that was restarted by hand, as `kubectl rollout restart` sets it."""
PROGRESS_DEADLINE_SECONDS = 300
"""After this long without progress a rollout counts as failed, unless its pods may take longer to start."""
_SCHEDULING_SECONDS = 60
"""For what precedes a container's first probe: placing the pod and pulling its image."""
_REVISIONS = 3
_COLOUR_CHARACTERS = 8


@dataclass(frozen=True, kw_only=True)
class DeploymentParts:
    """What a Deployment needs beyond its service: names and values that exist only once they were created."""

    image: Later
    config_map: Later
    """Name of the ConfigMap with the process's environment."""
    secret: Later | None = None
    """Name of the Secret mounted at `pods.SECRETS_PATH`; None where the service has no secrets."""
    pull_secrets: tuple[str, ...] = ()
    min_ready_seconds: int = 0
    """How long a new pod must stay Ready before the next old one may go."""
    develop: DevelopedCode | None = None
    """What is kept as new as the checkout; None outside a session of `moorage dev`."""
    restarted_at: str = ""
    """When somebody last restarted it; empty for never."""
    colour: Later | None = None
    """What tells the pods of a blue-green rollout from those that they replace; None for any other."""


def colour_of(parts: Sequence[object]) -> str:
    """Return the colour of pods that consist of ``parts``: the same for the same ones, so that a way back is one."""
    text = json.dumps([str(part) for part in parts])
    return hashlib.sha256(text.encode()).hexdigest()[:_COLOUR_CHARACTERS]


def _scratch(service: Service) -> dict[str, str]:
    """Return the writable folders as volume name to path, ``/tmp`` always among them."""
    tmp = {"tmp": "/tmp"}  # noqa: S108 -- a mount point inside the container, not a file on this machine
    # Numbered: two paths may differ only in characters that the name of a volume cannot hold.
    return {**tmp, **{f"scratch-{number}": path for number, path in enumerate(service.writable_paths)}}


def _volumes(service: Service, parts: DeploymentParts) -> tuple[list[Manifest], list[Manifest]]:
    """Return the pod's volumes and the container's mounts of them."""
    scratch = _scratch(service)
    volumes = [pods.empty_dir(name) for name in scratch]
    mounts = [pods.mount(name, path) for name, path in scratch.items()]
    if parts.secret is not None:
        volumes.append(pods.secrets_volume(parts.secret))
        mounts.append(pods.mount(pods.SECRETS_VOLUME, pods.SECRETS_PATH, read_only=True))
    return volumes, mounts


def _lifecycle(service: Service) -> Manifest | None:
    # A pod is told to stop while requests may still be routed to it; it answers them until every proxy knows.
    # A worker is routed nothing, so waiting would only delay its stop. The handler needs no shell in the image.
    if service.kind == "worker" or service.pre_stop_sleep_seconds == 0:
        return None
    return {"preStop": {"sleep": {"seconds": service.pre_stop_sleep_seconds}}}


def _ports(service: Service) -> list[Manifest] | None:
    """Return the container's ports: the service's own, and those that only its probes use."""
    names = {service.port: PORT_NAME} if service.port else {}
    for probe in service.probes().values():
        if port := probe.port:
            names.setdefault(port, f"probe-{port}")
    return [{"name": name, "containerPort": port, "protocol": "TCP"} for port, name in names.items()] or None


def progress_deadline(service: Service, min_ready_seconds: int) -> int:
    """Return after how many seconds without progress a rollout has failed: never before its pods could be ready."""
    if told := service.strategy.progress_deadline_seconds:
        return told
    readiness = service.readiness_probe
    ready = readiness.initial_delay_seconds + readiness.period_seconds * readiness.success_threshold
    patience = _SCHEDULING_SECONDS + service.startup_probe.budget + ready + min_ready_seconds
    return max(PROGRESS_DEADLINE_SECONDS, patience)


def _container(service: Service, parts: DeploymentParts, mounts: list[Manifest]) -> Manifest:
    return omit_none(
        {
            "name": service.name,
            "image": parts.image,
            "imagePullPolicy": service.image_pull_policy,
            "command": service.command,
            "args": service.args,
            "envFrom": [{"configMapRef": {"name": parts.config_map}}],
            "ports": _ports(service),
            "startupProbe": pods.probe(service.startup_probe, service.port),
            "livenessProbe": pods.probe(service.liveness_probe, service.port),
            "readinessProbe": pods.probe(service.readiness_probe, service.port),
            "resources": pods.resources(service.resources),
            "securityContext": pods.container_security_context(),
            "lifecycle": _lifecycle(service),
            "volumeMounts": mounts,
        }
    )


def _pod_metadata(labels: Labels, parts: DeploymentParts) -> Manifest:
    restarted = {"annotations": {RESTARTED_AT: parts.restarted_at}} if parts.restarted_at else {}
    return {"labels": {**labels.all(), **_colour(parts)}, **restarted}


def _colour(parts: DeploymentParts) -> Manifest:
    return {} if parts.colour is None else {COLOUR: parts.colour}


def _strategy(strategy: Strategy) -> Manifest:
    # All pods of a new colour are new: there is no old one among them to be replaced.
    if strategy.type == RECREATE:
        return {"type": RECREATE}
    bounds = {"maxSurge": strategy.max_surge or "1", "maxUnavailable": strategy.max_unavailable or "0"}
    numbers = {key: int(value) if value.isdigit() else value for key, value in bounds.items()}
    return {"type": ROLLING, "rollingUpdate": numbers}


def deployment(service: Service, labels: Labels, parts: DeploymentParts) -> Manifest:
    """Return the Deployment of `service`; it sets no replicas where an autoscaler owns their number."""
    volumes, mounts = _volumes(service, parts)
    receivers = None
    if parts.develop:
        volumes.append(development.volume())
        mounts += development.mounts(parts.develop)
        receivers = development.receivers(parts.develop, parts.image)
    pod = omit_none(
        {
            "serviceAccountName": service.name,
            "automountServiceAccountToken": service.service_account_token,
            # One variable per Service of the namespace would otherwise reach every process.
            "enableServiceLinks": False,
            "imagePullSecrets": pods.pull_secrets(parts.pull_secrets),
            "securityContext": pods.pod_security_context(service.run_as_user),
            "terminationGracePeriodSeconds": service.termination_grace_period_seconds,
            "topologySpreadConstraints": pods.topology_spread(labels),
            "initContainers": receivers,
            "containers": [_container(service, parts, mounts)],
            "volumes": volumes,
        }
    )
    spec = omit_none(
        {
            "replicas": None if service.scaling else service.replicas,
            "selector": {"matchLabels": {**labels.selector(), **_colour(parts)}},
            "strategy": _strategy(service.strategy),
            "minReadySeconds": parts.min_ready_seconds,
            "progressDeadlineSeconds": progress_deadline(service, parts.min_ready_seconds),
            "revisionHistoryLimit": _REVISIONS,
            "template": {"metadata": _pod_metadata(labels, parts), "spec": pod},
        }
    )
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        # A blue-green one gets a name of its own, so that it can stand beside the one that it replaces.
        "metadata": metadata(labels, labels.name if parts.colour is None else None, further_labels=_colour(parts)),
        "spec": spec,
    }
