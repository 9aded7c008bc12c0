"""Reading what a user wrote: a value of any shape, of which parts may not be known yet.

A rule never touches raw values. It walks a ``Node``, which tells *absent* from *unknown* from *of the wrong shape*:
absent reads as None, the other two raise, and whoever runs the rule turns them into "not judged" and into a violation.
A rule therefore cannot mistake an unknown value for a missing one, nor die of a list where an object belongs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_SHOWN_CHARACTERS: Final = 80
_SPECIAL: Final = frozenset("./[]")
_KINDS: Final[tuple[tuple[Any, str], ...]] = (
    (type(None), "null"),
    (bool, "a boolean"),
    (int | float, "a number"),
    (str, "a string"),
    (Mapping, "an object"),
    (list | tuple, "a list"),
)


class Unknown:
    """The type of ``UNKNOWN``."""

    def __repr__(self) -> str:
        return "UNKNOWN"

    def __deepcopy__(self, memo: object) -> Unknown:
        """Return itself: there is one unknown value, compared by identity."""
        return self


UNKNOWN: Final = Unknown()
"""Stands for a value that a preview cannot know yet."""


@dataclass(frozen=True, slots=True)
class Misshapen:
    """In the place of a value of the wrong type, so that reading it raises the same ShapeError to each rule."""

    expected: str
    found: str


class UnknownError(Exception):
    """A rule needs a value that is not known yet."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


class ShapeError(Exception):
    """A value is not of the type that its field has; ``expected`` and ``found`` are named as in JSON."""

    def __init__(self, path: str, expected: str, found: str) -> None:
        super().__init__(f"{path} must be {expected}, is {found}")
        self.path = path
        self.expected = expected
        self.found = found


@dataclass(frozen=True, slots=True)
class Remark:
    """What a rule has to say of one field: the path, what it holds (None where that must not be shown), what it must hold."""

    path: str
    seen: str | None
    must: str
    absent: bool = False


class Node:
    """A value and the path that leads to it; ``value`` is None where there is nothing.

    What is below is made once and kept, since every rule walks the same ways, and a path is only put together when
    somebody asks for it: rules read hundreds of fields for each one that they remark on.
    """

    __slots__ = ("_children", "_items", "_key", "_parent", "_path", "value")

    def __init__(self, value: Any, path: str = "") -> None:
        self.value = value
        self._path: str | None = path
        self._parent: Node | None = None
        self._key: str | int = ""
        self._children: dict[str, Node] = {}
        self._items: tuple[Node, ...] | None = None

    def __repr__(self) -> str:
        return f"Node({self.value!r}, {self.path!r})"

    @property
    def path(self) -> str:
        """The way from the object to this value, such as ``spec.ports[0].name``."""
        if self._path is None:
            above = self._parent.path if self._parent is not None else ""
            self._path = f"{above}[{self._key}]" if type(self._key) is int else _joined(above, str(self._key))
        return self._path

    def __getitem__(self, key: str) -> Node:
        """Return the field ``key``; raises UnknownError or ShapeError where this value is not a mapping."""
        found = self._children.get(key)
        if found is None:
            if type(self.value) is dict:
                found = self._below(self.value.get(key), key)
            else:
                value = self._object()
                found = self._below(None if value is None else _child(value, key), key)
            self._children[key] = found
        return found

    def _below(self, value: Any, key: str | int) -> Node:
        node = Node(value)
        node._path, node._parent, node._key = None, self, key  # its own kind
        return node

    def at(self, *keys: str) -> Node:
        """Return the field that ``keys`` lead to, one level each."""
        node = self
        for key in keys:
            node = node[key]
        return node

    def elements(self) -> tuple[Node, ...]:
        """Return a list's items, none where it is absent; raises UnknownError or ShapeError."""
        if self._items is None:
            value = self._known()
            if value is None:
                self._items = ()
            elif isinstance(value, str | bytes | Mapping) or not isinstance(value, Sequence):
                raise ShapeError(self.path, "a list", _kind_of(value))
            else:
                self._items = tuple(self._below(_child(value, index), index) for index in range(len(value)))
        return self._items

    def fields(self) -> tuple[tuple[str, Node], ...]:
        """Return an object's fields by name, none where it is absent; raises UnknownError or ShapeError."""
        value = self._object()
        if not value:
            return ()
        return tuple(
            (key, self[key]) if type(key) is str else (str(key), self._below(_child(value, key), str(key)))
            for key in value
        )

    @property
    def unknown(self) -> bool:
        """Whether the value is not known yet."""
        return self.value is UNKNOWN

    @property
    def present(self) -> bool:
        """Whether there is a value, an empty one included; raises UnknownError."""
        return self._known() is not None

    def boolean(self) -> bool | None:
        """Return true, false or None for nothing; raises UnknownError or ShapeError."""
        value = self._known()
        if value is None or isinstance(value, bool):
            return value
        raise ShapeError(self.path, "true or false", _kind_of(value))

    def text(self) -> str | None:
        """Return a string or None for nothing; raises UnknownError or ShapeError."""
        value = self._known()
        if value is None or isinstance(value, str):
            return value
        raise ShapeError(self.path, "a string", _kind_of(value))

    def number(self) -> float | None:
        """Return a number (Pulumi sends each as a float) or None; raises UnknownError or ShapeError."""
        value = self._known()
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ShapeError(self.path, "a number", _kind_of(value))
        return value

    def integer(self) -> int | None:
        """Return a whole number or None; raises UnknownError or ShapeError, for a fraction as well."""
        value = self.number()
        if value is None:
            return None
        if value != value or value in {float("inf"), float("-inf")} or value != int(value):  # noqa: PLR0124  # NaN
            raise ShapeError(self.path, "a whole number", _kind_of(value))
        return int(value)

    def scalar(self) -> str | float | bool | None:
        """Return a string, number or boolean (a port, a quantity); raises UnknownError or ShapeError."""
        value = self._known()
        if value is None or isinstance(value, str | int | float):
            return value
        raise ShapeError(self.path, "a string or a number", _kind_of(value))

    def remark(self, must: str, *, hide: bool = False) -> Remark:
        """Return a remark on this field: "must …"; ``hide`` keeps a value out of it that may be secret."""
        absent = self.value is None
        return Remark(self.path, None if hide else _shown(self.value), must, absent)

    def _known(self) -> Any:
        if self.value is UNKNOWN:
            raise UnknownError(self.path)
        if isinstance(self.value, Misshapen):
            raise ShapeError(self.path, self.value.expected, self.value.found)
        return self.value

    def _object(self) -> Mapping[str, Any] | None:
        value = self._known()
        if value is None or isinstance(value, Mapping):
            return value
        raise ShapeError(self.path, "an object", _kind_of(value))


def walk(node: Node) -> Iterator[Node]:
    """Yield ``node`` and everything inside it, unknown and odd values included, without raising."""
    pending = [node]
    while pending:
        here = pending.pop()
        yield here
        if isinstance(here.value, Mapping):
            pending += [child for _, child in here.fields()]
        elif isinstance(here.value, list | tuple):
            pending += here.elements()


def _child(value: Any, key: Any) -> Any:
    try:
        return value[key]
    except (KeyError, IndexError):
        return None


def _joined(path: str, key: str) -> str:
    if not _SPECIAL.isdisjoint(key):
        return f"{path}[{json.dumps(key)}]"
    return f"{path}.{key}" if path else key


def _kind_of(value: Any) -> str:
    """Name a value's type without showing the value."""
    for kinds, name in _KINDS:
        if isinstance(value, kinds):
            return name
    return "something that JSON does not have"


def _shown(value: Any) -> str:
    if value is None:
        return "absent"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool | int | float | str):
        text = json.dumps(value, ensure_ascii=False)
        return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"
    return _kind_of(value)
