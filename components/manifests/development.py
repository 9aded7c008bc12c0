"""What a pod has beside its service while `moorage dev` develops it: a receiver, and a volume over the code."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING

from moorage.build.codefolders import code_of

from . import Later, Manifest, pods

if TYPE_CHECKING:
    from moorage.config.project import Project

VOLUME = "moorage"
RECEIVER = "moorage-receiver"
"""Name of the native sidecar in which `moorage dev` runs the receiver."""
ROOT = "/moorage"
"""Where the receiver's containers have the volume."""
PROGRAM = f"{ROOT}/bin/receiver"
_INSTALLER = "moorage-install"
_CONTROL = "/run/moorage"
"""Where the service's container has what concerns its reloads."""
_SIZE = "1Gi"
_RESOURCES: Manifest = {
    "requests": {"cpu": "10m", "memory": "16Mi"},
    "limits": {"cpu": "500m", "memory": "128Mi"},
}


@dataclass(frozen=True, kw_only=True)
class DevelopedCode:
    """What of one service is kept as new as the checkout, and by what."""

    receiver: str
    """Image of the receiver."""
    folders: tuple[str, ...]
    """Folders of the container."""
    two_way: tuple[str, ...] = ()
    """Those below them to which the service itself writes."""


def developed_code(project: Project, name: str) -> DevelopedCode | None:
    """Return what is kept new of a service; None where it is not being developed, or holds no folder of the checkout."""
    if project.developing is None or not project.develops(name):
        return None
    develop = project.services[name].develop
    mounts = code_of(project, name, develop.target).mounts
    if not mounts:
        return None
    return DevelopedCode(receiver=project.developing.receiver, folders=mounts, two_way=tuple(develop.two_way))


def environment() -> dict[str, str]:
    """Return the variables by which a process can learn of changes and of the revision that it serves."""
    return {
        "MOORAGE_RELOAD_SOCKET": posixpath.join(_CONTROL, "reload.sock"),
        "MOORAGE_REVISION_FILE": posixpath.join(_CONTROL, "revision"),
    }


def volume() -> Manifest:
    """Return the volume that holds the receiver, the source and what the two containers say to each other."""
    return pods.empty_dir(VOLUME, size=_SIZE)


def mounts(code: DevelopedCode) -> list[Manifest]:
    """Return the service's mounts: its code, which it cannot change where nothing comes back, and the reload's folder."""
    found = [{**pods.mount(VOLUME, _CONTROL), "subPath": "control"}]
    for number, folder in enumerate(code.folders):
        writes = any(f"{path}/".startswith(f"{folder}/") for path in code.two_way)
        found.append({**pods.mount(VOLUME, folder, read_only=not writes), "subPath": f"source/{number}"})
    return found


def receivers(code: DevelopedCode, image: Later) -> list[Manifest]:
    """Return the init containers: one that brings the receiver, and the sidecar that runs it in the service's `image`.

    From there it has the files that the image holds, and needs no shell and no other program of it. The service starts
    once they are as new as the checkout.
    """
    shared = {
        "imagePullPolicy": "IfNotPresent",
        "resources": _RESOURCES,
        "securityContext": pods.container_security_context(),
        "volumeMounts": [pods.mount(VOLUME, ROOT)],
    }
    return [
        {"name": _INSTALLER, "image": code.receiver, "command": ["/receiver", "install", PROGRAM], **shared},
        {
            "name": RECEIVER,
            "image": image,
            "command": [PROGRAM, "hold", ROOT, *code.folders],
            "restartPolicy": "Always",
            "startupProbe": _probe("ready", period=1, failures=120),
            "readinessProbe": _probe("ready", period=10, failures=3),
            "livenessProbe": _probe("alive", period=30, failures=3),
            **shared,
        },
    ]


def _probe(command: str, *, period: int, failures: int) -> Manifest:
    return pods.exec_probe([PROGRAM, command, ROOT], period=period, timeout=1, failures=failures)
