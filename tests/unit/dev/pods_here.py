"""Pods that are folders of this machine: the real receiver, run by a gateway that needs no cluster."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from moorage.build.codefolders import Code, CodeFolder
from moorage.build.ignorefile import parse_ignore_file
from moorage.config.pod import HttpGet, Probe
from moorage.dev.gateway import STDOUT
from moorage.dev.service import DevelopedService

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from pathlib import Path

SECONDS = 20.0


@dataclass
class Connection:
    """A receiver's process, as the stream of an exec."""

    process: asyncio.subprocess.Process

    async def send(self, message: bytes) -> None:
        """Write to its standard input."""
        assert self.process.stdin is not None
        self.process.stdin.write(message[1:])
        await self.process.stdin.drain()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._parts()

    async def _parts(self) -> AsyncIterator[bytes]:
        assert self.process.stdout is not None
        while part := await self.process.stdout.read(1 << 16):
            yield bytes([STDOUT]) + part

    async def close(self) -> None:
        """End it."""
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()


@dataclass
class Here:
    """A gateway to folders."""

    program: Path
    root: Path
    connections: list[Connection] = field(default_factory=list)

    async def run(self, _: str, pod: str, __: str, command: Sequence[str]) -> Connection:
        """Run the receiver on the folder of a pod."""
        process = await asyncio.create_subprocess_exec(
            str(self.program), command[1], str(self.root / pod), *command[3:], stdin=-1, stdout=-1
        )
        self.connections.append(Connection(process))
        return self.connections[-1]


@dataclass
class Shown:
    """A display that remembers."""

    edits: list[tuple[float, list[str]]] = field(default_factory=list)
    mistakes: list[tuple[str, str, int | None]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def served(self, _: str, seconds: float, files: Sequence[str], pods: int, *, confirmed: bool) -> None:
        self.edits.append((seconds, list(files)))

    def failed(self, _: str, error: str, file: str, line: int | None) -> None:
        self.mistakes.append((error, file, line))

    def problem(self, _: str, text: str) -> None:
        self.problems.append(text)

    def waiting(self, _: str) -> None:
        pass


@dataclass
class Model:
    """Of a service what its development needs."""

    develop: Any
    liveness_probe: Probe = field(default_factory=lambda: Probe(http_get=HttpGet(path="/health", port=65000)))
    port: int = 1


@dataclass
class Project:
    """Of a project what its development needs."""

    root: Path
    services: dict[str, Model]
    namespace: str = "here"

    @property
    def home(self) -> Path:
        return self.root / ".moorage"


@dataclass
class Develop:
    """What comes back."""

    two_way: list[str]


@dataclass
class Workbench:
    """A checkout with one service, and pods of it."""

    root: Path
    program: Path
    two_way: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.checkout = self.root / "checkout"
        self.image = self.root / "image"
        for folder in (self.checkout / "apps/one/code", self.checkout / "libs/lib/lib", self.image):
            folder.mkdir(parents=True)
        self.source = self.checkout / "apps/one/code"
        self.shown = Shown()
        self.gateway = Here(self.program, self.root / "pods")
        folders = (
            CodeFolder(source="libs/lib/lib", target="/app/lib", line=1),
            CodeFolder(source="apps/one/code", target="/app/code", line=2),
        )
        ignore = parse_ignore_file(["*", "!apps/one/code", "!libs/lib/lib", "**/__pycache__"])
        self.code = Code(folders=folders, mounts=("/app/code", "/app/lib"), ignore=ignore)
        self.service: DevelopedService | None = None
        self.held: list[asyncio.subprocess.Process] = []

    def close(self) -> None:
        """End the sidecars, which would stay for ever: an event loop that ends leaves its processes alone."""
        for process in self.held:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGKILL)

    def start(self) -> DevelopedService:
        """Look after the service as a session does."""
        project: Any = Project(self.checkout, {"one": Model(Develop(self.two_way))})
        gateway: Any = self.gateway
        shown: Any = self.shown
        self.service = DevelopedService(project, "one", self.code, gateway, shown)
        return self.service

    async def pod(self, name: str, **files: str) -> asyncio.subprocess.Process:
        """Start a pod whose image has files in its first folder; return its sidecar."""
        for number in ("code", "lib"):
            (self.image / number).mkdir(exist_ok=True)
        for file, content in files.items():
            (self.image / "code" / file).write_text(content)
        place = self.gateway.root / name
        hold = await asyncio.create_subprocess_exec(
            str(self.program), "hold", str(place), str(self.image / "code"), str(self.image / "lib")
        )
        self.held.append(hold)
        await until((place / "state/folders.json").exists)
        # The image's folders are elsewhere here than in a container.
        (place / "state/folders.json").write_text('["/app/code", "/app/lib"]')
        self.announce(name)
        return hold

    def announce(self, name: str, phase: str = "Running") -> None:
        """Tell of a pod as the API server does."""
        assert self.service is not None
        status = {"phase": phase, "initContainerStatuses": [{"name": "moorage-receiver", "state": {"running": {}}}]}
        self.service.pod({"metadata": {"name": name}, "status": status})

    def in_pod(self, name: str, number: int = 0) -> dict[str, Any]:
        """Return what a pod's folder holds."""
        return holds(self.gateway.root / name / "source" / str(number))

    def changed(self, *paths: Path) -> None:
        """Tell of saved files as the watcher does."""
        assert self.service is not None
        self.service.changed([str(path.relative_to(self.checkout)) for path in paths], 0.0)


def holds(folder: Path) -> dict[str, Any]:
    """Return content and executable bit, link target or None for a folder, by path."""
    found: dict[str, Any] = {}
    for path in folder.rglob("*"):
        name = str(path.relative_to(folder))
        if "__pycache__" in name:
            continue
        if path.is_symlink():
            found[name] = os.readlink(path)
        elif path.is_dir():
            found[name] = None
        else:
            found[name] = (path.read_bytes(), stat.S_IMODE(path.stat().st_mode))
    return found


async def until(condition: Callable[[], object]) -> None:
    """Return once a condition holds."""
    async with asyncio.timeout(SECONDS):
        while not condition():  # noqa: ASYNC110  # files and processes raise no events
            await asyncio.sleep(0.005)
