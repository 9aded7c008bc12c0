"""Text for a process: what of it the cluster and Linux hand over as it is written, and what they do not."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic_core import core_schema

from moorage.base.errors import KeyPath, Problem
from moorage.base.words import excerpt
from moorage.config.fields import invalid

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue

LONGEST_BYTES = 131_071
"""Of one argument, or of a variable as NAME=value: Linux's MAX_ARG_STRLEN without the NUL at its end."""
CONFIG_MAP_BYTES = 1_048_576
"""Of all values of one ConfigMap: Kubernetes' limit."""
_OWN_BYTES = 256
"""No value that Moorage itself adds to a ConfigMap is longer: addresses, ports, and paths of secrets."""
_LOST = r"\u0000\u007f-\u009f\ufffe\uffff"
"""NUL ends a text in Linux. The API server reads what is applied as YAML, which refuses the others, or, as it does the
line break U+0085, turns them into something else."""


@dataclass(frozen=True)
class ProcessText:
    """Marks a ``str`` that a process, or the cluster, receives: it must arrive as it is written."""

    longest: int | None = LONGEST_BYTES
    """Bytes in UTF-8; None where that depends on more than the text itself."""

    def check(self, text: str) -> str:
        """Return ``text`` where it arrives as it is, else raise `PydanticCustomError`."""
        lost = re.search(f"[{_LOST}]", text)
        if lost:
            raise invalid(
                Problem(
                    what=f"{excerpt(text, lost.start())} contains the character U+{ord(lost[0]):04X}",
                    why="the characters U+0000, U+007F to U+009F, U+FFFE and U+FFFF do not reach the process unchanged",
                    remedy="remove it, or write the text in a form that the process decodes, such as base64",
                )
            )
        if self.longest is not None and size(text) > self.longest:
            raise invalid(
                Problem(
                    what=f"{excerpt(text)} is {size(text):,} bytes long",
                    why=f"Linux limits one argument of a process to {self.longest:,} bytes",
                    remedy="shorten it, or let the process read it from a file of its image",
                )
            )
        return text

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {**handler(schema), "pattern": f"^[^{_LOST}]*$"}


Argument = Annotated[str, ProcessText()]
"""One argument of a process."""
KeptText = Annotated[str, ProcessText(longest=None)]
"""Text that arrives as it is written; how long it may be depends on what is beside it."""


def size(text: str) -> int:
    """Return how many bytes a text has in UTF-8."""
    return len(text.encode())


def env_size_problems(env: Mapping[str, str], added: int) -> Iterator[Problem]:
    """Yield variables that are too long for Linux, and a sum of values that is too large for a ConfigMap.

    ``added`` is how many variables Moorage itself adds.
    """
    for name, value in env.items():
        length = size(f"{name}={value}")
        if length > LONGEST_BYTES:
            yield Problem(
                what=f"env.{name} is {length:,} bytes long, as {name}=…",
                why=f"Linux limits a variable of a process to {LONGEST_BYTES:,} bytes, its name included",
                remedy="shorten it, or let the process read it from a file of its image",
                where=KeyPath.of("env", name),
            )
    total, room = sum(map(size, env.values())), CONFIG_MAP_BYTES - _OWN_BYTES * added
    if total > room:
        yield Problem(
            what=f"the values of env are {total:,} bytes long",
            why=f"a ConfigMap can hold {CONFIG_MAP_BYTES:,} bytes, of which {room:,} are free for env",
            remedy="shorten them, or let the process read them from a file of its image",
            where=KeyPath.of("env"),
        )
