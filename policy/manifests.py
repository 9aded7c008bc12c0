"""Kubernetes manifests on disk: YAML or JSON, several documents a file, each value with its line."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from policy.examples import steps

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SUFFIXES: Final = frozenset({".yaml", ".yml", ".json"})
STDIN: Final = "-"
MOST_BYTES: Final = 20 * 1024 * 1024
MOST_VALUES: Final = 1_000_000
"""Values of one document, aliases written out: a few lines of aliases of aliases stand for billions."""
_WRONG_FOR_THEIR_TAG: Final = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What PyYAML raises for a value such as ``!!bool perhaps``."""


class _Loader(yaml.SafeLoader):
    """YAML as Kubernetes reads it: a date is text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@dataclass(frozen=True)
class Document:
    """One document of a file, with the YAML nodes that tell where each value stands."""

    file: str
    value: Any
    node: yaml.Node

    def line(self, path: str) -> int:
        """Return the line, from 1, of the field at ``path``, or of the nearest field around it that is there."""
        node = self.node
        for step in steps(path):
            below = _below(node, step)
            if below is None:
                break
            node = below
        return int(node.start_mark.line) + 1


@dataclass(frozen=True)
class Unreadable:
    """A file or a document that cannot be judged, and why; ``line`` counts from 1, 0 meaning the whole file."""

    file: str
    line: int
    why: str


def read_manifests(paths: Iterable[str | Path]) -> Iterator[Document | Unreadable]:
    """Yield the documents of files, of all YAML and JSON files in folders, and of standard input for ``-``.

    A document that is empty is left out; one that cannot be read is yielded as such, and reading goes on.
    """
    for given in paths:
        if str(given) == STDIN:
            yield from _documents(STDIN, sys.stdin.read())
            continue
        path = Path(given)
        if not path.is_dir():
            yield from _file(path)
            continue
        for file in sorted(path.rglob("*")):
            if file.suffix in SUFFIXES and file.is_file():
                yield from _file(file)


def _file(path: Path) -> Iterator[Document | Unreadable]:
    try:
        if path.stat().st_size > MOST_BYTES:
            yield Unreadable(str(path), 0, f"the file is larger than {MOST_BYTES // 1024**2} MiB")
            return
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeError) as error:
        yield Unreadable(str(path), 0, getattr(error, "strerror", None) or "the file is not UTF-8")
        return
    yield from _documents(str(path), text)


def _documents(file: str, text: str) -> Iterator[Document | Unreadable]:
    try:
        loader = _Loader(text)
        while loader.check_node() and (node := loader.get_node()) is not None:
            if not _small_enough(node):
                yield Unreadable(file, node.start_mark.line + 1, f"the document stands for over {MOST_VALUES} values")
                continue
            value = loader.construct_document(node)
            if value is not None:
                yield Document(file, value, node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        yield Unreadable(file, mark.line + 1 if mark else 0, str(error.problem or "the text is no YAML"))
    except yaml.YAMLError as error:
        yield Unreadable(file, 0, str(error).splitlines()[0])
    except RecursionError:
        yield Unreadable(file, 0, "the document is nested too deeply")
    except _WRONG_FOR_THEIR_TAG:
        yield Unreadable(file, 0, "a value is not what its tag says, or a key is no text")


def _small_enough(root: yaml.Node) -> bool:
    """Tell whether a document stays small once its aliases are written out; one that contains itself never does."""
    sizes: dict[int, int] = {}
    open_nodes: set[int] = set()

    def size(node: yaml.Node) -> int:
        key = id(node)
        if key in open_nodes:
            return MOST_VALUES + 1
        if key not in sizes:
            open_nodes.add(key)
            sizes[key] = 1 + sum(size(child) for child in _children(node))
            open_nodes.discard(key)
        return sizes[key]

    return size(root) <= MOST_VALUES


def _children(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield key
            yield value
    elif isinstance(node, yaml.SequenceNode):
        yield from node.value


def _below(node: yaml.Node, step: str | int) -> yaml.Node | None:
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == str(step)), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        found: yaml.Node = node.value[step]
        return found
    return None
