"""A registry and a builder of a test's own, empty at first, so that what it builds and caches meets nothing else."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from moorage.platform import debian
from moorage.platform.layout import Layout
from moorage.report.history import History
from moorage.report.records import documents
from tests.support.quiet import busy
from tests.support.stack import ROOT, eventually, session_environment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moorage.report.model import Build

BUILDER = "bench"
_STOP_SECONDS = 20


@dataclass(kw_only=True)
class Workbench:
    """Where tests build: `registry` and the buildx builder `BUILDER`, both in a folder that goes with them."""

    folder: Path
    registry: str
    environment: dict[str, str] = field(repr=False)
    process: subprocess.Popen[bytes] | None = None
    """The builder's, while it runs."""

    @property
    def socket(self) -> Path:
        """Where the builder listens."""
        return self.folder / "buildkitd.sock"

    def start_builder(self) -> None:
        """Start a builder that has never built anything."""
        layout = Layout.of(ROOT)
        config = self.folder / "buildkitd.toml"
        config.write_text(
            f"""
root = "{self.folder / "state"}"
[grpc]
  address = ["unix://{self.socket}"]
[worker.oci]
  enabled = true
  networkMode = "host"
  binary = "{layout.bin / "runc"}"
  gc = false
[worker.containerd]
  enabled = false
[registry."docker.io"]
  mirrors = ["{layout.registry}"]
[registry."{layout.registry}"]
  http = true
[registry."{self.registry}"]
  http = true
"""
        )
        log = (self.folder / "buildkitd.log").open("ab")
        with log:
            self.process = subprocess.Popen(
                [str(layout.bin / "buildkitd"), "--config", str(config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        eventually(self._answers, seconds=30, what="the builder's answer")

    def _answers(self) -> bool:
        workers = ["buildctl", "--addr", f"unix://{self.socket}", "debug", "workers"]
        return subprocess.run(workers, env=self.environment, capture_output=True, check=False).returncode == 0

    def stop_builder(self) -> None:
        """Stop the builder and forget all that it has cached."""
        if self.process is not None:
            _stop(self.process)
            self.process = None
        shutil.rmtree(self.folder / "state", ignore_errors=True)

    def renew_builder(self) -> None:
        """Have an empty builder in the place of the one that there is."""
        self.stop_builder()
        self.start_builder()

    def buildx(self, *arguments: str, cwd: Path = ROOT, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command of buildx on the builder."""
        with busy():
            result = subprocess.run(
                ["buildx", "--builder", BUILDER, *arguments],
                cwd=cwd,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
        if check:
            assert result.returncode == 0, f"buildx {' '.join(arguments)}\n{result.stdout}\n{result.stderr[-6000:]}"
        return result

    def bake(self, targets: dict[str, dict[str, Any]], *, cwd: Path) -> list[dict[str, Any]]:
        """Build many targets at once, as their definitions in a bake file say; return what BuildKit told meanwhile."""
        file = self.folder / "bake.json"
        text = json.dumps({"group": {"default": {"targets": sorted(targets)}}, "target": targets})
        # What begins so is a template to bake.
        file.write_text(text.replace("${", "$${").replace("%{", "%%{"))
        result = self.buildx("bake", "--file", str(file), "--allow=fs=*", "--progress=rawjson", cwd=cwd)
        return [document for line in result.stderr.splitlines() if line.startswith("{") for document in documents(line)]

    @property
    def history(self) -> History:
        """The builder's records."""
        return History(command=["buildx"], builder=BUILDER, environment=self.environment)

    def last_build(self, image: str = "image") -> Build:
        """Return the record of the last successful build."""
        listed = self.history.completed()
        assert listed, "the builder has no record"
        build = self.history.build(image, self.history.inspected(listed[-1].reference))
        assert build is not None
        return build

    def progress(self, reference: str) -> list[dict[str, Any]]:
        """Return the raw log of a build."""
        result = self.buildx("history", "logs", reference, "--progress=rawjson")
        return list(documents(result.stdout or result.stderr))

    def requests(self) -> list[str]:
        """Return the registry's log of everything that it was asked."""
        return [line for line in (self.folder / "registry.log").read_text().splitlines() if "/v2/" in line]

    def get(self, path: str, *, accept: str = "*/*") -> httpx.Response:
        """Ask the registry."""
        return httpx.get(f"http://{self.registry}/v2/{path}", headers={"Accept": accept}, trust_env=False, timeout=20)


@contextlib.contextmanager
def workbench() -> Iterator[Workbench]:
    """Yield a workbench that leaves nothing behind."""
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir="/tmp"))  # a short path, as sockets need
    layout = Layout.of(ROOT)
    registry = f"127.0.0.1:{_free_port()}"
    config = folder / "registry.json"
    config.write_text(
        json.dumps(
            {
                "version": 0.1,
                "log": {"level": "error"},
                "storage": {"delete": {"enabled": True}, "filesystem": {"rootdirectory": str(folder / "registry")}},
                "http": {"addr": registry, "secret": "one process"},
            }
        )
    )
    instances = folder / "docker" / "buildx" / "instances"
    instances.mkdir(parents=True)
    node = {"Name": f"{BUILDER}0", "Endpoint": f"unix://{folder / 'buildkitd.sock'}"}
    (instances / BUILDER).write_text(
        json.dumps({"Name": BUILDER, "Driver": "remote", "Nodes": [node], "Dynamic": False})
    )
    environment = session_environment() | {"DOCKER_CONFIG": str(folder / "docker")}
    environment["PATH"] = f"{layout.bin}{os.pathsep}{environment['PATH']}"
    program = debian.unpacked() / "usr/bin/docker-registry"
    with (folder / "registry.log").open("ab") as log:
        process = subprocess.Popen(
            [str(program), "serve", str(config)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    bench = Workbench(folder=folder, registry=registry, environment=environment)
    try:
        eventually(lambda: _registry_answers(bench), seconds=20, what="the registry's answer")
        bench.start_builder()
        yield bench
    finally:
        bench.stop_builder()
        _stop(process)
        shutil.rmtree(folder, ignore_errors=True)


def _registry_answers(bench: Workbench) -> bool:
    try:
        return bench.get("").status_code == 200
    except httpx.HTTPError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(timeout=_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
