"""The platform's processes in the order in which they start; registry and builder are described here."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from moorage.platform import control_plane, node
from moorage.platform.processes import Program

if TYPE_CHECKING:
    from moorage.platform.config_files import ConfigFiles

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


def stores(files: ConfigFiles, pause_image: str) -> list[Program]:
    """Return what starts by itself and everything else needs: stores, builder, runtime and the API server."""
    return [
        *registry(files),
        buildkitd(files),
        control_plane.etcd(files),
        control_plane.apiserver(files),
        node.containerd(files, pause_image),
    ]


def agents(files: ConfigFiles) -> list[Program]:
    """Return what needs the API server and the container runtime."""
    return [
        node.kubelet(files),
        control_plane.controller_manager(files),
        control_plane.scheduler(files),
        node.kube_proxy(files),
        *node.forwarders(files),
    ]


def watchers(files: ConfigFiles) -> list[Program]:
    """Return what ends at once where the node is not known, or its rights are not granted yet."""
    return [node.kube_router(files)]


def everything(files: ConfigFiles, pause_image: str) -> list[Program]:
    """Return all processes; `NAMES` lists their names."""
    return [*stores(files, pause_image), *agents(files), *watchers(files)]


def registry(files: ConfigFiles) -> list[Program]:
    """Return the registry on the host, and the same storage read-only on the node, which has a loopback of its own."""
    storage = {"filesystem": {"rootdirectory": str(files.layout.data / "registry")}}
    writer = {"delete": {"enabled": True}} | storage
    reader = {"maintenance": {"readonly": {"enabled": True}, "uploadpurging": {"enabled": False}}} | storage
    programs = []
    for name, content, on_node in (("registry", writer, False), ("registry-node", reader, True)):
        path = files.json(
            f"{name}.json",
            {
                "version": 0.1,
                "log": {"level": "warn", "accesslog": {"disabled": False}, "formatter": "json"},
                "storage": content,
                "http": {"addr": files.layout.registry, "secret": "one process each, so never shared"},
            },
        )
        command = (str(files.debian / "usr/bin/docker-registry"), "serve", str(path))
        programs.append(Program(name=name, command=command, on_node=on_node, inputs=(path,)))
    return programs


def buildkitd(files: ConfigFiles) -> Program:
    """Return the builder, on the host's network: builds download their dependencies."""
    path = files.text(
        "buildkitd.toml",
        f"""
root = "{files.layout.data / "buildkit"}"
[grpc]
  address = ["unix://{files.layout.buildkit_socket}"]
[worker.oci]
  enabled = true
  networkMode = "host"
  binary = "{files.bin("runc")}"
  max-parallelism = {max(2, os.cpu_count() or 2)}
  gc = true
  maxUsedSpace = "20GB"
[worker.containerd]
  enabled = false
[registry."docker.io"]
  mirrors = ["{files.layout.registry}"]
[registry."{files.layout.registry}"]
  http = true
""",
    )
    command = (files.bin("buildkitd"), "--config", str(path))
    return Program(name="buildkitd", command=command, on_node=False, inputs=(path,))
