"""The objects of the watcher: its program, what it may read, its pod and its way to the API server."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from . import Later, Manifest, metadata, omit_none, pods

if TYPE_CHECKING:
    from ..labels import Labels

PORT = 9464
PORT_NAME = "metrics"
_API_PORTS = (443, 6443)
"""Policies see the API server's own port, and clusters use one of these."""
_MODULES = (
    "__init__",
    "base/__init__",
    "base/quantity",
    *(
        f"observe/{name}"
        for name in (
            "__init__",
            "api",
            "checks",
            "entry",
            "limits",
            "observer",
            "restartlog",
            "restarts",
            "rollouts",
            "scrape",
            "watcher",
        )
    ),
)
"""What the watcher consists of. It needs no package beside Python itself, so it runs in any image that has Python."""
_PROGRAM, _PROGRAM_PATH = "program", "/opt/watcher"
_ACCOUNT, _ACCOUNT_PATH = "account", "/var/run/secrets/kubernetes.io/serviceaccount"
_USER = 10001
_TOKEN_SECONDS = 3600
_READ = ["get", "list", "watch"]


def program() -> dict[str, str]:
    """Return the watcher's modules as a ConfigMap holds them, by a key without slashes."""
    package = files("moorage")
    return {_key(module): package.joinpath(f"{module}.py").read_text() for module in _MODULES}


def _key(module: str) -> str:
    return f"{module.replace('/', '.')}.py"


def role(labels: Labels) -> Manifest:
    """Return what the watcher may do: read what happens in its namespace, and no Secret, no log and no ConfigMap."""
    readable = {
        "": ["pods", "events"],
        "apps": ["deployments", "replicasets"],
        "metrics.k8s.io": ["pods"],
    }
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": metadata(labels, labels.name),
        "rules": [{"apiGroups": [group], "resources": kinds, "verbs": _READ} for group, kinds in readable.items()],
    }


def role_binding(labels: Labels, namespace: Later) -> Manifest:
    """Return the binding of the role to the watcher's own account."""
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": metadata(labels, labels.name),
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": labels.name},
        "subjects": [{"kind": "ServiceAccount", "name": labels.name, "namespace": namespace}],
    }


def network_policy(labels: Labels) -> Manifest:
    """Return the policy that lets the watcher reach the API server's ports, wherever that is, and nobody reach it."""
    ports = [{"protocol": "TCP", "port": port} for port in _API_PORTS]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(labels, labels.name),
        "spec": {
            "podSelector": {"matchLabels": labels.selector()},
            "policyTypes": ["Egress"],
            "egress": [{"ports": ports}],
        },
    }


def stateful_set(
    labels: Labels, *, image: Later, config_map: Later, namespace: Later, pull_secrets: tuple[str, ...] = ()
) -> Manifest:
    """Return the watcher's StatefulSet of one pod; `config_map` is the name of the one that holds `program`.

    Of a StatefulSet's pod there is never a second one, so that nothing is told twice.
    """
    pod = omit_none(
        {
            "serviceAccountName": labels.name,
            # Its token is mounted by name below: for this pod alone, and for an hour at a time.
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "imagePullSecrets": pods.pull_secrets(pull_secrets),
            "securityContext": pods.pod_security_context(_USER),
            "terminationGracePeriodSeconds": 5,
            "containers": [_container(labels, image, namespace)],
            "volumes": [pods.empty_dir("tmp", size="1Mi"), _program_volume(config_map), _account_volume()],
        }
    )
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": metadata(labels, labels.name),
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels.selector()},
            "serviceName": f"{labels.name}-headless",
            "updateStrategy": {"type": "RollingUpdate"},
            "template": {"metadata": {"labels": labels.all()}, "spec": pod},
        },
    }


def _container(labels: Labels, image: Later, namespace: Later) -> Manifest:
    check: Manifest = {"httpGet": {"path": "/health", "port": PORT_NAME}, "timeoutSeconds": 1}
    return {
        "name": labels.name,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "args": ["-m", "moorage.observe.watcher", "--namespace", namespace, "--port", str(PORT)],
        "workingDir": _PROGRAM_PATH,
        "env": [{"name": "PYTHONPATH", "value": _PROGRAM_PATH}],
        "ports": [{"name": PORT_NAME, "containerPort": PORT, "protocol": "TCP"}],
        "startupProbe": {**check, "periodSeconds": 1, "failureThreshold": 60},
        "livenessProbe": {**check, "periodSeconds": 30, "failureThreshold": 3},
        "readinessProbe": {**check, "periodSeconds": 10, "failureThreshold": 2},
        "resources": {"requests": {"cpu": "10m", "memory": "40Mi"}, "limits": {"cpu": "200m", "memory": "96Mi"}},
        "securityContext": pods.container_security_context(),
        "volumeMounts": [
            pods.mount("tmp", "/tmp"),  # noqa: S108 -- a mount point inside the container
            pods.mount(_PROGRAM, _PROGRAM_PATH, read_only=True),
            pods.mount(_ACCOUNT, _ACCOUNT_PATH, read_only=True),
        ],
    }


def _program_volume(config_map: Later) -> Manifest:
    items = [{"key": _key(module), "path": f"moorage/{module}.py"} for module in _MODULES]
    return {"name": _PROGRAM, "configMap": {"name": config_map, "items": items}}


def _account_volume() -> Manifest:
    """Return the volume that a token is usually mounted as, made by name."""
    token = {"serviceAccountToken": {"path": "token", "expirationSeconds": _TOKEN_SECONDS}}
    authority = {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}}
    return {"name": _ACCOUNT, "projected": {"defaultMode": 0o440, "sources": [token, authority]}}
