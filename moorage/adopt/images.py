"""What a Dockerfile tells of the process that it packs: ports, variables, command, health and language."""

from __future__ import annotations

import json
import re
import shlex
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from moorage.base.errors import MoorageError
from moorage.build.stages import load_dockerfile

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from moorage.build.instructions import Instruction

_ASSIGNMENT = re.compile(r"""(\w+)=("(?:\\.|[^"])*"|'[^']*'|\S+)""")
_URL = re.compile(r"https?://(?:localhost|127\.0\.0\.1|0\.0\.0\.0)(?::(?P<port>\d+))?(?P<path>/[^\s'\"|;)]*)?")
_LANGUAGES = {"python": "python", "uv": "python", "node": "node", "bun": "node", "golang": "go", "dotnet": "dotnet"}
_LANGUAGES |= {"openjdk": "java", "temurin": "java", "gradle": "java", "maven": "java"}
_MANIFESTS = {"requirements.txt": "python", "pyproject.toml": "python", "package.json": "node", "go.mod": "go"}
_MANIFESTS |= {"pom.xml": "java", "build.gradle": "java"}


@dataclass(frozen=True, kw_only=True)
class Process:
    """What is known of one process before anybody was asked."""

    ports: tuple[int, ...] = ()
    """As EXPOSE names them."""
    env: Mapping[str, str] = field(default_factory=dict)
    command: tuple[str, ...] = ()
    """CMD, where it is written as a list."""
    entrypoint: bool = False
    health: str | None = None
    """Path that HEALTHCHECK, or a compose file's healthcheck, asks by HTTP; empty for one that does something else."""
    health_port: int | None = None
    bases: tuple[str, ...] = ()
    """Images of others that it is built FROM."""
    language: str = ""


def read_process(dockerfile: Path, target: str = "") -> Process:
    """Return what the stage that is built tells; nothing of a Dockerfile that cannot be read, which a build will tell."""
    try:
        file = load_dockerfile(dockerfile)
    except MoorageError:
        return Process()
    stage = file.built(target) or file.stages[-1]
    steps: list[Instruction] = []
    ports: list[str] = []
    for one in file.chain(stage):
        steps += one.instructions
        ports += one.ports
    last = {step.keyword: step for step in steps}
    env: dict[str, str] = {}
    for step in steps:
        if step.keyword == "ENV":
            env |= dict(assignments(step.text))
    health, port = health_of(last["HEALTHCHECK"].text) if "HEALTHCHECK" in last else (None, None)
    bases = tuple(dict.fromkeys(image for image, _ in file.images()))
    return Process(
        ports=tuple(int(text) for text in dict.fromkeys(ports) if text.isdigit()),
        env=env,
        command=words_of(last["CMD"].text) if "CMD" in last else (),
        entrypoint="ENTRYPOINT" in last,
        health=health,
        health_port=port,
        bases=bases,
        language=_language(bases, dockerfile.parent),
    )


def assignments(text: str) -> Iterable[tuple[str, str]]:
    """Yield the variables of an ENV instruction, without quotes."""
    found = _ASSIGNMENT.findall(text)
    if not found and " " in text:
        name, _, value = text.partition(" ")
        found = [(name, value.strip())]
    for name, value in found:
        yield name, value[1:-1] if value[:1] in {'"', "'"} and value[-1:] == value[:1] else value


def words_of(text: str) -> tuple[str, ...]:
    """Return a command that is written as a list; nothing for one that a shell takes apart."""
    with suppress(ValueError):
        found = json.loads(text)
        if isinstance(found, list) and all(isinstance(word, str) for word in found):
            return tuple(found)
    return ()


def health_of(text: str) -> tuple[str | None, int | None]:
    """Return the path and the port that a check asks by HTTP; an empty path for one that does something else."""
    if text.strip().upper() == "NONE":
        return None, None
    url = _URL.search(text)
    if url is None:
        return "", None
    return url["path"] or "/", int(url["port"]) if url["port"] else None


def _language(bases: tuple[str, ...], folder: Path) -> str:
    for base in reversed(bases):
        name = base.split("@")[0].rsplit("/", 1)[-1].split(":")[0].lower()
        for word, language in _LANGUAGES.items():
            if word in (name, *re.split(r"[-_.]", name)) or f"{word}/" in base:
                return language
    return next((language for name, language in _MANIFESTS.items() if (folder / name).is_file()), "")


def quoted(words: Iterable[str]) -> str:
    """Return words as a shell would take them, for a message."""
    return shlex.join(words)
