"""Pydantic's error types in plain words."""

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING, Any

from moorage.base.errors import KeyPath, Problem
from moorage.base.words import did_you_mean, listed
from moorage.config.modelkeys import known_keys
from moorage.config.yamlfile import plain_value

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import BaseModel
    from pydantic_core import ErrorDetails

_LONGEST = 60
"""Characters of a value that are shown."""
_PAIRS = 3
"""Entries of a list that are shown as a mapping."""
_PLAIN_WORD = re.compile(r"[\w./-]+(:[\w./-]+)*")
"""What needs no quotes in YAML, also within braces."""


def explain(error: ErrorDetails, name: str, expected: type[BaseModel] | None) -> Problem:
    """Return what is wrong with the value called ``name``; ``expected`` is its model, if any."""
    kind, context, value = error["type"], error.get("ctx", {}), error["input"]
    what, why = f"{name} is {shown(value)}", _rule(kind, context)
    find_remedy = _REMEDIES.get(kind)
    remedy = find_remedy(value, context) if find_remedy else "correct the value"
    if value is None:
        what, remedy = f"{name} has no value", "give it one, or remove the key for its default"
    elif kind in {"model_type", "dict_type"}:
        keys = f"a mapping with the keys {listed(known_keys(expected))}" if expected else "a mapping of names to values"
        why, remedy = f"{name} is {keys}", _mapping(value, str(error["loc"][-1]), expected)
    return Problem(what=what, where=KeyPath(error["loc"]), why=why, remedy=remedy)


def _mapping(value: Any, key: str, expected: type[BaseModel] | None) -> str:
    """Return how what was given instead of a mapping is written as one."""
    if expected is not None:
        example = getattr(expected, "example", "")
        return f"write for example {key}: {example}" if example else "indent its keys below it"
    items = value if isinstance(value, list) else [value]
    pairs = [pair for pair in map(_pair, items[:_PAIRS]) if pair]
    if not pairs:
        return "write each as NAME: value, indented below it"
    more = ", …" if len(items) > len(pairs) else ""
    return f"write a mapping instead of a list: {key}: {{{', '.join(pairs)}{more}}}"


def _pair(item: Any) -> str | None:
    """Return as ``NAME: value`` what Kubernetes (a name and a value) or Compose (``NAME=value``) has in a list."""
    if isinstance(item, dict) and isinstance(item.get("name"), str):
        rest = {key: value for key, value in item.items() if key != "name"}
        (other,) = rest.values() if len(rest) == 1 else (None,)
        return f"{item['name']}: {_scalar(other)}"
    if isinstance(item, dict) and len(item) == 1:
        (name, value) = next(iter(item.items()))
        return f"{name}: {_scalar(value)}"
    name, equals, value = item.partition("=") if isinstance(item, str) else ("", "", "")
    return f"{name}: {_scalar(value)}" if equals and name else None


def _scalar(value: Any) -> str:
    if (
        isinstance(value, str)
        and len(value) <= _LONGEST
        and _PLAIN_WORD.fullmatch(value)
        and plain_value(value) == value
    ):
        return value
    return shown(value) if isinstance(value, str | int | float) else "…"


def shown(value: Any) -> str:
    """Return a value as YAML would have it on one line, with its kind where that may surprise."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    if isinstance(value, str):
        return f'"{value[:_LONGEST]}…"' if len(value) > _LONGEST else f'"{value}"'
    return json.dumps(value)


def _rule(kind: str, context: dict[str, Any]) -> str:
    rule = _RULES.get(kind, "wrong type of value")
    return rule(context) if callable(rule) else rule


_RULES: dict[str, str | Callable[[dict[str, Any]], str]] = {
    "string_type": "text is expected",
    "int_type": "a whole number is expected",
    "float_type": "a number is expected",
    "bool_type": "true or false is expected",
    "list_type": "a list is expected",
    "model_type": "a mapping is expected",
    "dict_type": "a mapping is expected",
    "literal_error": lambda context: f"allowed: {context['expected'].replace(chr(39), '')}",
    "too_short": lambda context: f"at least {_count(context['min_length'], 'item')} expected",
    "string_too_short": lambda context: f"at least {_count(context['min_length'], 'character')} expected",
    "greater_than": lambda context: f"it is above {context['gt']:g}",
    "greater_than_equal": lambda context: f"it is at least {context['ge']:g}",
    "less_than_equal": lambda context: f"it is at most {context['le']:.10g}",
}


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'} {'is' if number == 1 else 'are'}"


def _text(value: Any, _context: dict[str, Any]) -> str:
    if isinstance(value, list | dict):
        return "write one piece of text"
    return f'put it in quotes: "{shown(value)}"'


def _integer(value: Any, _context: dict[str, Any]) -> str:
    if isinstance(value, str) and value.lstrip("-").isdigit():
        return f"remove the quotes: {value}"
    return "write a number without quotes, unit or decimal point"


def _boolean(value: Any, _context: dict[str, Any]) -> str:
    meanings = {"true": "true", "yes": "true", "on": "true", "1": "true", "false": "false", "no": "false"}
    meanings |= {"off": "false", "0": "false"}
    meant = meanings.get(str(value).lower())
    return f"write {meant}" if meant else "write true or false, without quotes"


def _choice(value: Any, context: dict[str, Any]) -> str:
    allowed = context["expected"].replace("'", "").replace(" or ", ", ").split(", ")
    return did_you_mean(str(value), allowed, f"write {listed(allowed, last='or')}")


def _list(value: Any) -> str:
    if isinstance(value, dict):
        return "write its items one to a line, each after a hyphen"
    words = _words(value) if isinstance(value, str) else [value]
    return f"write [{', '.join(map(_scalar, words))}]"


def _words(text: str) -> list[str]:
    """Return the words of a text that was meant as a list: of names, or of a command as a shell would take it."""
    if "," in text:
        return [word.strip() for word in text.split(",") if word.strip()]
    try:
        return shlex.split(text)
    except ValueError:  # a quote that is not closed
        return text.split()


_REMEDIES: dict[str, Callable[[Any, dict[str, Any]], str]] = {
    "string_type": _text,
    "int_type": _integer,
    "float_type": lambda _value, _context: "write a number without quotes or unit",
    "bool_type": _boolean,
    "list_type": lambda value, _context: _list(value),
    "literal_error": _choice,
    "too_short": lambda _value, _context: "add one, or remove the key",
    "string_too_short": lambda _value, _context: "write it out, or remove the key",
    "greater_than": lambda _value, context: f"raise it above {context['gt']:g}",
    "greater_than_equal": lambda _value, context: f"raise it to {context['ge']:g} or more",
    "less_than_equal": lambda _value, context: f"lower it to {context['le']:.10g} or less",
}
