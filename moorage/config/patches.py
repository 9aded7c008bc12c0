"""``patches``: what Kubernetes knows and service.yaml does not, changed on a finished object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from moorage.base.errors import KeyPath, Problem
from moorage.config.fields import Model, Text

if TYPE_CHECKING:
    from collections.abc import Iterator

JsonPointer = Annotated[
    str,
    Text(
        pattern=r"(/([^~]|~[01])*)*",
        rule="a path of a JSON patch begins with /, and has ~1 for a / within a key",
        example="/spec/template/spec/hostAliases",
    ),
]
_WITH_VALUE = frozenset({"add", "replace", "test"})
_WITH_FROM = frozenset({"move", "copy"})


class PatchTarget(Model):
    """The object that is changed."""

    example = "{kind: Deployment}"

    kind: str = Field(min_length=1)
    """``Deployment``, ``Service``, …"""
    name: str | None = Field(default=None, min_length=1)
    """Default: every object of that kind, in service.yaml of that service alone."""

    def __str__(self) -> str:
        """Return the object as people name it: ``Deployment/backend``."""
        return f"{self.kind}/{self.name}" if self.name else self.kind


class JsonPatchOperation(Model):
    """One operation of a JSON patch (RFC 6902)."""

    example = "{op: add, path: /metadata/labels/team, value: harbour}"

    op: Literal["add", "remove", "replace", "move", "copy", "test"]
    """What is done."""
    path: JsonPointer
    """Where; ``-`` at its end stands for the end of a list."""
    value: Any = None
    """What is added, put there or expected."""
    from_: JsonPointer | None = Field(default=None, alias="from")
    """Where ``move`` and ``copy`` take it from."""

    def problems(self) -> Iterator[Problem]:
        """Yield a value or an origin that is missing."""
        if self.op in _WITH_VALUE and "value" not in self.model_fields_set:
            yield Problem(what=f"{self.op} has no value", why="it says what is put there", remedy="add value")
        if self.op in _WITH_FROM and self.from_ is None:
            yield Problem(what=f"{self.op} has no from", why="it says where the value comes from", remedy="add from")


class Patch(Model):
    """A change of one object, before the policies judge it: exactly one of ``merge`` and ``json``."""

    example = "{target: {kind: Deployment}, merge: {spec: {revisionHistoryLimit: 1}}}"

    target: PatchTarget
    """Which object."""
    merge: dict[str, Any] | None = None
    """A strategic merge patch: containers, volumes and such are found by their name; null removes a key."""
    json_: list[JsonPatchOperation] | None = Field(default=None, alias="json", min_length=1)
    """A JSON patch: operations, one after the other."""

    def problems(self) -> Iterator[Problem]:
        """Yield a patch of no form or of both, and one that would make another object of it."""
        if (self.merge is None) == (self.json_ is None):
            yield Problem(
                what="the patch has both merge and json" if self.merge is not None else "the patch changes nothing",
                why="a patch is either a strategic merge (merge) or a list of operations (json)",
                remedy="keep one of them" if self.merge is not None else "add merge or json",
                where=KeyPath.of("json") if self.merge is not None else None,
            )
        named = {**(self.merge or {}), **{f"metadata.{key}": 1 for key in _mapping((self.merge or {}).get("metadata"))}}
        for key in ("apiVersion", "kind", "metadata.name", "metadata.namespace"):
            if key in named:
                yield Problem(
                    what=f"the patch changes {key}",
                    why="that would be another object; target says which one is meant",
                    remedy="remove it from merge",
                    where=KeyPath.of("merge", *key.split(".")),
                )


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
