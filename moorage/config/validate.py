"""From a document to a model: every error with its place, its value, the rule and a remedy."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from moorage.base.errors import KeyPath, Problem
from moorage.base.words import listed, nearest
from moorage.config.explain import explain
from moorage.config.fields import Model
from moorage.config.modelkeys import example_of, key_below, key_docstrings, known_keys, model_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic_core import ErrorDetails

    from moorage.base.errors import Location
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
    inside: Trail = ()
    """What stands before the model's own keys among the keys that have the prefix."""
    over: Source | None = None
    """What is written there takes the place of what is written here: a stack's part of a service."""

    def below(self, trail: Trail) -> Source:
        """Return where the values of a model stand that is itself a value of this one."""
        return replace(self, inside=(*self.inside, *trail))

    def trail(self, trail: Trail) -> Trail:
        """Return the document's trail to one of the model's values."""
        trail = (*self.inside, *trail)
        if not trail:
            return self.within
        return (*self.within, f"{self.prefix}{trail[0]}" if self.prefix else trail[0], *trail[1:])

    def name(self, trail: Trail) -> str:
        """Return a value's name as people write it: ``livenessProbe.httpGet.path``, ``needs[1]``."""
        trail = (*self.inside, *trail)
        return f"{self.prefix}{KeyPath(trail)}" if trail else ""

    def has(self, trail: Trail) -> bool:
        """Return whether there is a value at a trail."""
        return self.document.has(self.trail(trail))

    def problem(self, trail: Trail, *, what: str, why: str, remedy: str, key: bool = False) -> Problem:
        """Return a problem at a value, or at its key."""
        return self.placed(Problem(what=what, where=KeyPath(trail), why=why, remedy=remedy), key=key)

    def placed(self, problem: Problem, below: Trail = (), *, key: bool = False) -> Problem:
        """Return a problem of the settings at or ``below`` a trail, its `KeyPath` turned into a place with its line."""
        trail = (*below, *(problem.where.parts if isinstance(problem.where, KeyPath) else ()))
        if self.over is not None and trail and self.over.has(trail):
            return self.over.placed(problem, below, key=key)
        find = self.document.key_at if key else self.document.value_at
        return self.at(find(self.trail(trail)), problem)

    def at(self, where: Location, problem: Problem) -> Problem:
        """Return a problem at a place of the document, with its line quoted."""
        return replace(problem, where=where, detail=self.document.quote(where))


def validated(model: type[ModelT], data: dict[str, Any], source: Source, problems: list[Problem]) -> ModelT | None:
    """Return ``data`` as a model; where it breaks rules add one problem for each and return None."""
    try:
        return model.model_validate(data, by_alias=True, by_name=False)
    except ValidationError as error:
        problems.extend(_problems(model, data, error.errors(include_url=False), source))
        return None


def _problems(
    model: type[BaseModel], data: dict[str, Any], errors: list[ErrorDetails], source: Source
) -> Iterator[Problem]:
    meant = set()
    for error in errors:
        if error["type"] == "extra_forbidden":
            problem, key = _unknown_key(model, error["loc"], source)
            meant.add((*error["loc"][:-1], key))
            yield source.placed(problem, key=True)
    for error in errors:
        trail = error["loc"]
        if error["type"] == "missing" and trail not in meant:
            yield _missing_key(model, trail, source, data)
        elif error["type"] == "invalid":
            for problem in error["ctx"]["problems"]:
                yield _invalid(problem, trail, source)
        elif error["type"] not in {"missing", "extra_forbidden"}:
            yield source.placed(explain(error, source.name(trail), model_at(model, trail)))


def _invalid(problem: Problem, trail: Trail, source: Source) -> Problem:
    of_key = trail[-1:] == (_OF_KEY,)
    if of_key:
        trail = trail[:-1]
    at = trail[:-1] if of_key else trail
    name = source.name(at) if at else ""
    named = replace(problem, what=f"{name}: {problem.what}") if name else problem
    return source.placed(named, trail, key=of_key)


def _unknown_key(model: type[BaseModel], trail: Trail, source: Source) -> tuple[Problem, str | None]:
    """Return what is wrong with a key that does not exist, and the key that was meant."""
    key = str(trail[-1])
    prefix = source.prefix if len(trail) == 1 and not source.inside else ""
    parent = model_at(model, trail[:-1])
    known = known_keys(parent) if parent else {}
    home = key_below(parent, key) if parent else None
    near = nearest(key, known) if home is None else None
    escape = getattr(model, "escape", "")
    guess = f"did you mean {prefix}{near}?" if near else f"remove it{f'; {escape}' if escape else ''}"
    problem = Problem(
        what=f"unknown key {source.name(trail)}",
        where=KeyPath(trail),
        why=f"known {f'after {prefix}' if prefix else 'here'} are {listed(known)}",
        remedy=f"move it below {prefix}{home}" if home is not None else guess,
    )
    return problem, near


def _missing_key(model: type[BaseModel], trail: Trail, source: Source, data: dict[str, Any]) -> Problem:
    parent = model_at(model, trail[:-1])
    inner = model_at(model, trail)
    key = str(trail[-1])
    said = key_docstrings(parent).get(key) if parent else None
    example = model.example_for(key, data) if len(trail) == 1 and issubclass(model, Model) else None
    if example is None:
        example = example_of(parent, key) if parent else ""
    description = said or (inner.__doc__ if inner else None) or "it has no default"
    return source.problem(
        trail[:-1],
        what=f"the key {source.name(trail)} is missing",
        why=" ".join(description.replace("``", "").split()).rstrip("."),
        remedy=f"add {source.prefix if len(trail) == 1 and not source.inside else ''}{key}"
        + (f": {example}" if example else ""),
    )
