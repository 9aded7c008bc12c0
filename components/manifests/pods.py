"""The parts that pods of every workload share: security contexts, resources, probes, volumes, spreading."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moorage.config.service import SECRETS_FOLDER

from . import Later, Manifest, omit_none

if TYPE_CHECKING:
    from collections.abc import Iterable

    from moorage.config.service import Probe, Resources

    from ..labels import Labels

SECRETS_PATH = SECRETS_FOLDER
"""Folder of the files that hold a container's secrets, one file each."""
SECRETS_VOLUME = "secrets"
SCRATCH_SIZE = "64Mi"
"""Limit of ``/tmp`` and of each other writable folder; the pod is evicted beyond it, its node stays healthy."""
_GROUP_READ = 0o440


def pod_security_context(user: int) -> Manifest:
    """Return a pod's security context: the fixed UID and GID `user`, never root, the runtime's seccomp profile."""
    return {
        "runAsNonRoot": True,
        "runAsUser": user,
        "runAsGroup": user,
        # Secret files belong to root; the group lets the process read them without opening them to everyone.
        "fsGroup": user,
        # Walking through a large volume at every start would cost minutes.
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def container_security_context() -> Manifest:
    """Return a container's security context: no privilege, no capability, a read-only root file system."""
    return {
        "allowPrivilegeEscalation": False,
        "privileged": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def resources(model: Resources) -> Manifest:
    """Return a container's requests and limits of cpu and memory."""
    return {
        "requests": {"cpu": model.requests.cpu, "memory": model.requests.memory},
        "limits": {"cpu": model.limits.cpu, "memory": model.limits.memory},
    }


def probe(model: Probe, port: int | None) -> Manifest:
    """Return one probe; `port` is the service's own, used where the probe names none. Times are in seconds."""
    check: Manifest
    if model.http_get is not None:
        check = {"httpGet": {"path": model.http_get.path, "port": model.http_get.port or port}}
    elif model.tcp_socket is not None:
        check = {"tcpSocket": {"port": model.tcp_socket.port or port}}
    elif model.exec is not None:
        check = {"exec": {"command": list(model.exec.command)}}
    else:
        raise ValueError("a probe without a check")
    return {
        **check,
        "initialDelaySeconds": model.initial_delay_seconds,
        "periodSeconds": model.period_seconds,
        "timeoutSeconds": model.timeout,
        "successThreshold": model.success_threshold,
        "failureThreshold": model.failure_threshold,
    }


def exec_probe(command: list[str], *, period: int, timeout: int, failures: int) -> Manifest:
    """Return a probe that runs `command` every `period` seconds and gives up after `failures` of them."""
    return {
        "exec": {"command": command},
        "periodSeconds": period,
        "timeoutSeconds": timeout,
        "failureThreshold": failures,
    }


def empty_dir(name: str, *, size: str = SCRATCH_SIZE, medium: str | None = None) -> Manifest:
    """Return a volume that is empty at start and gone with the pod; `medium` ``Memory`` counts as the pod's memory."""
    return {"name": name, "emptyDir": omit_none({"sizeLimit": size, "medium": medium})}


def mount(name: str, path: str, *, read_only: bool | None = None) -> Manifest:
    """Return the mount of volume `name` at `path`."""
    return omit_none({"name": name, "mountPath": path, "readOnly": read_only})


def secrets_volume(secret_name: Later) -> Manifest:
    """Return the volume whose files are the keys of the Secret, readable by the pod's group alone."""
    return {"name": SECRETS_VOLUME, "secret": {"secretName": secret_name, "defaultMode": _GROUP_READ}}


def secret_file(key: str) -> str:
    """Return the path in a container of the secret `key`."""
    return f"{SECRETS_PATH}/{key}"


def topology_spread(labels: Labels) -> list[Manifest]:
    """Return constraints that spread the pods of each rollout over nodes, as far as nodes allow it."""
    return [
        {
            "maxSkew": 1,
            "topologyKey": "kubernetes.io/hostname",
            # DoNotSchedule together with maxSurge 1 and maxUnavailable 0 can block a rollout for ever.
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": labels.selector()},
            "matchLabelKeys": ["pod-template-hash"],
        }
    ]


def pull_secrets(names: Iterable[str]) -> list[Manifest] | None:
    """Return the references to Secrets that images are pulled with, None where there are none."""
    return [{"name": name} for name in names] or None
