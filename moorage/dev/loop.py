"""The loop itself: what changes is brought to where it belongs, beside the updates that some changes ask for."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from moorage.base.errors import MoorageError
from moorage.config.loader import load_project
from moorage.dev.classify import Classifier, Verdict
from moorage.dev.gateway import Gateway
from moorage.dev.logs import INSTANCE_LABEL, NAME_LABEL, Following
from moorage.dev.service import DevelopedService
from moorage.dev.watching import DEBOUNCE_MILLISECONDS, changes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from moorage.config.project import Project
    from moorage.dev.display import Display
    from moorage.engine.session import Session

_BURST = 200
"""So many changed paths at once are taken for a switch of the branch: all is looked at again."""
_OLDEST_SECONDS = 2.0
"""A file that is older than this was moved or touched, not saved just now."""
_QUIET_SECONDS = 0.15
"""How long settings and dependencies must rest before the stack is updated."""


@dataclass(frozen=True, kw_only=True)
class Update:
    """An update of the stack that a change asks for."""

    classifier: Classifier
    what: str
    files: frozenset[str]
    unchanged: tuple[str, ...]
    """Services whose image stays: it differs in what was copied into the pods alone."""


class InnerLoop:
    """Runs in a thread of its own until it is stopped; what needs an update is put into `updates`."""

    def __init__(self, project: Project, session: Session, display: Display, *, logs: bool = True) -> None:
        """Prepare for a project that is being developed.

        Raises `MoorageError` where what its images are built from cannot be read.
        """
        self.updates: queue.Queue[Update | BaseException] = queue.Queue()
        self.ready = threading.Event()
        self._session = session
        self._display = display
        self._with_logs = logs
        self._classifier = Classifier(project)
        self._deployed: Classifier | None = None
        self._waiting: set[str] = set()
        self._services: dict[str, DevelopedService] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._run, name="inner-loop", daemon=True)

    def start(self) -> None:
        """Begin to watch and to connect."""
        self._thread.start()

    @property
    def classifier(self) -> Classifier:
        """What the loop knows now."""
        return self._classifier

    def stop(self) -> None:
        """End every connection and everything that was started for it."""
        loop, task = self._loop, self._task
        if loop and task and self._thread.is_alive():
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(task.cancel)
        self._thread.join(10)

    def deployed(self, classifier: Classifier) -> None:
        """Take note that the cluster has what a classifier knows: until then every update builds all that it needs."""
        self._deployed = classifier

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        except asyncio.CancelledError:
            pass
        except BaseException as error:  # noqa: BLE001 - the thread that waits for updates is told
            self.updates.put(error)
        finally:
            self.ready.set()

    async def _main(self) -> None:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        async with Gateway(self._session) as gateway:
            self._adopt(self._classifier, gateway)
            tasks = [asyncio.create_task(self._watch_pods(gateway)), asyncio.create_task(self._watch_files(gateway))]
            self.ready.set()
            try:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                for service in self._services.values():
                    service.close()

    def _adopt(self, classifier: Classifier, gateway: Gateway) -> None:
        """Look after the services as a project now has them."""
        self._classifier = classifier
        for name in [one for one in self._services if one not in classifier.codes]:
            self._services.pop(name).close()
        for name, code in classifier.codes.items():
            known = self._services.get(name)
            if known and known.code.mounts == code.mounts and known.code.folders == code.folders:
                known.project = classifier.project
                continue
            if known:
                known.close()
            self._services[name] = DevelopedService(classifier.project, name, code, gateway, self._display)

    async def _watch_pods(self, gateway: Gateway) -> None:
        project = self._classifier.project
        following = Following(gateway, project.namespace, self._display.log)
        selector = f"{INSTANCE_LABEL}={project.settings.application}-{project.stack_name}"
        try:
            async for pod in gateway.pods(project.namespace, selector):
                if pod is None:
                    continue
                if service := self._services.get(pod["metadata"]["labels"].get(NAME_LABEL, "")):
                    service.pod(pod)
                    if self._with_logs:
                        following.pod(pod)
                    following.all_known()
        finally:
            following.close()

    async def _watch_files(self, gateway: Gateway) -> None:
        evaluating: asyncio.Task[None] | None = None
        async for paths in changes(self._classifier.project.program):
            began = self._saved_at(paths)
            verdict = self._classifier.verdict(paths)
            self._copy(verdict, began, everything=len(paths) > _BURST)
            if verdict.nothing and not (verdict.copied or verdict.settings or verdict.inputs):
                self._display.nothing(verdict.nothing)
            if asked := verdict.settings | verdict.inputs:
                self._waiting |= asked
                if evaluating is None or evaluating.done():
                    evaluating = asyncio.create_task(self._evaluate(gateway))

    def _copy(self, verdict: Verdict, began: float, *, everything: bool) -> None:
        for name, service in self._services.items():
            paths: Iterable[str] = verdict.copied.get(name, ())
            if everything and paths:
                paths = [folder.source for folder in service.code.folders]
            if paths:
                # A folder above the code may have come or gone: its parts are what the tree knows.
                inside = [folder.source for folder in service.code.folders if folder.source not in paths]
                above = [one for one in inside if any(one.startswith(f"{path}/") for path in paths)]
                service.changed([*paths, *above], began)

    def _saved_at(self, paths: Iterable[str]) -> float:
        """Return when the newest of the files was saved, by the monotonic clock."""
        root, newest = self._classifier.project.root, 0.0
        for path in paths:
            with contextlib.suppress(OSError):
                newest = max(newest, (root / path).lstat().st_mtime)
        age = time.time() - newest
        return time.monotonic() - (age if 0 <= age < _OLDEST_SECONDS else DEBOUNCE_MILLISECONDS / 1000)

    async def _evaluate(self, gateway: Gateway) -> None:
        """Find out what changed settings or inputs of images ask for, and say it."""
        while self._waiting:
            await asyncio.sleep(_QUIET_SECONDS)
            files, self._waiting = frozenset(self._waiting), set()
            try:
                update = await asyncio.to_thread(self._asked, files)
            except MoorageError as error:
                for problem in error.problems:
                    self._display.mistake(problem)
                continue
            if update is None:
                if rest := files - self._classifier.verdict(files).settings:
                    self._display.nothing(rest)
                continue
            self._adopt(update.classifier, gateway)
            self.updates.put(update)

    def _asked(self, files: frozenset[str]) -> Update | None:
        project = load_project(self._classifier.project.program, self._classifier.project.stack_name)
        before, now = self._classifier, Classifier(project)
        # Pulumi itself writes the stack's file, and editors save what they did not change.
        if not before.changed_images(now) and not before.changed_settings(now):
            return None
        if self._deployed is None:
            return Update(classifier=now, what="update of the stack", files=files, unchanged=())
        images = self._deployed.changed_images(now)
        what = f"image of {', '.join(sorted(images))}, then its rollout" if images else "update of the settings"
        unchanged = tuple(name for name in project.running if name not in images)
        return Update(classifier=now, what=what, files=files, unchanged=unchanged)
