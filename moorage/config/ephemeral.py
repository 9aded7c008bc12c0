"""Environments for a while: what a stack says of those that are made from it, and how small they are."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field

from moorage.base.errors import KeyPath, Problem
from moorage.config.fields import DnsLabel, Model, Text
from moorage.config.processtext import KeptText  # noqa: TC001  # pydantic reads annotations

if TYPE_CHECKING:
    from collections.abc import Iterator

EXPIRES_LABEL: Final = "moorage.dev/expires-at"
"""Label of the Namespace of an environment for a while: when its time is over, in UTC."""
MOST_STORAGE: Final = "1Gi"
"""Of each data store of an environment for a while."""
_UNITS = {"m": 60, "h": 3600, "d": 86400}
_LONGEST = dt.timedelta(days=90)
_TIME, _LABEL_TIME = "%Y-%m-%dT%H:%M:%SZ", "%Y%m%dT%H%M%SZ"

Ttl = Annotated[
    str,
    Text(pattern=r"[1-9][0-9]{0,4}[mhd]", rule="a time to live is a number of minutes, hours or days", example="72h"),
]
Moment = Annotated[
    str,
    Text(
        pattern=r"\d{4}-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-5]\dZ",
        rule="a moment is a date and a time in UTC",
        example="2030-01-31T12:00:00Z",
    ),
]


class Seed(Model):
    """A command that fills an environment for a while with data; it runs after each of its updates."""

    example = "{service: backend, command: [python, -m, backend.seed]}"

    service: DnsLabel
    """In a pod of which service it runs."""
    command: list[KeptText] = Field(min_length=1)
    """Program and arguments; it must leave alone what an earlier run of it made."""


class Ephemeral(Model):
    """Environments for a while, which ``moorage up NAME --ephemeral`` makes from this stack."""

    example = "{ttl: 72h}"

    ttl: Ttl = "72h"
    """How long one lives after its last update: minutes (``90m``), hours or days; 90 days at most."""
    request_factor: float = Field(default=0.2, gt=0, le=1)
    """Requests of cpu and memory are multiplied by this, but not below 10m and 64Mi; limits stay. Each service has one pod."""
    seed: Seed | None = None
    """Command that fills the databases after each update."""
    stack: DnsLabel | None = None
    """The stack that the environment was made from; written by ``moorage up --ephemeral``."""
    expires_at: Moment | None = None
    """When ``moorage reap`` deletes it, in UTC; written by ``moorage up --ephemeral``."""

    def problems(self) -> Iterator[Problem]:
        """Yield a time to live that is too long, and half of what ``moorage up --ephemeral`` writes."""
        if duration(self.ttl) > _LONGEST:
            yield Problem(
                what=f"ttl {self.ttl} is longer than {_LONGEST.days}d",
                why="what is to stay is a stack of its own",
                remedy=f"write {_LONGEST.days}d or less",
                where=KeyPath.of("ttl"),
            )
        if (self.stack is None) != (self.expires_at is None):
            yield Problem(
                what="stack and expiresAt belong together",
                why="`moorage up NAME --ephemeral` writes both",
                remedy="remove the one that there is, or write the file again with that command",
                where=KeyPath.of("expiresAt" if self.stack is None else "stack"),
            )

    @property
    def lives(self) -> bool:
        """Whether the stack is itself an environment for a while, rather than what some are made from."""
        return self.expires_at is not None

    @property
    def label(self) -> str:
        """The value of `EXPIRES_LABEL`; empty for a stack that is there to stay."""
        return label_of(parsed(self.expires_at)) if self.expires_at else ""


def duration(ttl: str) -> dt.timedelta:
    """Return a time to live."""
    return dt.timedelta(seconds=int(ttl[:-1]) * _UNITS[ttl[-1]])


def valid_ttl(ttl: str) -> bool:
    """Whether a text is a time to live that is allowed."""
    return re.fullmatch(r"[1-9][0-9]{0,4}[mhd]", ttl) is not None and duration(ttl) <= _LONGEST


def moment(when: dt.datetime) -> str:
    """Return a moment as a stack's file has it."""
    return when.astimezone(dt.UTC).strftime(_TIME)


def parsed(text: str) -> dt.datetime:
    """Return the moment of a stack's file."""
    return dt.datetime.strptime(text, _TIME).replace(tzinfo=dt.UTC)


def label_of(when: dt.datetime) -> str:
    """Return a moment as a label's value, in which no colon may be."""
    return when.astimezone(dt.UTC).strftime(_LABEL_TIME)


def moment_of_label(label: str) -> dt.datetime | None:
    """Return the moment of a label's value; None where it is none."""
    try:
        return dt.datetime.strptime(label, _LABEL_TIME).replace(tzinfo=dt.UTC)
    except ValueError:
        return None
