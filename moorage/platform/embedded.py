"""The embedded platform as a whole: registry, builder and a Kubernetes of one node, started, stopped and recovered."""

from __future__ import annotations

import datetime as dt
import fcntl
import json
import os
import shutil
import socket
import stat
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from moorage.base.console import Step
from moorage.base.errors import MoorageError
from moorage.base.files import write_atomic
from moorage.platform import debian, leftovers, node_network, ports, programs
from moorage.platform.addon_images import PlatformImages, write_builder
from moorage.platform.cluster import Cluster
from moorage.platform.config_files import ConfigFiles, own_authorities
from moorage.platform.layout import BUILDER, CONTEXT, CONTROLLER_NAMESPACE, RUNTIME, Layout
from moorage.platform.pki import Pki
from moorage.platform.processes import Program, ensure, records, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

MINIMUM_FREE_BYTES = 6e9
"""Images, build cache and volumes of the shipped application."""
OWNER = RUNTIME / "owner.json"
STARTED = RUNTIME / "started"
"""Touched when the node's network is made: what reported itself ready before that speaks of an earlier run."""
READY = RUNTIME / "ready"
"""There from the end of a start until the next stop or start: one that was cut off may have started every process."""


class Platform:
    """The platform of one checkout."""

    def __init__(self, layout: Layout) -> None:
        """Nothing happens until a method is called."""
        self.layout = layout

    def start(self, step: Step | None = None) -> bool:
        """Start what does not run, recover from what an earlier run left, and wait until all of it is ready.

        Returns whether anything had to be started. Raises `MoorageError` where this is not root, another checkout's
        platform runs, a port is taken, a disk is full, or a part does not become ready; and where the platform is shared
        with another checkout and does not run.
        """
        step = step or Step("platform", "")
        if self.layout.shared:
            self._require_shared()
            return False
        _require_root()
        with _lock(step):
            self._require_alone()
            debian.install(debian.PLATFORM_NEEDS)
            files = ConfigFiles(layout=self.layout, pki=Pki(self.layout), debian=debian.unpacked())
            if self.running() and self._unchanged(files):
                self._write_endpoint()
                return False
            self._require_space()
            READY.unlink(missing_ok=True)
            self._recover(step)
            self._require_ports()
            self.layout.data.mkdir(parents=True, exist_ok=True)
            self.layout.data.chmod(0o711)
            OWNER.write_text(json.dumps({"root": str(self.layout.root), "data": str(self.layout.data)}))
            self._start(step, files)
        return True

    def stop(self, step: Step | None = None) -> bool:
        """End every process and remove every mount and namespace; data stays. Returns whether anything was there."""
        _require_root()
        with _lock(step or Step("platform", "")):
            self._require_alone()
            there = bool(records()) or node_network.NETNS.exists()
            READY.unlink(missing_ok=True)
            leftovers.clear(self._data_of_owner())
            OWNER.unlink(missing_ok=True)
        return there

    def reset(self, step: Step | None = None) -> None:
        """Stop, and remove the platform's data: cluster, images, volumes and keys."""
        self.stop(step)
        shutil.rmtree(self.layout.data, ignore_errors=True)

    def running(self) -> bool:
        """Whether every process of a complete platform runs and belongs to this checkout, or to one that shares its own."""
        known = records()
        return (
            self._data_of_owner().resolve() == self.layout.data.resolve()
            and self._owner() is not None
            and READY.exists()
            and set(known) == set(programs.NAMES)
            and all(record.alive for record in known.values())
        )

    def _unchanged(self, files: ConfigFiles) -> bool:
        images = PlatformImages(self.layout)
        known = records()
        wanted = programs.everything(files, images.references()["pause_image"])
        return all(known[program.name].digest == program.digest for program in wanted)

    def _start(self, step: Step, files: ConfigFiles) -> None:
        step.note("keys and network")
        files.pki.ensure()
        if node_network.ensure():
            STARTED.touch()
        since = dt.datetime.fromtimestamp(int(STARTED.stat().st_mtime), dt.UTC)
        cluster = Cluster(self.layout, files.pki)
        step.note("control plane")
        images = PlatformImages(self.layout)
        references = images.references()
        for program in programs.stores(files, references["pause_image"]):
            self._ensure(program)
        self._bring_images(step, images)
        step.note("control plane")
        wait_until(cluster.serving, seconds=60, what="the API server", programs=("etcd", "kube-apiserver"))
        wait_until(self.layout.containerd_socket.exists, seconds=20, what="containerd", programs=("containerd",))
        for program in programs.agents(files):
            self._ensure(program)
        step.note("add-ons")
        wait_until(cluster.ready, seconds=60, what="the API server", programs=("etcd", "kube-apiserver"))
        # The API server answers a moment before it knows its own roles: what was refused then, and ended, starts again.
        for program in programs.agents(files):
            self._ensure(program)
        cluster.apply(references)
        wait_until(lambda: cluster.node_ready(since), seconds=60, what="the node", programs=("kubelet", "containerd"))
        for program in programs.watchers(files):
            self._ensure(program)
        self._wait(step, cluster, since)
        self._write_endpoint()
        READY.touch()

    def _bring_images(self, step: Step, images: PlatformImages) -> None:
        registry = f"http://{self.layout.registry}/v2/"
        wait_until(lambda: _answers(registry), seconds=20, what="the registry", programs=("registry",))
        wait_until(self._builder_listens, seconds=20, what="the builder", programs=("buildkitd",))
        write_builder(self.layout)
        for name in images.missing():
            step.note(f"image {name}")
            images.ensure(name)

    def _wait(self, step: Step, cluster: Cluster, since: dt.datetime) -> None:
        def addons_ready() -> bool:
            waiting = cluster.addons_waiting(since)
            step.note(f"add-ons, waiting for {', '.join(waiting)}" if waiting else "add-ons")
            return not waiting

        wait_until(addons_ready, seconds=120, what="an add-on", programs=("kubelet", "kube-proxy", "kube-router"))
        page = f"http://127.0.0.1:{self.layout.http_port}/"
        wait_until(lambda: _answers(page), seconds=30, what="the ingress controller", programs=("forward-http",))

    def _ensure(self, program: Program) -> None:
        ensure(program, self.layout.logs / f"{program.name}.log")

    def _builder_listens(self) -> bool:
        with socket.socket(socket.AF_UNIX) as client:
            try:
                client.connect(str(self.layout.buildkit_socket))
            except OSError:
                return False
        return True

    def _write_endpoint(self) -> None:
        endpoint = {
            "kubeconfig": str(self.layout.kubeconfig),
            "context": CONTEXT,
            "registry": self.layout.registry,
            "builder": BUILDER,
            "dockerConfig": str(self.layout.docker_config),
            "httpPort": self.layout.http_port,
            "httpsPort": self.layout.https_port,
            "controllerNamespace": CONTROLLER_NAMESPACE,
            "ca": str(path) if (path := own_authorities(self.layout)) else None,
        }
        write_atomic(self.layout.endpoint_file, json.dumps(endpoint, indent=2) + "\n")

    def _recover(self, step: Step) -> None:
        """Clear what is left unless the node's parts all run: a part alone would work with stale mounts."""
        alive = {name for name, record in records().items() if record.alive}
        if (
            not alive
            or not {"containerd", "kubelet", "kube-apiserver", "etcd"} <= alive
            or self._owner() != str(self.layout.root)
        ):
            step.note("clearing what an earlier run left")
            leftovers.clear(self._data_of_owner())

    def _data_of_owner(self) -> Path:
        try:
            return Path(json.loads(OWNER.read_text())["data"])
        except (OSError, ValueError, KeyError):
            return self.layout.data

    def _owner(self) -> str | None:
        try:
            return str(json.loads(OWNER.read_text())["root"])
        except (OSError, ValueError, KeyError):
            return None

    def _require_alone(self) -> None:
        owner = self._owner()
        alive = [record.pid for record in records().values() if record.alive]
        if alive and owner not in (None, str(self.layout.root)):
            raise MoorageError.of(
                "another platform is already running on this machine",
                where=owner,
                why=f"one machine can run one embedded platform; its processes are {', '.join(map(str, alive[:4]))} and more",
                remedy=f"stop it with `make -C {owner} stop`, or use your own cluster: name it in Pulumi.<stack>.yaml",
            )

    def _require_shared(self) -> None:
        """Require that the platform runs which this checkout's is a link to: only its own checkout starts it."""
        if not self.running():
            owner = self.layout.data.resolve().parents[1]
            raise MoorageError.of(
                "the platform that this checkout shares does not run",
                where=f"{self.layout.data}, a link to that of {owner}",
                why="only the checkout that it belongs to starts it",
                remedy=f"start it with `make -C {owner} up`, or remove the link to have a platform of this checkout's own",
            )

    def _require_space(self) -> None:
        free = shutil.disk_usage(self.layout.root).free
        if free < MINIMUM_FREE_BYTES:
            raise MoorageError.of(
                f"the embedded platform needs {MINIMUM_FREE_BYTES / 1e9:.0f} GB of disk, and {free / 1e9:.1f} GB are free",
                where=str(self.layout.data),
                why="images, build cache and volumes live there",
                remedy="free some space; `moorage platform reset` removes the data of this checkout's platform",
            )

    def _require_ports(self) -> None:
        own = {record.pid for record in records().values() if record.alive}
        if own:
            return
        ports.require_free(
            {
                "MOORAGE_REGISTRY_PORT": self.layout.registry_port,
                "MOORAGE_HTTP_PORT": self.layout.http_port,
                "MOORAGE_HTTPS_PORT": self.layout.https_port,
            }
        )


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False, timeout=2).status_code < 500
    except httpx.HTTPError:
        return False


def _require_root() -> None:
    if os.geteuid() != 0:
        raise MoorageError.of(
            "the embedded platform needs root",
            where="this machine",
            why="it makes network namespaces, mounts and cgroups for real containers",
            remedy="run the same command with sudo -E, or use your own cluster, registry and builder: name them in Pulumi.<stack>.yaml",
        )


@contextmanager
def _lock(step: Step) -> Iterator[None]:
    RUNTIME.mkdir(parents=True, exist_ok=True)
    RUNTIME.chmod(stat.S_IRWXU | stat.S_IXGRP | stat.S_IXOTH)
    with (RUNTIME / "lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            step.note("waiting for another moorage that starts or stops the platform")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
