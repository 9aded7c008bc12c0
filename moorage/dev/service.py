"""One service that is being developed: its pods, and when each of them serves the newest edit."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from moorage.dev.link import CONTAINER, Link
from moorage.dev.tree import SourceTree
from moorage.dev.twoway import Arrivals

if TYPE_CHECKING:
    from collections.abc import Iterable

    from moorage.build.codefolders import Code
    from moorage.config.project import Project
    from moorage.config.service import Service
    from moorage.dev.display import Display
    from moorage.dev.gateway import Gateway


@dataclass(kw_only=True)
class Edit:
    """An edit on its way."""

    revision: int
    began: float
    """By the monotonic clock."""
    files: list[str]
    links: list[Link]
    told: bool = False
    unconfirmed: bool = False


@dataclass
class DevelopedService:
    """Keeps the pods of one service new, and reports."""

    project: Project
    name: str
    code: Code
    gateway: Gateway
    display: Display
    links: dict[str, tuple[Link, asyncio.Task[None]]] = field(default_factory=dict)
    edit: Edit | None = None
    _revision: int = 0

    def __post_init__(self) -> None:
        """Read the code once."""
        self.tree = SourceTree(self.project.root, self.code)
        self.tree.scan()
        self._revision = _next_revision(0)
        self._arrivals = Arrivals(self.project.root, self.project.home, self.tree, self.two_way())

    @property
    def model(self) -> Service:
        """The service's settings."""
        return self.project.services[self.name]

    def two_way(self) -> list[str]:
        """Return the folders that come back, as the receiver knows them."""
        found = []
        for path in self.model.develop.two_way:
            for number, mount in enumerate(self.code.mounts):
                if f"{path}/".startswith(f"{mount}/"):
                    found.append(f"{number}/{path[len(mount) + 1 :]}".rstrip("/"))
        return found

    def settings(self) -> dict[str, Any]:
        """Return where the process answers, and which folders come back."""
        check = self.model.liveness_probe.http_get
        port = check and (check.port or self.model.port)
        probe = {"port": port, "path": check.path} if check and port else None
        return {"probe": probe, "twoWay": self.two_way()}

    def changed(self, paths: Iterable[str], began: float) -> bool:
        """Bring changed paths to every pod; return whether anything of them is different."""
        files = self.tree.refresh(paths)
        if not files:
            return False
        self._revision = _next_revision(self._revision)
        links = [link for link, _ in self.links.values()]
        connected = [link for link in links if link.have is not None]
        began = self.edit.began if self.edit and not self.edit.told else began
        self.edit = Edit(revision=self._revision, began=began, files=files, links=connected)
        for link in links:
            link.want(self._revision)
        if not connected:
            self.display.waiting(self.name)
        return True

    def pod(self, pod: dict[str, Any]) -> None:
        """Take note of a pod as it is now: connect to a new one, forget one that goes."""
        name = pod["metadata"]["name"]
        statuses = pod.get("status", {}).get("initContainerStatuses", [])
        runs = any(one["name"] == CONTAINER and "running" in one.get("state", {}) for one in statuses)
        leaves = "deletionTimestamp" in pod["metadata"] or pod.get("status", {}).get("phase") in {"Gone", "Failed"}
        if leaves:
            self.forget(name)
        elif runs and name not in self.links:
            link = Link(gateway=self.gateway, namespace=self.project.namespace, pod=name, tree=self.tree, listener=self)
            link.want(self._revision)
            self.links[name] = (link, asyncio.create_task(link.run()))

    def forget(self, pod: str) -> None:
        """End the connection to a pod."""
        link, task = self.links.pop(pod, (None, None))
        if task:
            task.cancel()
        if self.edit and link in self.edit.links:
            self.edit.links.remove(link)
            self._report()

    def close(self) -> None:
        """End every connection."""
        for name in list(self.links):
            self.forget(name)

    def heard(self, link: Link, header: dict[str, Any], content: bytes) -> None:
        """Take what the receiver of a pod says."""
        kind = header["kind"]
        if kind == "hello" and tuple(header.get("folders") or ()) != self.code.mounts:
            link.have = None  # a pod of another Dockerfile, which its rollout removes
        elif kind == "reload":
            self._reloaded(header)
        elif kind == "served":
            self._served(header)
        elif kind == "change":
            self._arrived(link, header["operations"], content)
        elif kind in {"refused", "error"}:
            self.display.problem(self.name, f"{link.pod}: {header.get('text', '').strip()}")
        elif kind == "busy":
            self.display.problem(
                self.name, f"{link.pod}: another `moorage dev` is connected ({header.get('text', '')})"
            )

    def _served(self, header: dict[str, Any]) -> None:
        if self.edit and not header.get("confirmed"):
            self.edit.unconfirmed = True
        self._report()

    def _arrived(self, link: Link, operations: list[dict[str, Any]], content: bytes) -> None:
        for problem in self._arrivals.apply(link, operations, content):
            self.display.problem(self.name, problem)
        for other, _ in self.links.values():
            if other is not link:
                other.want(self._revision)

    def _reloaded(self, header: dict[str, Any]) -> None:
        said = header["reload"]
        if said.get("state") != "failed" or self.edit is None or self.edit.told:
            return
        if header["revision"] == self.edit.revision:
            self.edit.told = True
            file = str(said.get("file", ""))
            place = self.code.source_of(file) or file
            self.display.failed(self.name, said.get("error", ""), place, said.get("line"))

    def _report(self) -> None:
        edit = self.edit
        if edit is None or edit.told or not edit.links:
            return
        if all(link.served >= edit.revision for link in edit.links):
            edit.told = True
            files = [self.tree.source_of(name) or name for name in edit.files]
            seconds = time.monotonic() - edit.began
            self.display.served(self.name, seconds, files, len(edit.links), confirmed=not edit.unconfirmed)


def _next_revision(before: int) -> int:
    """Return a number above all earlier ones, those of other sessions as well: milliseconds since 1970."""
    return max(before + 1, int(time.time() * 1000))
