"""Reading and judging files, by several processes where there is enough to do: the result is the same."""

from __future__ import annotations

import gc
import multiprocessing
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from . import rules  # noqa: F401  # registers every rule
from .judge import judge
from .manifests import Document, Skipped, Unreadable, read_source
from .objects import Origin, Surroundings, manifest_objects
from .registry import RULES, Rule, Scope
from .sources import STDIN
from .verdicts import Violation

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from .objects import Object
    from .sources import Source
    from .tree import Remark

_WORTH_BYTES: Final = 400_000
"""Of manifests: below, starting a process takes longer than it saves."""
_CHUNK_BYTES: Final = 100_000


class Remarked(NamedTuple):
    """What a rule says of one object of a document, and the line where."""

    rule: str
    object: int
    remark: Remark
    container: str | None
    line: int


@dataclass
class Read:
    """What one file contains: documents with what the rules on single objects say of each, and what is not a document."""

    documents: list[tuple[Document, list[Remarked]]] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)


class Task(NamedTuple):
    """What is asked of every file: rules by name, settings by rule, and the namespace of what names none."""

    rules: tuple[str, ...]
    settings: Mapping[str, Mapping[str, Any]]
    namespace: str


class Worker:
    """Reads files and judges their objects one by one."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._around = Surroundings(namespace=task.namespace)
        self._by_kind: dict[tuple[str, bool], tuple[Rule, ...]] = {}

    def read(self, source: Source) -> Read:
        """Return what a file holds."""
        result = Read()
        for found in read_source(source):
            if isinstance(found, Document):
                objects = objects_of(found, self._around)
                result.documents.append((found, list(self._judge(found, objects))))
                result.unreadable += [
                    Unreadable(found.file, found.line(item.root.path), "not a Kubernetes object: kind is missing")
                    for item in objects
                    if not item.kind
                ]
            elif isinstance(found, Skipped):
                result.skipped.append(found)
            else:
                result.unreadable.append(found)
        return result

    def _judge(self, document: Document, objects: tuple[Object, ...]) -> Iterator[Remarked]:
        for number, about in enumerate(objects):
            if not about.kind:
                continue
            for rule in self._rules(about):
                for outcome in judge(rule, about, self._task.settings[rule.name]):
                    if isinstance(outcome, Violation):
                        line = document.line(outcome.remark.path)
                        yield Remarked(rule.name, number, outcome.remark, outcome.container, line)

    def _rules(self, about: Object) -> tuple[Rule, ...]:
        key = about.family, about.pod is not None
        if key not in self._by_kind:
            rules = (RULES[name] for name in self._task.rules)
            self._by_kind[key] = tuple(
                rule
                for rule in rules
                if rule.scope is not Scope.STACK and not rule.among and rule.applies_to(about.family, has_pod=key[1])
            )
        return self._by_kind[key]


def objects_of(document: Document, around: Surroundings) -> tuple[Object, ...]:
    """Return the objects of a document, always in the same order."""
    origin = Origin(file=document.file, document=document, around=around)
    return tuple(manifest_objects(document.value, origin, partial=document.partial))


def read_all(sources: list[Source], task: Task) -> list[Read]:
    """Return what every file holds, in their order."""
    size = sum(item.size for item in sources if item.path != STDIN)
    processes = min(_processors(), len(sources))
    if processes < 2 or size < _WORTH_BYTES or any(item.path == STDIN for item in sources):
        worker = Worker(task)
        with without_collections():
            return [item for chunk in _chunks(sources) for item in _judged(worker, chunk)]
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else None)
    with ProcessPoolExecutor(processes, mp_context=context, initializer=_start, initargs=(task,)) as pool:
        return [item for chunk in pool.map(_read_chunk, list(_chunks(sources))) for item in chunk]


@contextmanager
def without_collections() -> Iterator[None]:
    """Hold garbage collection back: what is read stays, and looking through it again and again takes half of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _chunks(sources: Iterable[Source]) -> Iterator[list[Source]]:
    chunk: list[Source] = []
    size = 0
    for source in sources:
        chunk.append(source)
        size += source.size
        if size >= _CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


_worker: Worker | None = None


def _start(task: Task) -> None:
    global _worker  # noqa: PLW0603  # of a process that does nothing else
    gc.disable()
    _worker = Worker(task)


def _read_chunk(sources: list[Source]) -> list[Read]:
    if _worker is None:
        raise RuntimeError("the process was not started")
    return _judged(_worker, sources)


def _judged(worker: Worker, sources: list[Source]) -> list[Read]:
    """Read files, and give back the memory that judging them took: what rules walk on refers to itself."""
    found = [worker.read(source) for source in sources]
    gc.collect(0)
    return found
