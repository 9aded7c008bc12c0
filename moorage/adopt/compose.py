"""Compose files: which services they build, what these need, and what they are told."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from moorage.adopt.images import health_of
from moorage.base.errors import MoorageError
from moorage.config.yamlfile import read_yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

NAMES = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
STORES = {"postgres": "postgres", "postgis": "postgres", "redis": "redis", "valkey": "redis"}
"""Words in the names of images that a data store of ours takes the place of."""
_VARIABLE = re.compile(r"\$\{(\w+)(?::?[-=]([^}]*))?\}|\$(\w+)")


@dataclass(frozen=True, kw_only=True)
class ComposeService:
    """One service of a compose file."""

    name: str
    file: str
    """Of the compose file, relative to the repository's top."""
    context: str = ""
    """Folder that it is built from, relative to the top; empty for an image of others."""
    dockerfile: str = ""
    """Relative to the top."""
    target: str = ""
    image: str = ""
    ports: tuple[int, ...] = ()
    published: bool = False
    """It has a port on the host."""
    env: Mapping[str, str | None] = field(default_factory=dict)
    """None for what is taken from the shell."""
    needs: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    health: str | None = None
    health_port: int | None = None
    profiles: tuple[str, ...] = ()

    @property
    def store(self) -> str:
        """The data store of ours that does the same: ``postgres``, ``redis``; empty for none."""
        words = re.split(r"[-_]", self.image.split("@")[0].rsplit("/", 1)[-1].split(":")[0].lower())
        return next((store for word, store in STORES.items() if word in words), "") if not self.context else ""


def read_compose(top: Path, files: Iterable[str]) -> tuple[dict[str, ComposeService], list[str]]:
    """Return the services of the repository's compose file, the one nearest to its top, and what could not be read."""
    candidates = sorted((path for path in files if posixpath.basename(path) in NAMES), key=lambda path: path.count("/"))
    if not candidates:
        return {}, []
    path = candidates[0]
    try:
        data = read_yaml(top / path).data
    except MoorageError as error:
        return {}, [f"{path} cannot be read: {error.problems[0].what}"]
    found = {name: _service(path, str(name), value) for name, value in _mapping(data.get("services")).items()}
    notes = [f"{other} is not read: {path} is" for other in candidates[1:] if other.count("/") == path.count("/")]
    return found, notes


def _service(file: str, name: str, value: Any) -> ComposeService:
    given = _mapping(value)
    build = given.get("build")
    built = {"context": build} if isinstance(build, str) else _mapping(build)
    context = _path(file, str(built.get("context", "."))) if build else ""
    health, port = _health(_mapping(given.get("healthcheck")))
    command = given.get("command")
    return ComposeService(
        name=name,
        file=file,
        context=context,
        dockerfile=posixpath.normpath(posixpath.join(context, str(built.get("dockerfile", "Dockerfile")))) if build else "",
        target=str(built.get("target", "")),
        image=str(given.get("image", "")),
        ports=tuple(dict.fromkeys(_ports(given))),
        published=bool(given.get("ports")),
        env=dict(_env(given.get("environment"))),
        needs=tuple(_names(given.get("depends_on")) + _names(given.get("links"))),
        command=tuple(map(str, command)) if isinstance(command, list) else (),
        health=health,
        health_port=port,
        profiles=tuple(_names(given.get("profiles"))),
    )


def _path(file: str, path: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(file), path))


def _ports(given: Mapping[str, Any]) -> Iterator[int]:
    """Yield the ports inside the container."""
    for entry in [*_list(given.get("ports")), *_list(given.get("expose"))]:
        text = str(entry.get("target", "")) if isinstance(entry, dict) else str(entry)
        last = text.split("/")[0].rsplit(":", 1)[-1].split("-")[0]
        if last.isdigit():
            yield int(last)


def _env(value: Any) -> Iterator[tuple[str, str | None]]:
    entries: Iterable[tuple[str, Any]] = (
        value.items()
        if isinstance(value, dict)
        else ((one.partition("=")[0], one.partition("=")[2] if "=" in one else None) for one in map(str, _list(value)))
    )
    for name, raw in entries:
        if raw is None:
            yield str(name), None
            continue
        text = str(raw).lower() if isinstance(raw, bool) else str(raw)
        unknown = any(found[0] and not found[1] for found in _VARIABLE.findall(text)) or "$" in _VARIABLE.sub("", text)
        yield str(name), None if unknown else _VARIABLE.sub(lambda found: found[2] or "", text)


def _health(check: Mapping[str, Any]) -> tuple[str | None, int | None]:
    test = check.get("test")
    text = " ".join(map(str, test)) if isinstance(test, list) else str(test or "")
    return health_of(text) if text and not check.get("disable") else (None, None)


def _names(value: Any) -> list[str]:
    return [str(name).split(":")[0] for name in (value if isinstance(value, list | dict) else [])]


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
