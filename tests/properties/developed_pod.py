"""A pod as `moorage dev` makes it, a folder of this machine that it is kept the same as, and what both hold."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from moorage.base.console import Step
from moorage.build.codefolders import Code, CodeFolder
from moorage.build.ignorefile import parse_ignore_file
from moorage.cli.sessions import session_for
from moorage.components.labels import Labels, Role
from moorage.components.manifests.deployment import DeploymentParts, deployment
from moorage.components.manifests.development import DevelopedCode
from moorage.config.loader import load_project
from moorage.config.service import Service
from moorage.dev import receiver
from moorage.dev.display import Display
from moorage.dev.gateway import ERROR, STDIN, STDOUT, Gateway
from moorage.dev.service import DevelopedService
from moorage.dev.watching import changes
from tests.properties.file_changes import Model, do_here, entries, fitting, modelled, script, seen_here
from tests.support.stack import ROOT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from tests.properties.file_changes import Change, Entry
    from tests.properties.pods import Node

FOLDER = "/srv"
"""In the container; it is there in the image, and empty."""
CODE = "apps/sample/code"
NAME = "sample"
VISIBLE_SECONDS = 2.0
"""The specification says immediately; Moorage, which copies where others mount, promises this."""
_LOOK = (
    f"cd {FOLDER} && find . -mindepth 1 -printf '%y\\t%m\\t%l\\t%P\\0' && printf '\\0' && "
    "find . -type f -exec sha256sum -z -- {} +"
)


@dataclass(frozen=True)
class Seen:
    """What is to be seen after each step of one example, on both sides, and what should be."""

    wanted: tuple[dict[str, Entry], ...]
    host: tuple[dict[str, Entry], ...]
    container: tuple[dict[str, Entry], ...]


def manifest(image: str, receiver_image: str) -> dict[str, Any]:
    """Return the pod of a service that is developed, in the product's own form, and whose image has a shell."""
    probe: dict[str, Any] = {"exec": {"command": ["true"]}}
    service = Service.model_validate(
        {
            "name": NAME,
            "kind": "worker",
            "command": ["sleep", "infinity"],
            "startupProbe": probe,
            "livenessProbe": probe,
            "readinessProbe": {**probe, "periodSeconds": 5},
            "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"cpu": "1", "memory": "128Mi"}},
            "preStopSleepSeconds": 0,
        }
    )
    labels = Labels(application="sample", instance="sample-dev", name=NAME, role=Role.WORKER)
    code = DevelopedCode(receiver=receiver_image, folders=(FOLDER,), two_way=(FOLDER,))
    parts = DeploymentParts(image=image, config_map="none", develop=code)
    spec = deployment(service, labels, parts)["spec"]["template"]["spec"]
    spec["containers"][0].pop("envFrom")
    spec |= {"serviceAccountName": "default", "terminationGracePeriodSeconds": 0}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": NAME, "labels": {"app.kubernetes.io/name": NAME}},
        "spec": spec,
    }


@dataclass
class DevelopedPod:
    """Both sides of one pod."""

    node: Node
    root: Path

    def run(self, examples: Sequence[Sequence[Change]]) -> list[Seen]:
        """Do the steps of all examples, one after the other, each in a folder of its own, and return what was seen."""
        return asyncio.run(self._run(examples))

    async def _run(self, examples: Sequence[Sequence[Change]]) -> list[Seen]:
        project = load_project(ROOT, "dev")
        session = session_for(project)
        source = self.root / CODE
        for number in range(len(examples)):
            (source / f"e{number}").mkdir(parents=True)
        # What makes a folder a project, and another one its service: only services are watched.
        (self.root / "Pulumi.yaml").write_text("name: sample\nruntime: python\n")
        (source.parent / "service.yaml").write_text(f"name: {NAME}\n")
        space = self.node.space
        self.node.client.patch(
            f"/api/v1/namespaces/{space}",
            json={"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}},
            headers={"Content-Type": "application/merge-patch+json"},
        ).raise_for_status()
        image = f"{project.target.registry}/library/debian:trixie-slim"
        self.node.start([manifest(image, receiver.ensure(project, session, Step("receiver", "")))])
        async with Gateway(session) as gateway:
            service = DevelopedService(_of(project, self.root, space), NAME, _code(), gateway, Display([NAME]))
            tasks = [
                asyncio.create_task(_pods(gateway, service, space)),
                asyncio.create_task(_files(self.root, service)),
            ]
            try:
                async with asyncio.timeout(60):
                    while not (shell := await _shell(gateway, space)):  # noqa: ASYNC110  # a pod raises no events here
                        await asyncio.sleep(0.1)
                    while (await shell.look()).keys() != {f"e{number}" for number in range(len(examples))}:  # noqa: ASYNC110
                        await asyncio.sleep(0.1)
                seen = await self._steps(shell, source, examples)
                assert not any(task.done() for task in tasks), "what watches has ended"
                return seen
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                service.close()

    async def _steps(self, shell: Shell, source: Path, examples: Sequence[Sequence[Change]]) -> list[Seen]:
        models: list[Model] = [{} for _ in examples]
        seen: list[list[tuple[dict[str, Entry], ...]]] = [[] for _ in examples]
        for step in range(max(map(len, examples))):
            lines = []
            for number, example in enumerate(examples):
                if step < len(example):
                    change = fitting(example[step], models[number])
                    models[number] = modelled(models[number], change)
                    if change.side == "host":
                        do_here(source / f"e{number}", change)
                    else:
                        lines.append(script(f"{FOLDER}/e{number}", change))
            await shell.do(lines)
            wanted = [entries(model) for model in models]
            deadline = time.monotonic() + VISIBLE_SECONDS
            while True:
                last = time.monotonic() > deadline
                here, there = _split(seen_here(source), len(examples)), _split(await shell.look(), len(examples))
                if (here == wanted and there == wanted) or last:
                    break
            for number, example in enumerate(examples):
                if step < len(example):
                    seen[number].append((wanted[number], here[number], there[number]))
            # What is late says so itself; further steps would only meet what they do not expect.
            if here != wanted or there != wanted:
                break
        return [Seen(*zip(*each, strict=True)) for each in seen]


@dataclass
class Shell:
    """Runs lines in the service's container, which know nothing of Moorage."""

    gateway: Gateway
    space: str

    async def do(self, lines: Sequence[str]) -> None:
        """Run lines."""
        await self._run("\n".join(["set -eu", *lines]))

    async def look(self) -> dict[str, Entry]:
        """Return what is to be seen in the container."""
        listed, _, digests = (await self._run(_LOOK)).partition("\0\0")
        of = {text[66:].removeprefix("./"): text[:64] for text in digests.split("\0") if text}
        found: dict[str, Entry] = {}
        for line in listed.split("\0"):
            if line:
                kind, mode, target, name = line.split("\t", 3)
                found[name] = {"d": ("d",), "l": ("l", target)}.get(kind, ("f", mode, of.get(name, "")))
        return found

    async def _run(self, text: str) -> str:
        connection = await self.gateway.run(self.space, NAME, NAME, ["sh", "-s"])
        await connection.send(bytes([STDIN]) + text.encode() + b"\nexit\n")
        output, errors = b"", ""
        async for message in connection:
            assert isinstance(message, bytes)
            if message[0] == STDOUT:
                output += message[1:]
            elif message[0] == ERROR:
                errors = message[1:].decode()
                break
        await connection.close()
        assert '"Failure"' not in errors, errors
        return output.decode()


async def _shell(gateway: Gateway, space: str) -> Shell | None:
    try:
        shell = Shell(gateway, space)
        await shell.do(["test -d /srv"])
    except Exception:  # noqa: BLE001 - the container does not run yet
        return None
    return shell


async def _pods(gateway: Gateway, service: DevelopedService, space: str) -> None:
    async for pod in _all(gateway, space):
        service.pod(pod)


async def _all(gateway: Gateway, space: str) -> AsyncIterator[dict[str, Any]]:
    async for pod in gateway.pods(space, f"app.kubernetes.io/name={NAME}"):
        if pod is not None:
            yield pod


async def _files(root: Path, service: DevelopedService) -> None:
    async for paths in changes(root):
        service.changed(paths, time.monotonic())


def _split(found: dict[str, Entry], count: int) -> list[dict[str, Entry]]:
    """Return what is to be seen of each example's folder."""
    parts: list[dict[str, Entry]] = [{} for _ in range(count)]
    for path, entry in found.items():
        folder, _, name = path.partition("/")
        if name:
            parts[int(folder[1:])][name] = entry
    return parts


def _code() -> Code:
    folder = CodeFolder(source=CODE, target=FOLDER, line=1)
    return Code(folders=(folder,), mounts=(FOLDER,), ignore=parse_ignore_file(["*", f"!{CODE}"]))


def _of(project: Any, root: Path, space: str) -> Any:
    """Return a project with one service, whose files come back from its container."""
    sample = project.services["worker"]
    develop = sample.develop.model_copy(update={"two_way": [FOLDER]})
    service = sample.model_copy(update={"name": NAME, "develop": develop})
    return type(project)(**{**vars(project), "root": root, "namespace": space, "services": {NAME: service}})
