"""From a document to a model: every error with its place, its value, the rule and a remedy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from moorage.base.errors import Problem
from moorage.base.words import listed, nearest
from moorage.config.docstrings import key_docstrings
from moorage.config.explain import explain
from moorage.config.shape import key_below, known_keys, model_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic_core import ErrorDetails

    from moorage.base.errors import Location
    from moorage.config.base import Broken
    from moorage.config.yamlfile import Document, Trail

ModelT = TypeVar("ModelT", bound=BaseModel)

_OF_KEY = "[key]"
"""What pydantic appends to the trail of a dict's key."""


@dataclass(frozen=True)
class Source:
    """Where a model's values stand: a document, and what stands before the model's own keys in it.

    In a stack's file the key ``ingress`` is found at ``config`` → ``moorage:ingress``.
    """

    document: Document
    within: Trail = ()
    prefix: str = ""

    def trail(self, trail: Trail) -> Trail:
        """Return the document's trail to one of the model's values."""
        if not trail:
            return self.within
        return (*self.within, f"{self.prefix}{trail[0]}" if self.prefix else trail[0], *trail[1:])

    def name(self, trail: Trail) -> str:
        """Return a value's name as people write it: ``livenessProbe.httpGet.path``, ``needs[1]``."""
        name = ""
        for part in trail:
            name += f"[{part}]" if isinstance(part, int) else f".{part}" if name else f"{self.prefix}{part}"
        return name

    def problem(self, trail: Trail, *, what: str, why: str, remedy: str, key: bool = False) -> Problem:
        """Return a problem at a value, or at its key."""
        place = self.document.key_at if key else self.document.value_at
        return self.at(place(self.trail(trail)), what=what, why=why, remedy=remedy)

    def broken(self, broken: Broken, trail: Trail = ()) -> Problem:
        """Return a rule that is broken at or below the value of ``trail``."""
        return self.problem((*trail, *broken.at), what=broken.what, why=broken.rule, remedy=broken.remedy)

    def at(self, where: Location, *, what: str, why: str, remedy: str) -> Problem:
        """Return a problem at a place of the document, with its line quoted."""
        return Problem(what=what, where=where, why=why, remedy=remedy, detail=self.document.quote(where))


def validated(model: type[ModelT], data: dict[str, Any], source: Source, problems: list[Problem]) -> ModelT | None:
    """Return ``data`` as a model; where it breaks rules add one problem for each and return None."""
    try:
        return model.model_validate(data, by_alias=True, by_name=False)
    except ValidationError as error:
        problems.extend(_problems(model, error.errors(include_url=False), source))
        return None


def _problems(model: type[BaseModel], errors: list[ErrorDetails], source: Source) -> Iterator[Problem]:
    meant = set()
    for error in errors:
        if error["type"] == "extra_forbidden":
            unknown = _unknown_key(model, error["loc"], source)
            meant.add((*error["loc"][:-1], unknown.meant))
            yield source.problem(
                error["loc"],
                what=f"unknown key {source.name(error['loc'])}",
                why=unknown.why,
                remedy=unknown.remedy,
                key=True,
            )
    for error in errors:
        trail = error["loc"]
        if error["type"] == "missing" and trail not in meant:
            yield _missing_key(model, trail, source)
        elif error["type"] == "broken_rules":
            for broken in error["ctx"]["broken"]:
                yield _broken_rule(broken, trail, source)
        elif error["type"] not in {"missing", "extra_forbidden"}:
            what, why, remedy = explain(error, source.name(trail), model_at(model, trail))
            yield source.problem(trail, what=what, why=why, remedy=remedy)


def _broken_rule(broken: Broken, trail: Trail, source: Source) -> Problem:
    of_key = trail[-1:] == (_OF_KEY,)
    if of_key:
        trail = trail[:-1]
    name = source.name(trail[:-1] if of_key else trail)
    what = f"{name}: {broken.what}" if name else broken.what
    return source.problem((*trail, *broken.at), what=what, why=broken.rule, remedy=broken.remedy, key=of_key)


@dataclass(frozen=True)
class _Unknown:
    meant: str | None
    why: str
    remedy: str


def _unknown_key(model: type[BaseModel], trail: Trail, source: Source) -> _Unknown:
    key = str(trail[-1])
    prefix = source.prefix if len(trail) == 1 else ""
    parent = model_at(model, trail[:-1])
    known = known_keys(parent) if parent else {}
    why = f"known {f'after {prefix}' if prefix else 'here'} are {listed(known)}"
    home = key_below(parent, key) if parent else None
    if home is not None:
        return _Unknown(None, why, f"move it below {prefix}{home}")
    near = nearest(key, known)
    return _Unknown(near, why, f"did you mean {prefix}{near}?" if near else "remove it")


def _missing_key(model: type[BaseModel], trail: Trail, source: Source) -> Problem:
    parent = model_at(model, trail[:-1])
    inner = model_at(model, trail)
    said = key_docstrings(parent).get(str(trail[-1])) if parent else None
    description = said or (inner.__doc__ if inner else None) or "it has no default"
    return source.problem(
        trail[:-1],
        what=f"the key {source.name(trail)} is missing",
        why=" ".join(description.replace("``", "").split()).rstrip("."),
        remedy=f"add {source.prefix if len(trail) == 1 else ''}{trail[-1]}{_hint(inner)}",
    )


def _hint(inner: type[BaseModel] | None) -> str:
    return f" with {listed(known_keys(inner))}" if inner else ""
