"""The variables of backend and worker with their documented defaults, and ways in which some are given and some not."""

from __future__ import annotations

import operator
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from backend.settings import load_settings as load_backend
from harbour.settings import LogLevel
from hypothesis import strategies as st
from worker.settings import load_settings as load_worker

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from hypothesis.strategies import SearchStrategy

EVERY_INTERFACE = "0.0.0.0"  # the default of production


@dataclass(frozen=True, kw_only=True)
class Variable:
    """One variable: where its value ends up in the settings, its defaults, and values that it may be given.

    A `production` of None means that it must be given there.
    """

    place: str
    development: Any
    production: Any = None
    values: SearchStrategy[str]
    read: Callable[[str], Any] = str


@dataclass(frozen=True, kw_only=True)
class Program:
    """A service's own loader of its settings, and every variable that it reads."""

    load: Callable[[Mapping[str, str], Path], Any]
    variables: dict[str, Variable]
    port: str
    """The variable of the port on which it answers health checks."""


def _texts(most: int = 40) -> SearchStrategy[str]:
    # What a .env file and a file of one line give back as they were given.
    return st.text(
        st.characters(codec="utf-8", exclude_categories=["C", "Z"], exclude_characters="'\\#"), max_size=most
    )


def _text(place: str, development: Any, production: Any = None) -> Variable:
    blank = st.sampled_from(["", "", "", " ", "\t", "  "])
    # Blanks at the ends are a value's own: nobody strips what a password may have.
    values = st.tuples(blank, _texts().filter(bool), blank).map("".join)
    return Variable(place=place, development=development, production=production, values=values)


def _number(place: str, default: int, least: int, most: int) -> Variable:
    values = st.integers(least, most).map(str)
    return Variable(place=place, development=default, production=default, values=values, read=int)


_LEVELS = st.sampled_from([level.value for level in LogLevel])
LOG_LEVEL = Variable(
    place="common.log_level",
    development=LogLevel.DEBUG,
    production=LogLevel.INFO,
    values=st.one_of(_LEVELS, _LEVELS.map(str.upper)),
    read=lambda text: LogLevel(text.lower()),
)
REDIS = {
    "REDIS_HOST": _text("redis.host", "localhost"),
    "REDIS_PORT": _number("redis.port", 6379, 1, 65535),
    "REDIS_PASSWORD": _text("redis.password", None),
}
BACKEND = Program(
    load=load_backend,
    port="HTTP_PORT",
    variables={
        "LOG_LEVEL": LOG_LEVEL,
        "DATABASE_HOST": _text("database.host", "localhost"),
        "DATABASE_PORT": _number("database.port", 5432, 1, 65535),
        "DATABASE_NAME": _text("database.name", "harbour"),
        "DATABASE_USER": _text("database.user", "harbour"),
        "DATABASE_PASSWORD": _text("database.password", "harbour"),
        "DATABASE_POOL_SIZE": _number("database.pool_size", 8, 1, 100),
        **REDIS,
        "HTTP_HOST": _text("host", "127.0.0.1", EVERY_INTERFACE),
        "HTTP_PORT": _number("port", 8000, 1024, 65535),
    },
)
WORKER = Program(
    load=load_worker,
    port="HEALTH_PORT",
    variables={
        "LOG_LEVEL": LOG_LEVEL,
        **REDIS,
        "CONSUMER_NAME": _text("consumer", socket.gethostname(), socket.gethostname()),
        "HEALTH_HOST": _text("health_host", "127.0.0.1", EVERY_INTERFACE),
        "HEALTH_PORT": _number("health_port", 8081, 1024, 65535),
    },
)


@dataclass(frozen=True)
class Given:
    """A variable's value, and which of `WAYS` it comes by."""

    value: str
    way: str = "environment"


WAYS = ("environment", "file", ".env", "empty", "over a file", "file over")
"""The environment, a file that ``<NAME>_FILE`` names, or ``.env`` has the value.

``empty``: the environment has the variable without a value, ``.env`` with one. ``over a file``: the environment has it,
and ``.env`` a ``<NAME>_FILE``. ``file over``: the environment has ``<NAME>_FILE``, and ``.env`` the variable itself.
"""


Choice = dict[str, Given | None]
"""What each variable is given: None is an empty value, which counts as none; an absent name is not set at all."""


def choices() -> SearchStrategy[Choice]:
    """Any of the variables of both programs given, the others empty or absent."""
    known = {**BACKEND.variables, **WORKER.variables}
    ways = st.sampled_from(WAYS)
    maybe = {
        name: st.one_of(st.none(), st.builds(Given, value=variable.values, way=ways))
        for name, variable in known.items()
    }
    return st.fixed_dictionaries({}, optional=maybe)


def provide(choice: Choice, folder: Path) -> dict[str, str]:
    """Return the process's variables for a choice, with the files that it needs below `folder`, its working folder."""
    environ: dict[str, str] = {}
    lines = []
    for name, given in choice.items():
        if given is None:
            environ[name] = ""
            continue
        if given.way in {"environment", "over a file"}:
            environ[name] = given.value
        if given.way in {"file", "file over"}:
            (folder / name).write_text(f"{given.value}\n", encoding="utf-8")
            environ[f"{name}_FILE"] = str(folder / name)
        if given.way in {".env", "empty"}:
            lines.append(f"{name}='{given.value}'\n")
        if given.way == "empty":
            environ[name] = ""
        if given.way == "over a file":
            lines.append(f"{name}_FILE='{folder / 'not read'}'\n")
        if given.way == "file over":
            lines.append(f"{name}='another'\n")
    (folder / ".env").write_text("".join(lines), encoding="utf-8")
    return environ


def at(settings: Any, place: str) -> Any:
    """Return one value of loaded settings: ``database.host``."""
    return operator.attrgetter(place)(settings)


def expected(program: Program, choice: Choice, *, production: bool = False) -> dict[str, Any]:
    """Return what the settings must hold, by place: what was given, else the default."""
    found = {}
    for name, variable in program.variables.items():
        given = choice.get(name)
        default = variable.production if production else variable.development
        found[variable.place] = variable.read(given.value) if given else default
    return found


def required(program: Program, choice: Choice) -> list[str]:
    """Return the variables that production cannot do without and that were not given, in the order of reading."""
    return [
        name for name, variable in program.variables.items() if variable.production is None and not choice.get(name)
    ]
