"""Settings from environment variables, from files that ``<NAME>_FILE`` names, and from a ``.env`` file.

In development each variable has a default; in production what has none must be given. All that is missing or wrong
is told at once, so that one start shows everything there is to fix.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from dotenv import dotenv_values

if TYPE_CHECKING:
    from collections.abc import Mapping

_Choice = TypeVar("_Choice", bound=StrEnum)


class Environment(StrEnum):
    """Where the process runs; decides about defaults and the form of logs."""

    DEVELOPMENT = "development"
    PRODUCTION = "production"


class LogLevel(StrEnum):
    """The least severe messages that are written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One variable that is missing or wrong, and what to do about it."""

    variable: str
    what: str
    remedy: str


class SettingsError(Exception):
    """Every problem of the settings in one message."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        count = "1 setting is" if len(problems) == 1 else f"{len(problems)} settings are"
        lines = [f"  {problem.variable} {problem.what}. {problem.remedy}." for problem in problems]
        super().__init__("\n".join([f"cannot start: {count} missing or wrong", *lines]))


@dataclass(frozen=True, kw_only=True)
class Common:
    """What every process reads."""

    environment: Environment
    log_level: LogLevel


@dataclass(frozen=True, kw_only=True)
class DatabaseSettings:
    """How to reach PostgreSQL."""

    host: str
    port: int
    name: str
    user: str
    password: str = field(repr=False)
    pool_size: int
    """Most connections that one process opens for requests."""


@dataclass(frozen=True, kw_only=True)
class RedisSettings:
    """How to reach Redis."""

    host: str
    port: int
    password: str | None = field(repr=False)


class Reader:
    """Reads variables one by one and gathers the problems; `finish` raises them together."""

    def __init__(self, values: Mapping[str, str], problems: tuple[Problem, ...] = ()) -> None:
        self._values = values
        self._problems = list(problems)
        self.environment = self._environment()

    def _environment(self) -> Environment:
        given = self._values.get("ENVIRONMENT") or Environment.DEVELOPMENT
        try:
            return Environment(given)
        except ValueError:
            self._wrong("ENVIRONMENT", f"is {given!r}", f"Set it to {_alternatives(Environment)}")
            return Environment.PRODUCTION

    def text(self, name: str, *, development: str, production: str | None = None) -> str:
        """Return a variable's text, or the default of this environment; no default in production means required.

        An empty value counts as none, as ``NAME=`` in a manifest most often is a forgotten one.
        """
        given = self._given(name)
        if given:
            return given
        if self.environment is Environment.DEVELOPMENT:
            return development
        if production is None and given is not None:
            self._wrong(
                name,
                "is not set",
                f"Set {name}, or {name}_FILE to the path of a file that holds it; it has no default in production",
            )
        return production or ""

    def integer(self, name: str, *, default: int, minimum: int, maximum: int) -> int:
        """Return a whole number between two bounds, both included."""
        given = self._given(name)
        if not given:
            return default
        if given.isascii() and given.isdigit() and minimum <= int(given) <= maximum:
            return int(given)
        self._wrong(name, f"is {given!r}", f"Set it to a whole number from {minimum} to {maximum}")
        return default

    def choice(self, name: str, kind: type[_Choice], *, default: _Choice) -> _Choice:
        """Return one of an enumeration's values, in upper or lower case."""
        given = self._given(name)
        if not given:
            return default
        try:
            return kind(given.lower())
        except ValueError:
            self._wrong(name, f"is {given!r}", f"Set it to {_alternatives(kind)}")
            return default

    def finish(self) -> None:
        """Raise `SettingsError` with every problem met so far; return where there is none."""
        if self._problems:
            raise SettingsError(tuple(self._problems))

    def _given(self, name: str) -> str | None:
        """Return a variable's text, empty where it is not set, and None where its file cannot be read."""
        direct, path = self._values.get(name), self._values.get(f"{name}_FILE")
        if not path:
            return direct or ""
        if direct:
            self._wrong(name, f"and {name}_FILE are both set", "Keep one of them")
            return None
        try:
            return Path(path).read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
            self._wrong(
                f"{name}_FILE", f"names {path}, which cannot be read: {reason}", "Mount the file or correct the path"
            )
            return None

    def _wrong(self, variable: str, what: str, remedy: str) -> None:
        self._problems.append(Problem(variable=variable, what=what, remedy=remedy))


def _alternatives(kind: type[StrEnum]) -> str:
    values = [str(member) for member in kind]
    return f"{', '.join(values[:-1])} or {values[-1]}"


def open_reader(environ: Mapping[str, str] | None = None, folder: Path | None = None) -> Reader:
    """Return a reader of the process's variables, completed by a ``.env`` file.

    The file is the one that ``ENV_FILE`` names, else ``.env`` in `folder` (default: the working folder) where there
    is one. A variable of the process wins over the file, also where one has ``NAME`` and the other ``NAME_FILE``.
    """
    environ = os.environ if environ is None else environ
    named = environ.get("ENV_FILE")
    path = Path(named) if named else (folder or Path.cwd()) / ".env"
    if not path.is_file():
        missing = Problem(
            variable="ENV_FILE",
            what=f"names {path}, which is no file",
            remedy="Correct the path, or unset it to do without",
        )
        return Reader(environ, (missing,) if named else ())
    settled = {name.removesuffix("_FILE") for name, value in environ.items() if value}
    from_file = dotenv_values(path, interpolate=False, encoding="utf-8")
    added = {name: value for name, value in from_file.items() if value and name.removesuffix("_FILE") not in settled}
    return Reader({**environ, **added})


def read_common(reader: Reader) -> Common:
    """Read ``ENVIRONMENT`` (development) and ``LOG_LEVEL`` (info; debug in development)."""
    default = LogLevel.DEBUG if reader.environment is Environment.DEVELOPMENT else LogLevel.INFO
    return Common(environment=reader.environment, log_level=reader.choice("LOG_LEVEL", LogLevel, default=default))


def read_database(reader: Reader) -> DatabaseSettings:
    """Read ``DATABASE_HOST``, ``_PORT``, ``_NAME``, ``_USER``, ``_PASSWORD`` and ``_POOL_SIZE``."""
    return DatabaseSettings(
        host=reader.text("DATABASE_HOST", development="localhost"),
        port=reader.integer("DATABASE_PORT", default=5432, minimum=1, maximum=65535),
        name=reader.text("DATABASE_NAME", development="harbour"),
        user=reader.text("DATABASE_USER", development="harbour"),
        password=reader.text("DATABASE_PASSWORD", development="harbour"),
        pool_size=reader.integer("DATABASE_POOL_SIZE", default=8, minimum=1, maximum=100),
    )


def read_redis(reader: Reader) -> RedisSettings:
    """Read ``REDIS_HOST``, ``_PORT`` and ``_PASSWORD``; in development Redis may have no password."""
    return RedisSettings(
        host=reader.text("REDIS_HOST", development="localhost"),
        port=reader.integer("REDIS_PORT", default=6379, minimum=1, maximum=65535),
        password=reader.text("REDIS_PASSWORD", development="") or None,
    )
