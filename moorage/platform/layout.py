"""Where the embedded platform keeps things, and which addresses it uses."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from moorage.base.errors import MoorageError

RUNTIME = Path("/run/moorage")
"""Sockets, process records and mounts: one platform a machine, and socket paths must stay short."""

NAMESPACE = "moorage"
"""Network namespace of the node."""
NODE_NAME = "moorage"
HOST_LINK = "moorage0"
NODE_LINK = "eth0"
HOST_ADDRESS = "10.213.0.1"
NODE_ADDRESS = "10.213.0.2"
LINK_PREFIX = 30
POD_CIDR = "10.244.0.0/24"
SERVICE_CIDR = "10.96.0.0/16"
API_SERVICE_ADDRESS = "10.96.0.1"
DNS_ADDRESS = "10.96.0.10"
CLUSTER_DOMAIN = "cluster.local"
API_PORT = 6443
HTTP_NODE_PORT = 30080
HTTPS_NODE_PORT = 30443
CONTROLLER_NAMESPACE = "ingress"
CONTEXT = "moorage"
BUILDER = "moorage"
HIGHEST_PORT = 65535


def _port(name: str, default: int) -> int:
    text = os.environ.get(name, str(default))
    if not re.fullmatch("[0-9]{1,5}", text) or not 1 <= int(text) <= HIGHEST_PORT:
        raise MoorageError.of(
            f"{name}={text} is not a port",
            where="the environment",
            why=f"a port is a number from 1 to {HIGHEST_PORT}",
            remedy=f"unset {name}, or set it to for example {default}",
        )
    return int(text)


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Folders of one checkout's platform and its ports on loopback."""

    root: Path
    http_port: int
    https_port: int
    registry_port: int

    @classmethod
    def of(cls, root: Path) -> Layout:
        """Return the layout for a checkout; ``MOORAGE_{HTTP,HTTPS,REGISTRY}_PORT`` override the ports."""
        return cls(
            root=root.resolve(),
            http_port=_port("MOORAGE_HTTP_PORT", 8080),
            https_port=_port("MOORAGE_HTTPS_PORT", 8443),
            registry_port=_port("MOORAGE_REGISTRY_PORT", 5000),
        )

    @property
    def home(self) -> Path:
        """Everything of this checkout that git does not track."""
        return self.root / ".moorage"

    @property
    def bin(self) -> Path:
        """Folder of links to every program of the toolchain, for PATH."""
        return self.home / "bin"

    @property
    def data(self) -> Path:
        """State that must survive a restart: etcd, images, volumes, keys."""
        return self.home / "platform"

    @property
    def shared(self) -> bool:
        """Whether the platform is that of another checkout, to which ``.moorage/platform`` is a link."""
        # What may not even be looked at is not shared; starting it says what is wrong.
        link = os.path.islink(self.data)  # noqa: PTH114  # Path.is_symlink() raises where a folder may not be read
        return link and self.data.resolve().parts[-2:] == self.data.parts[-2:]

    @property
    def logs(self) -> Path:
        """One log a process."""
        return self.data / "logs"

    @property
    def pki(self) -> Path:
        """Keys and certificates."""
        return self.data / "pki"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.data / "kubeconfig"

    @property
    def docker_config(self) -> Path:
        """A DOCKER_CONFIG that knows the builder."""
        return self.home / "docker"

    @property
    def endpoint_file(self) -> Path:
        """What the rest of Moorage needs to know of the running platform."""
        return self.data / "endpoint.json"

    @property
    def registry(self) -> str:
        """The registry's address, the same on the host and on the node."""
        return f"127.0.0.1:{self.registry_port}"

    @property
    def buildkit_socket(self) -> Path:
        """Where buildkitd listens."""
        return RUNTIME / "buildkitd.sock"

    @property
    def containerd_socket(self) -> Path:
        """Where containerd listens."""
        return RUNTIME / "containerd" / "containerd.sock"

    @property
    def api_url(self) -> str:
        """The API server, inside the node's network namespace."""
        return f"https://{NODE_ADDRESS}:{API_PORT}"
