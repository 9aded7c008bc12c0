"""YAML as kubectl reads it, from libyaml's parser, with the line of every value.

kubectl turns YAML into JSON with Go's YAML 1.1: ``=`` and dates are text, ``yes``, ``on`` and ``y`` are booleans, ``0644`` and
``0o644`` are octal, ``1e3`` is a number and ``22:22`` is not; keys become strings. PyYAML's own resolver differs in all of these.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from array import array
from typing import TYPE_CHECKING, Any, Final

import yaml
from yaml.cyaml import CParser  # type: ignore[attr-defined]

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_VALUES: Final = 1_000_000
"""Values of one document, aliases written out: a few lines of aliases of aliases stand for billions."""
MOST_LEVELS: Final = 400
"""Of nesting: no object of Kubernetes comes near it, and Python stops at a thousand."""
_LONG: Final = "tag:yaml.org,2002:"
_PLAIN: Final = "plain"
_TEXT: Final = "text"
_MERGE: Final = "<<"
_WORDS: Final[dict[str, bool | float | None]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}
_NUMERIC: Final = frozenset("0123456789+-.")
_INTEGER: Final = re.compile(r"([+-]?)(?:0[xX]([0-9a-fA-F]+)|0[oO]?([0-7]+)|0[bB]([01]+)|(0|[1-9][0-9]*))")
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_DATE: Final = re.compile(
    r"\d{4}-\d{1,2}-\d{1,2}(?:[Tt]\d{1,2}:\d{1,2}:\d{1,2}(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)| \d{1,2}:\d{1,2}:\d{1,2}(?:\.\d+)?)?"
)
_INDENTED: Final = re.compile(rf"^[ \-?:]{{{MOST_LEVELS}}}", re.MULTILINE)
_BRACKETS: Final = re.compile(r"[\[\]{}]")
_BASES: Final = (16, 8, 2, 10)
_MOST_BITS: Final = 64


class ReadError(Exception):
    """A document that stands for nothing; ``line`` counts from 1."""

    def __init__(self, why: str, line: int) -> None:
        super().__init__(why)
        self.why = why
        self.line = line


def too_deep(text: str) -> int:
    """Return the line, from 1, where a text is nested deeper than any manifest is, 0 where it is not.

    libyaml composes documents by recursion, in C: a few kilobytes of brackets would end the process.
    """
    if not _may_be_deep(text):
        return 0
    parser, level = _Loader(text), 0
    while parser.check_event():
        event = parser.get_event()
        if isinstance(event, yaml.CollectionStartEvent):
            level += 1
            if level > MOST_LEVELS:
                return event.start_mark.line + 1 if event.start_mark else 1
        elif isinstance(event, yaml.CollectionEndEvent):
            level -= 1
    return 0


def _may_be_deep(text: str) -> bool:
    """Tell, quickly, whether a text has so many open brackets, dashes or columns that it might be."""
    if _INDENTED.search(text):
        return True
    if text.count("[") + text.count("{") <= MOST_LEVELS:
        return False
    level = 0
    for bracket in _BRACKETS.findall(text):
        level += 1 if bracket in "[{" else -1
        if level > MOST_LEVELS:
            return True
    return False


class _Loader(CParser):
    """libyaml's parser; what a scalar is, is decided below, not by PyYAML's resolver."""

    def resolve(self, kind: type[yaml.Node], value: str, implicit: Any) -> str:  # noqa: ARG002
        """Mark a scalar without tag and quotes; nothing else needs to be told apart here."""
        return _PLAIN if kind is yaml.ScalarNode and implicit[0] else _TEXT

    def descend_resolver(self, node: Any, index: Any) -> None:
        """Do nothing: no path decides about a tag."""

    def ascend_resolver(self) -> None:
        """Do nothing."""


class Reader:
    """Reads the documents of one text one by one."""

    def __init__(self, text: str) -> None:
        """Raise yaml.YAMLError where the text has characters that YAML does not allow."""
        self._loader = _Loader(text)

    def documents(self) -> Iterator[tuple[Any, array[int], list[ReadError], int]]:
        """Yield each document's value, the lines of its values, its repeated keys and its first line (from 1).

        Lines count from 0 and stand in the order in which a walk meets the values, parents first. A document that stands
        for too many values, or for none, comes as None with the error. Raises yaml.YAMLError, after which nothing follows.
        """
        while self._loader.check_node():
            node = self._loader.get_node()
            if node is None:
                return
            first = node.start_mark.line + 1
            conversion = _Conversion()
            try:
                value = conversion.value(node, 0)
            except ReadError as error:
                yield None, array("I"), [error], first
                continue
            yield value, conversion.lines, conversion.repeated, first


class _Conversion:
    """Turns the nodes of one document into plain values."""

    def __init__(self) -> None:
        self.lines: array[int] = array("I")
        self.repeated: list[ReadError] = []

    def value(self, node: yaml.Node, level: int) -> Any:
        """Return what a node stands for; raises ReadError."""
        line = node.start_mark.line
        self.lines.append(line)
        if type(node) is yaml.ScalarNode:
            tag = node.tag
            if tag is _TEXT:
                return node.value
            return plain(node.value) if tag is _PLAIN else _tagged(node)
        if len(self.lines) > MOST_VALUES:
            raise ReadError(f"the document stands for over {MOST_VALUES} values", line + 1)
        if level > MOST_LEVELS:
            raise ReadError("the document is nested too deeply, or contains itself", line + 1)
        if node.tag.startswith(f"{_LONG}python/"):
            raise ReadError(f"could not determine a constructor for the tag {node.tag!r}", line + 1)
        if not isinstance(node, yaml.MappingNode):
            return [self.value(item, level + 1) for item in node.value]
        return {key: self.value(item, level + 1) for key, item in self._fields(node, level).items()}

    def _fields(self, node: yaml.MappingNode, level: int) -> dict[str, yaml.Node]:
        """Return a mapping's nodes by key, the last of each, with what is merged into it."""
        fields: dict[str, yaml.Node] = {}
        merged: list[yaml.Node] = []
        first: dict[str, int] = {}
        for key_node, item in node.value:
            key = self._key(key_node)
            if key == _MERGE and key_node.tag is _PLAIN:
                merged += item.value if type(item) is yaml.SequenceNode else [item]
                continue
            if key in fields:
                where = key_node.start_mark.line + 1
                self.repeated.append(ReadError(f"the key {key!r} is there twice, first in line {first[key]}", where))
            else:
                first[key] = key_node.start_mark.line + 1
            fields[key] = item
        if not merged:
            return fields
        if level > MOST_LEVELS:
            raise ReadError("the document is nested too deeply, or contains itself", node.start_mark.line + 1)
        below: dict[str, yaml.Node] = {}
        for item in merged:
            if type(item) is not yaml.MappingNode:
                raise ReadError("only an object can be merged with <<", item.start_mark.line + 1)
            for key, value in self._fields(item, level + 1).items():
                below.setdefault(key, value)
        return {**below, **fields}

    def _key(self, node: yaml.Node) -> str:
        if type(node) is not yaml.ScalarNode:
            raise ReadError("found an unhashable key: a key must be text", node.start_mark.line + 1)
        if node.tag is _TEXT or node.value == _MERGE:
            return str(node.value)
        key = plain(node.value) if node.tag is _PLAIN else _tagged(node)
        if key is None:
            raise ReadError("a key is empty or null: a key must be text", node.start_mark.line + 1)
        if isinstance(key, bool):
            return "true" if key else "false"
        return key if isinstance(key, str) else f"{key:g}" if isinstance(key, float) else str(key)


def plain(text: str) -> Any:
    """Return what kubectl takes a scalar without quotes for."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMERIC:
        return text
    digits = text.replace("_", "") if text[0] != "." else text
    whole = _INTEGER.fullmatch(digits)
    if whole:
        sign, *forms = whole.groups()
        number = next(int(form, base) for form, base in zip(forms, _BASES, strict=True) if form is not None)
        if number.bit_length() < _MOST_BITS or (number.bit_length() == _MOST_BITS and not sign):
            return -number if sign == "-" else number
    if _FLOAT.fullmatch(digits):
        return float(digits)
    return text


def _tagged(node: yaml.ScalarNode) -> Any:
    """Return the value of a scalar whose tag is written out; raises ReadError where it is none of that tag."""
    tag, text = node.tag.removeprefix(_LONG), node.value
    if tag.startswith("python/"):
        raise ReadError(f"could not determine a constructor for the tag {node.tag!r}", node.start_mark.line + 1)
    value = plain(text)
    if tag == "binary":
        try:
            return base64.b64decode(text, validate=False).decode("utf-8", "replace")
        except (binascii.Error, ValueError):
            raise ReadError("a value is not what its tag says", node.start_mark.line + 1) from None
    kinds: dict[str, tuple[type, ...]] = {"int": (int,), "bool": (bool,), "float": (int, float), "null": (type(None),)}
    if tag == "timestamp" and _DATE.fullmatch(text):
        return text
    if tag not in {*kinds, "timestamp"}:
        return text
    held = tag in kinds and isinstance(value, kinds[tag]) and not (tag in {"int", "float"} and isinstance(value, bool))
    if not held:
        raise ReadError(f"a value is not what its tag says: {tag}", node.start_mark.line + 1)
    return float(value) if tag == "float" else value
