"""Kubernetes manifests: YAML or JSON, several documents a file, each value with its line, and what is none of them."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from .examples import steps
from .kinds import read_by_clients
from .sources import STDIN, Source, helm_template
from .yaml_values import Reader, too_deep

if TYPE_CHECKING:
    from array import array
    from collections.abc import Iterator

MOST_BYTES: Final = 20 * 1024 * 1024
RENDER_FIRST: Final = "a Helm template: render it first (`helm template … | moorage policy check -`)"
_TEMPLATE: Final = "{{"
_HELM: Final = re.compile(r"\{\{-?[^}\n]*(?:\.(?:Values|Release|Chart|Capabilities|Template|Files)\b|\binclude \")")
"""What only Helm fills in."""
_NO_OBJECT: Final = "no Kubernetes object"


@dataclass(frozen=True, eq=False)
class Document:
    """One document of a file: its value, and the line of each value in it.

    ``lines`` count from 0, in the order in which a walk meets the values, parents first. ``partial`` marks a patch of
    kustomize's, of which a missing field says nothing.
    """

    file: str
    value: Any
    lines: array[int]
    partial: bool = False

    def __reduce__(self) -> tuple[type[Document], tuple[object, ...]]:
        """Hand on to another process what was read, without what follows from it."""
        return Document, (self.file, self.value, self.lines, self.partial)

    def line(self, path: str) -> int:
        """Return the line, from 1, of the field at ``path``, or of the nearest field around it that is there."""
        here = self._places
        for step in steps(path):
            below = here[1].get(step) or here[1].get(str(step))
            if below is None:
                break
            here = below
        return int(here[0]) + 1

    @cached_property
    def _places(self) -> tuple[int, dict[Any, Any]]:
        """Return the line of the document with, by key or index, the same of every value in it."""
        lines = iter(self.lines)

        def place(value: Any) -> tuple[int, dict[Any, Any]]:
            line = next(lines)
            if isinstance(value, dict):
                return line, {key: place(item) for key, item in value.items()}
            if isinstance(value, list):
                return line, {index: place(item) for index, item in enumerate(value)}
            return line, {}

        return place(self.value)


@dataclass(frozen=True)
class Unreadable:
    """A file or a document that cannot be judged, and why; ``line`` counts from 1, 0 meaning the whole file."""

    file: str
    line: int
    why: str


@dataclass(frozen=True)
class Skipped(Unreadable):
    """A file or a document that there is nothing in to be judged, and why."""


Found = Document | Unreadable


def read_source(source: Source) -> Iterator[Found]:
    """Yield the documents of a file, or of standard input.

    A document that is empty is left out. One that cannot be read is yielded as such, and reading goes on where it can;
    one that is not a Kubernetes object is yielded as skipped.
    """
    if source.path == STDIN:
        yield from _documents(source, sys.stdin.read())
        return
    try:
        if Path(source.path).stat().st_size > MOST_BYTES:
            yield Unreadable(source.shown, 0, f"the file is larger than {MOST_BYTES // 1024**2} MiB")
            return
        text = Path(source.path).read_bytes().decode("utf-8-sig")
    except (OSError, ValueError) as error:
        yield Unreadable(source.shown, 0, getattr(error, "strerror", None) or "the file is not UTF-8")
        return
    if _TEMPLATE in text and helm_template(source.path):
        yield (Unreadable if source.named else Skipped)(source.shown, 0, RENDER_FIRST)
        return
    yield from _documents(source, text)


def _documents(source: Source, text: str) -> Iterator[Found]:
    try:
        if line := too_deep(text):
            yield Unreadable(source.shown, line, "the document is nested too deeply")
            return
        for value, lines, problems, first in Reader(text).documents():
            if not lines:  # the document stands for nothing
                yield from (_unreadable(source, text, problem.line, problem.why) for problem in problems)
                continue
            document = Document(source.shown, value, lines, source.patch)
            other = _no_object(document, first)
            if not isinstance(other, Skipped):
                yield from (Unreadable(source.shown, problem.line, problem.why) for problem in problems)
            if other is not None:
                yield other
            elif value is not None:
                yield document
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        why = str(error.problem or "invalid YAML")
        yield _unreadable(source, text, mark.line + 1 if mark else 0, why)
    except yaml.YAMLError as error:
        yield _unreadable(source, text, 0, str(error).splitlines()[0])
    except (RecursionError, MemoryError):
        yield Unreadable(source.shown, 0, "the document is nested too deeply")


def _unreadable(source: Source, text: str, line: int, why: str) -> Unreadable:
    """Tell what a text is that YAML cannot read: a template, something that has nothing to do with Kubernetes, or a mistake."""
    if _HELM.search(text):
        return (Unreadable if source.named else Skipped)(source.shown, 0, RENDER_FIRST)
    if _TEMPLATE in text:
        return Unreadable(source.shown, line, f"it looks like a template, to be rendered first ({why})")
    if not source.named and "apiVersion" not in text:
        return Skipped(source.shown, line, _NO_OBJECT)
    return Unreadable(source.shown, line, why)


def _no_object(document: Document, line: int) -> Unreadable | None:
    """Return why a document is not a Kubernetes object, None for one that is."""
    file, value = document.file, document.value
    if value is None:
        return None
    if not isinstance(value, Mapping):
        return Skipped(file, line, _NO_OBJECT)
    kind, version, metadata = value.get("kind"), value.get("apiVersion"), value.get("metadata")
    if isinstance(version, str) and isinstance(kind, str) and read_by_clients(version, kind):
        return Skipped(file, line, f"configuration of a client, not of the cluster: {kind}")
    if isinstance(kind, str) and kind:
        return None if version or metadata or "items" in value else Skipped(file, line, _NO_OBJECT)
    if (
        document.partial
        or not isinstance(metadata, Mapping)
        or not {"name", "generateName", "namespace"} & set(metadata)
    ):
        return Skipped(file, line, _NO_OBJECT)
    return Unreadable(file, line, "not a Kubernetes object: kind is missing")
