"""The check of new pods before a blue-green switch: a Service that only they answer, and the Job that asks it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moorage.config.outputs import VERIFY_SUFFIX

from . import Later, Manifest, metadata, omit_none, pods
from .deployment import COLOUR, PORT_NAME
from .services import SKIP_AWAIT

if TYPE_CHECKING:
    from moorage.config.service import Service

    from ..labels import Labels

_URL = "VERIFY_URL"
_MORE_TRIES = 2
"""A pod may run before the cluster's network knows that it may connect."""
_AGAIN = {"pulumi.com/replaceUnready": "true"}
"""A Job that failed is another one in the next update, though nothing of it changed."""


def verify_service(labels: Labels, colour: Later, *, port: int) -> Manifest:
    """Return the Service that pods of one colour answer, and no others."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(labels, f"{labels.name}{VERIFY_SUFFIX}", annotations=SKIP_AWAIT),
        "spec": {
            "type": "ClusterIP",
            "selector": {**labels.selector(), COLOUR: colour},
            "ports": [{"name": PORT_NAME, "port": port, "targetPort": PORT_NAME, "protocol": "TCP"}],
        },
    }


def verify_job(
    service: Service, labels: Labels, *, colour: Later, image: Later, config_map: Later, pull_secrets: tuple[str, ...]
) -> Manifest:
    """Return the Job of a service's ``verify``; ``labels`` are its own. Another colour makes it another Job.

    It keeps no time after which it is removed: Pulumi would miss it, and run it again.
    """
    verify = service.strategy.verify
    if verify is None:
        raise ValueError(service.name)
    env = [{"name": _URL, "value": f"http://{service.name}{VERIFY_SUFFIX}:{service.port}"}] if service.port else None
    container = omit_none(
        {
            "name": "verify",
            "image": image,
            "imagePullPolicy": service.image_pull_policy,
            "command": verify.command,
            "envFrom": [{"configMapRef": {"name": config_map}}],
            "env": env,
            "resources": pods.resources(service.resources),
            "securityContext": pods.container_security_context(),
            "volumeMounts": [pods.mount("tmp", "/tmp")],  # noqa: S108  # a path inside the container
        }
    )
    pod = omit_none(
        {
            "serviceAccountName": service.name,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "imagePullSecrets": pods.pull_secrets(pull_secrets),
            "securityContext": pods.pod_security_context(service.run_as_user),
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": service.termination_grace_period_seconds,
            "containers": [container],
            "volumes": [pods.empty_dir("tmp")],
        }
    )
    template = {"metadata": {"labels": labels.all(), "annotations": {COLOUR: colour}}, "spec": pod}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata(labels, annotations=_AGAIN),
        "spec": {"backoffLimit": _MORE_TRIES, "activeDeadlineSeconds": verify.timeout_seconds, "template": template},
    }
