"""Pulumi's resources as objects: what the engine sends, decoded once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from .objects import IMAGE, IMAGE_CONFIG, INDEX, STATE, Object, Origin, list_items
from .tree import UNKNOWN, Node
from .unknowns import UNKNOWN_STRINGS

if TYPE_CHECKING:
    from collections.abc import Iterator

SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105  # the wire format's mark of a secret
_OWN_TYPES: Final = frozenset({IMAGE, INDEX, IMAGE_CONFIG, STATE})
COMPONENTS: Final = ("yaml", "kustomize", "helm.sh/v2", "helm.sh/v4")
"""Modules whose resources only hold others, which arrive on their own."""


def judged(resource_type: str) -> bool:
    """Tell whether resources of this type are objects that rules look at."""
    if resource_type in _OWN_TYPES:
        return True
    package, _, rest = resource_type.partition(":")
    return package == "kubernetes" and ":" in rest and not rest.startswith(COMPONENTS)


def resource_objects(resource_type: str, inputs: Any, origin: Origin) -> Iterator[Object]:
    """Yield the objects of one resource: one, or the items of a list kind; none for types that are not judged."""
    if not judged(resource_type):
        return
    if resource_type in _OWN_TYPES:
        yield Object(resource_type, resource_type.partition(":")[0], Node(inputs), origin=origin)
        return
    _, module, kind = resource_type.split(":", 2)
    version = module.removeprefix("core/")
    root = Node(inputs)
    if kind.endswith("Patch"):
        yield Object(kind.removesuffix("Patch"), version, root, partial=True, origin=origin)
    elif kind.endswith("List") and isinstance(inputs, Mapping) and "items" in inputs:
        yield from list_items(root["items"], kind.removesuffix("List"), version, origin)
    else:
        yield Object(kind, version, root, origin=origin)


def decode(properties: Any, *, keep_unknowns: bool = False) -> dict[str, Any]:
    """Return a protobuf Struct as plain values, secrets opened, with UNKNOWN in the place of what is not known yet.

    With ``keep_unknowns`` the strings stay that stand for unknown values in the protocol, as remedies expect them.
    """
    return {key: _plain(value, keep_unknowns) for key, value in properties.fields.items()}


def thaw(value: Any) -> Any:
    """Return the SDK's read-only view of a resource's inputs as plain values, with UNKNOWN where it would raise."""
    if isinstance(value, Mapping):
        return {key: _read(value, key) for key in value}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_read(value, index) for index in range(len(value))]
    return UNKNOWN if isinstance(value, str) and value in UNKNOWN_STRINGS else value


def _read(value: Any, key: Any) -> Any:
    from pulumi_policy.proxy import UnknownValueError  # whoever has such a view has loaded the SDK

    try:
        return thaw(value[key])
    except UnknownValueError:
        return UNKNOWN


def _plain(value: Any, keep_unknowns: bool) -> Any:  # called for every value
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        text = value.string_value
        return UNKNOWN if text in UNKNOWN_STRINGS and not keep_unknowns else text
    if kind == "struct_value":
        fields = value.struct_value.fields
        if SIGNATURE in fields and fields[SIGNATURE].string_value == SECRET:
            return _plain(fields["value"], keep_unknowns) if "value" in fields else None
        return {key: _plain(item, keep_unknowns) for key, item in fields.items()}
    if kind == "list_value":
        return [_plain(item, keep_unknowns) for item in value.list_value.values]
    if kind == "number_value":
        return value.number_value
    return value.bool_value if kind == "bool_value" else None
