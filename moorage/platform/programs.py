"""The platform's processes in the order in which they start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moorage.platform import build_services, control_plane, node

if TYPE_CHECKING:
    from moorage.platform.configfiles import Files
    from moorage.platform.processes import Program

NAMES = (
    "registry",
    "registry-node",
    "buildkitd",
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "containerd",
    "kubelet",
    "kube-proxy",
    "kube-router",
    "forward-http",
    "forward-https",
)


def stores(files: Files, pause_image: str) -> list[Program]:
    """Return what starts by itself and everything else needs: stores, builder, runtime and the API server."""
    return [
        *build_services.registry(files),
        build_services.buildkitd(files),
        control_plane.etcd(files),
        control_plane.apiserver(files),
        node.containerd(files, pause_image),
    ]


def agents(files: Files) -> list[Program]:
    """Return what needs the API server and the container runtime."""
    return [
        node.kubelet(files),
        control_plane.controller_manager(files),
        control_plane.scheduler(files),
        node.kube_proxy(files),
        *node.forwarders(files),
    ]


def watchers(files: Files) -> list[Program]:
    """Return what ends at once where the node is not known, or its rights are not granted yet."""
    return [node.kube_router(files)]


def everything(files: Files, pause_image: str) -> list[Program]:
    """Return all processes; `NAMES` lists their names."""
    return [*stores(files, pause_image), *agents(files), *watchers(files)]
