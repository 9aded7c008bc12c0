"""What every configuration model shares: strict, frozen, camelCase in YAML, and the kinds of value they are made of."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError, core_schema

from moorage.base.errors import KeyPath, Problem
from moorage.base.quantity import MEBI, MILLI, quantity_value
from moorage.base.words import excerpt

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue

Item = TypeVar("Item")

CONTROL = r"\u0000-\u001f\u007f-\u009f\ufffe\uffff"
"""Characters that have no place in a path."""
_SHOWN = 60
"""Characters of a value that is not allowed."""
LOWEST_PORT = 1024
HIGHEST_PORT = 65535


def invalid(*problems: Problem) -> PydanticCustomError:
    """Return problems as one exception that pydantic collects, its context holding them whole."""
    what = "; ".join(problem.what for problem in problems)
    return PydanticCustomError("invalid", "{text}", {"text": what, "problems": problems})


class Model(BaseModel):
    """Base of all models: unknown keys are errors, values are never coerced, instances never change."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        alias_generator=to_camel,
        populate_by_name=True,
    )

    example: ClassVar[str] = ""
    """How one is written on one line, for remedies."""
    escape: ClassVar[str] = ""
    """What can be done where a key is not known, beside removing it."""

    @classmethod
    def example_for(cls, key: str, given: Mapping[str, Any]) -> str | None:  # noqa: ARG003  # models that look at them override it
        """Return how the value of a key is written beside what is ``given``; None where that is the same everywhere."""
        return None

    def problems(self) -> Iterator[Problem]:
        """Yield what is wrong between fields, placed by `KeyPath`; the fields by themselves are already right."""
        yield from ()

    @model_validator(mode="after")
    def _rules_hold(self) -> Self:
        problems = tuple(self.problems())
        if problems:
            raise invalid(*problems)
        return self


@dataclass(frozen=True)
class Example:
    """Says how a value of a field may be written, for remedies."""

    example: str


@dataclass(frozen=True, kw_only=True)
class Text:
    """Marks a ``str`` field: it must match ``pattern`` as a whole and be no longer than ``longest`` characters."""

    pattern: str
    rule: str
    example: str
    longest: int | None = None

    def check(self, text: str) -> str:
        """Return ``text`` where it follows the rule, else raise `PydanticCustomError`."""
        if self._fits(text):
            return text
        near = self._near(text)
        raise invalid(
            Problem(
                what=f"{excerpt(text, around=_SHOWN)} is not allowed here",
                why=self.rule,
                remedy=f"write {near}" if near else f"write for example {self.example}",
            )
        )

    def _near(self, text: str) -> str | None:
        guess = text.strip().lower().replace("_", "-").replace(" ", "-")
        return guess if self._fits(guess) else None

    def _fits(self, text: str) -> bool:
        short = self.longest is None or len(text) <= self.longest
        return short and re.fullmatch(self.pattern, text) is not None

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        limits = {} if self.longest is None else {"maxLength": self.longest}
        return {**handler(schema), "pattern": f"^(?:{self.pattern})$", **limits}


def _number_as_text(value: Any) -> Any:
    # YAML reads `cpu: 2` and `cpu: 0.5` as numbers, and Kubernetes takes them: so do we.
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _amount(text: str, rule: str, example: str) -> None:
    try:
        quantity_value(text)
    except ValueError:
        raise invalid(
            Problem(what=f"{text!r} is not a Kubernetes quantity", why=rule, remedy=f"write for example {example}")
        ) from None


def _check_cpu(text: str) -> str:
    rule = "cpu is counted in cores (0.5, 2) or millicores (500m), from 1m upwards"
    _amount(text, rule, "500m")
    value = quantity_value(text)
    if value < MILLI or value % MILLI or text[-1] not in "m0123456789":
        raise invalid(Problem(what=f"{text!r} is not an amount of cpu", why=rule, remedy="write for example 500m"))
    return text


def _check_bytes(text: str) -> str:
    rule = "memory and storage are counted in bytes, with a suffix such as Mi or Gi, from 1Mi upwards"
    _amount(text, rule, "256Mi")
    if text.endswith("m"):
        what = f"{text!r} means thousandths of a byte"
        raise invalid(Problem(what=what, why=rule, remedy=f"write {text[:-1]}Mi"))
    if quantity_value(text) < MEBI:
        remedy = f"write {text}Mi" if text.isdigit() else "write for example 256Mi"
        raise invalid(Problem(what=f"{text!r} is less than 1Mi", why=rule, remedy=remedy))
    return text


def _check_port(port: int) -> int:
    if not LOWEST_PORT <= port <= HIGHEST_PORT:
        raise invalid(
            Problem(
                what=f"{port} cannot be used",
                why=f"ports lie between {LOWEST_PORT} and {HIGHEST_PORT}: a non-root container cannot listen below",
                remedy="let the process listen on for example 8080",
            )
        )
    return port


def _check_unique(items: list[Item]) -> list[Item]:
    for index, item in enumerate(items):
        if item in items[:index]:
            raise invalid(
                Problem(
                    what=f"{item!r} is listed twice",
                    why="each is listed once",
                    remedy="remove one",
                    where=KeyPath.of(index),
                )
            )
    return items


_Number = BeforeValidator(_number_as_text, json_schema_input_type=str | float)

CpuQuantity = Annotated[
    str,
    Example("100m"),
    AfterValidator(_check_cpu),
    _Number,
    Field(json_schema_extra={"pattern": r"^[0-9]+(\.[0-9]+)?m?$"}),
]
"""Cores: ``500m``, ``2``."""
BytesQuantity = Annotated[
    str,
    Example("128Mi"),
    AfterValidator(_check_bytes),
    _Number,
    Field(json_schema_extra={"pattern": r"^[0-9]+(\.[0-9]+)?(k|M|G|T|Ki|Mi|Gi|Ti)?$"}),
]
"""Memory or storage: ``256Mi``, ``1Gi``; at least 1Mi."""
Port = Annotated[
    int, AfterValidator(_check_port), Field(json_schema_extra={"minimum": LOWEST_PORT, "maximum": HIGHEST_PORT})
]
"""An unprivileged TCP port, so that no container needs root or a capability to listen."""
PodCount = Annotated[
    str,
    BeforeValidator(_number_as_text, json_schema_input_type=str | int),
    Text(pattern=r"[0-9]{1,4}|[0-9]{1,3}%", rule="a number of pods, or percent of them", example="25%"),
]
"""A number of pods, or percent of them."""
Unique = Annotated[list[Item], AfterValidator(_check_unique), Field(json_schema_extra={"uniqueItems": True})]
"""A list that names nothing twice."""

DnsLabel = Annotated[
    str,
    Text(
        pattern=r"[a-z]([-a-z0-9]*[a-z0-9])?",
        rule="a name has lower-case letters, digits and hyphens, starts with a letter, ends with a letter or digit, "
        "and is at most 40 characters long",
        example="harbour-log",
        longest=40,
    ),
]
"""A Kubernetes name that leaves room for suffixes."""
LibName = Annotated[
    str,
    Text(pattern=r"[A-Za-z][-A-Za-z0-9_.]*", rule="a library is named as its folder below libs/", example="harbour"),
]
EnvName = Annotated[
    str,
    Text(
        pattern=r"[A-Za-z_][A-Za-z0-9_]*",
        rule="the name of an environment variable has letters, digits and underscores, does not start with a digit, "
        "and is at most 253 characters long",
        example="LOG_LEVEL",
        longest=253,
    ),
]
"""A variable's name, which is also a ConfigMap's key."""
SecretName = Annotated[
    str,
    Text(
        pattern=r"[A-Za-z_][A-Za-z0-9_]*",
        rule="the name of a secret has letters, digits and underscores, does not start with a digit, and is at most 248 "
        "characters long: with _FILE it names a variable",
        example="SIGNING_KEY",
        longest=248,
    ),
]
ConfigKey = Annotated[
    str,
    Text(
        pattern=r"[A-Za-z_][-A-Za-z0-9_.]*",
        rule="a secret is named by its key in the stack's config, without the prefix moorage:",
        example="sessionKey",
    ),
]
Hostname = Annotated[
    str,
    Text(
        pattern=r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*",
        rule="a host name has lower-case letters, digits, hyphens and dots; it has no scheme, port or path",
        example="harbour.example.com",
        longest=253,
    ),
]
