"""YAML whose every key and value still knows its line and column.

Plain scalars mean what they mean in YAML 1.2, as in Pulumi and in editors: ``on``, ``yes`` and ``2026-11-24`` are text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import yaml
from yaml.reader import Reader

from moorage.base.errors import Location, MoorageError, Problem
from moorage.base.words import quoted_line
from moorage.config.yamlsyntax import PLAIN, TAGS, explain_syntax, yaml_loader

if TYPE_CHECKING:
    from pathlib import Path

Part = str | int
Trail = tuple[Part, ...]
"""The way from a document's root to a value: keys and list indexes."""

_SURROGATE = re.compile("[\ud800-\udfff]")
_NULL = re.compile(r"null|Null|NULL|~|")
_BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
_INT = re.compile(r"[-+]?[0-9]{1,300}|0o[0-7]{1,300}|0x[0-9a-fA-F]{1,300}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


@dataclass(frozen=True, kw_only=True)
class Document:
    """A YAML file: its ``data``, and the place of everything in it.

    ``lines`` are the file's own, for quoting; they are empty where the file may hold secrets.
    """

    path: Path
    data: Any
    root: yaml.Node
    lines: tuple[str, ...] = field(repr=False)

    def value_at(self, trail: Trail) -> Location:
        """Return the place of a value: where a scalar begins, and of a block of lines the key above it.

        Where the value does not exist, that of its nearest enclosing one.
        """
        node, key, found = self._walk(trail)
        block = isinstance(node, yaml.CollectionNode) and not node.flow_style
        return self._location(key if key is not None and (block or not found) else node)

    def key_at(self, trail: Trail) -> Location:
        """Return where the key (or list item) at the end of ``trail`` begins, or the nearest enclosing one."""
        node, key, _ = self._walk(trail)
        return self._location(node if key is None else key)

    def has(self, trail: Trail) -> bool:
        """Return whether there is a value at a trail."""
        return self._walk(trail)[2]

    def quote(self, where: Location) -> tuple[str, ...]:
        """Return the line of a place and a caret below its column, for showing; nothing where it has no line."""
        return quoted_line(self.lines, where)

    def _walk(self, trail: Trail) -> tuple[yaml.Node, yaml.Node | None, bool]:
        node, key = self.root, None
        for part in trail:
            step = _step(node, part)
            if step is None:
                return node, key, False
            key, node = step
        return node, key, True

    def _location(self, node: yaml.Node) -> Location:
        mark = node.start_mark
        return Location(file=str(self.path), line=mark.line + 1, column=mark.column + 1)


def read_yaml(path: Path, *, secret: bool = False) -> Document:
    """Read one file, of which a mapping is expected; ``secret`` keeps its lines out of every message.

    Raises `MoorageError` where it cannot be read, is not YAML, repeats a key, or is not a mapping.
    """
    return parse_yaml(_read_text(path), path, secret=secret)


def parse_yaml(text: str, path: Path, *, secret: bool = False) -> Document:
    """Do what `read_yaml` does with the text of ``path``."""
    lines = () if secret else tuple(text.splitlines())
    reader = _Composer(path, lines)
    try:
        root = reader.compose(text)
        data = reader.construct(root)
    except RecursionError:
        what, why = "lists or mappings are nested too deeply", "no setting has more than a few levels"
        where = Location(file=str(path))
        raise MoorageError(Problem(what=what, where=where, why=why, remedy="flatten them")) from None
    if not reader.problems and not isinstance(data, dict):
        reader.add(
            root.start_mark,
            what="the file is not a mapping",
            why="it consists of keys and values",
            remedy="write key: value",
        )
    if reader.problems:
        raise MoorageError(*reader.problems)
    return Document(path=path, data=data, root=root, lines=lines)


def _read_text(path: Path) -> str:
    try:
        raw = path.read_bytes()
        text = raw.decode("utf-8-sig")
    except OSError as error:
        raise MoorageError(
            Problem(
                what="the file cannot be read",
                where=Location(file=str(path)),
                why=error.strerror,
                remedy="check that it exists and that you may read it",
            )
        ) from None
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = error.start - raw.rfind(b"\n", 0, error.start)
        where = Location(file=str(path), line=line, column=column)
        what = f"the byte 0x{raw[error.start]:02x} is not UTF-8"
        raise MoorageError(Problem(what=what, where=where, why="YAML is UTF-8", remedy="save it as UTF-8")) from None
    return text


class _Composer:
    """Turns one file's text into nodes, and those into plain values, collecting what is wrong."""

    def __init__(self, path: Path, lines: tuple[str, ...]) -> None:
        self.path = path
        self.lines = lines
        self.problems: list[Problem] = []
        self._open: set[int] = set()
        self._done: dict[int, Any] = {}

    def add(self, mark: Any, *, what: str, why: str, remedy: str) -> None:
        """Take note of a problem at a mark of the parser."""
        where = Location(file=str(self.path), line=mark.line + 1, column=mark.column + 1)
        detail = quoted_line(self.lines, where)
        self.problems.append(Problem(what=what, where=where, why=why, remedy=remedy, detail=detail))

    def compose(self, text: str) -> yaml.Node:
        """Return the root node; raises `MoorageError` where the text is not YAML, or is empty."""
        bad = Reader.NON_PRINTABLE.search(text)
        if bad is not None:
            what, mark = f"the character U+{ord(bad[0]):04X} is not allowed in YAML", _mark_of(text, bad.start())
            self.add(
                mark,
                what=what,
                why="YAML allows only printable characters",
                remedy="remove it, or escape it in double quotes",
            )
            raise MoorageError(*self.problems)
        loader = yaml_loader(text)
        try:
            root: yaml.Node | None = loader.get_single_node()
        except yaml.MarkedYAMLError as error:
            where, problem = explain_syntax(error, str(self.path), text.splitlines())
            raise MoorageError(replace(problem, where=where, detail=quoted_line(self.lines, where))) from None
        finally:
            loader.dispose()
        if root is None:
            what, why = "the file is empty", "it consists of keys and values"
            where = Location(file=str(self.path))
            raise MoorageError(Problem(what=what, where=where, why=why, remedy="fill it, or remove it"))
        return root

    def construct(self, node: yaml.Node) -> Any:
        """Return the node's value; an aliased node is constructed once."""
        if id(node) in self._done:
            return self._done[id(node)]
        if id(node) in self._open:
            self.add(
                node.start_mark,
                what="an alias refers to its own value",
                why="a value that contains itself has no end",
                remedy="spell it out",
            )
            return None
        if node.tag not in TAGS:
            what = f"the tag {node.tag.replace('tag:yaml.org,2002:', '!!')} is not supported"
            why = "values are text, numbers, true, false, null, lists and mappings"
            self.add(node.start_mark, what=what, why=why, remedy="remove the tag")
        self._open.add(id(node))
        if isinstance(node, yaml.MappingNode):
            value: Any = self._mapping(node)
        elif isinstance(node, yaml.SequenceNode):
            value = [self.construct(item) for item in node.value]
        else:
            value = plain_value(node.value) if node.tag == PLAIN else self._text(node)
        self._open.discard(id(node))
        self._done[id(node)] = value
        return value

    def _text(self, node: yaml.Node) -> str:
        # libyaml refuses these by itself.
        if _SURROGATE.search(node.value):
            what, why = "invalid escape sequence", "half of a surrogate pair is not a character"
            self.add(node.start_mark, what=what, why=why, remedy="write the character itself")
        return str(node.value)

    def _mapping(self, node: yaml.MappingNode) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        lines: dict[str, int] = {}
        for key_node, value_node in node.value:
            key = self._key(key_node)
            if key is None:
                continue
            if key in mapping:
                what, why = f"the key {key} appears twice", f"it is already set in line {lines[key]}"
                self.add(key_node.start_mark, what=what, why=why, remedy="keep one of them")
            mapping[key] = self.construct(value_node)
            lines.setdefault(key, key_node.start_mark.line + 1)
        return mapping

    def _key(self, node: yaml.Node) -> str | None:
        if not isinstance(node, yaml.ScalarNode):
            self.add(
                node.start_mark, what="a key is a list or a mapping", why="keys are text", remedy="write key: value"
            )
            return None
        if node.tag == PLAIN and node.value == "<<":
            self.add(
                node.start_mark,
                what="<< merges another mapping",
                why="each key is written out",
                remedy="repeat the keys",
            )
            return None
        if node.tag == PLAIN and node.value == "":
            self.add(
                node.start_mark,
                what="a key is missing before the colon",
                why="keys are text",
                remedy="write key: value",
            )
            return None
        return self._text(node)


def plain_value(text: str) -> Any:
    """Return what an unquoted scalar means by YAML 1.2's core schema: null, a boolean, a number or text."""
    if _NULL.fullmatch(text):
        return None
    if _BOOL.fullmatch(text):
        return text.lower() == "true"
    if _INT.fullmatch(text):
        return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
    return float(text) if _FLOAT.fullmatch(text) else text


def _step(node: yaml.Node, part: Part) -> tuple[yaml.Node, yaml.Node] | None:
    """Return the key and the value that ``part`` leads to; an item of a list is its own key."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value == part:
                return key, value
    elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part], node.value[part]
    return None


@dataclass(frozen=True)
class _Mark:
    line: int
    column: int


def _mark_of(text: str, index: int) -> _Mark:
    return _Mark(text.count("\n", 0, index), index - (text.rfind("\n", 0, index) + 1))
