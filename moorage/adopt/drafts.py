"""The drafts: ``service.yaml`` of each candidate, with a comment wherever something was guessed."""

from __future__ import annotations

import json
import posixpath
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moorage.adopt.survey import Candidate, Survey

_LOWEST = 1024
_UNPRIVILEGED = 8080
_SECRET = re.compile(r"(PASSWORD|PASSWD|SECRET|TOKEN|API_?KEY|PRIVATE_KEY|CREDENTIAL)", re.IGNORECASE)
_ADDRESS = re.compile(r"(?P<before>^|//|@)(?P<host>[a-z][-a-z0-9_]*)(?P<after>:\d+|/|$)")
_ALIVE = {
    "python": '[python3, "-c", "pass"]',
    "node": '[node, "-e", ""]',
    "java": "[java, -version]",
    "dotnet": "[dotnet, --info]",
}
"""A command that tells no more than that the container runs."""


@dataclass
class Draft:
    """One ``service.yaml``."""

    text: str
    notes: list[str] = field(default_factory=list)
    """What could not be told, as sentences."""


@dataclass
class _Writer:
    survey: Survey
    candidate: Candidate
    notes: list[str] = field(default_factory=list)

    def write(self) -> Draft:
        lines = [*self._head(), *self._probes(), *self._rest()]
        return Draft("\n".join(lines) + "\n", self.notes)

    @property
    def port(self) -> int | None:
        """Where the process is to listen."""
        ports = self.candidate.ports
        return None if not ports else ports[0] if ports[0] >= _LOWEST else _UNPRIVILEGED

    def _head(self) -> Iterator[str]:
        one = self.candidate
        yield f"name: {one.name}"
        yield f"kind: {'web' if self.port else 'worker'}"
        build = [f"context: {posixpath.relpath(one.context, one.folder)}"]
        dockerfile = posixpath.relpath(one.dockerfile, one.folder)
        build += [f"dockerfile: {dockerfile}"] if dockerfile != "Dockerfile" else []
        if one.compose and one.compose.target and one.compose.target != "dev":
            build.append(f"target: {one.compose.target}")
        yield f"build: {{{', '.join(build)}}}"
        if not self.port:
            return
        yield f"port: {self.port}"
        if len(one.ports) > 1:
            self.notes.append(f"{one.folder}: of its ports {', '.join(map(str, one.ports))} the first was taken")
        yield from self._moved_port()

    def _moved_port(self) -> Iterator[str]:
        """Yield what makes a process listen elsewhere that would take a port below 1024, for which it needs root."""
        one, old = self.candidate, self.candidate.ports[0]
        if old == self.port:
            return
        if one.process.env.get("PORT") == str(old):
            return  # below, with the other variables
        words = (one.compose.command if one.compose else ()) or one.process.command
        moved = [re.sub(rf"(?<![\d.]){old}(?!\d)", str(self.port), word) for word in words]
        if list(words) != moved:
            yield f"{'args' if one.process.entrypoint else 'command'}: {json.dumps(moved)}  # {old} needs root"
            return
        self.notes.append(
            f"{one.folder}: it listens on {old}, for which a process needs root; tell it to listen on {self.port} by a "
            "variable or an argument, or correct port"
        )

    def _probes(self) -> Iterator[str]:
        one = self.candidate
        health = one.compose.health if one.compose and one.compose.health is not None else one.process.health
        if self.port:
            asked = health or ""
            probe = f"{{httpGet: {{path: {asked}}}}}" if asked else "{tcpSocket: {}}"
            guess = "" if asked else "  # a guess: nothing says how its health is asked; httpGet: {path: /health} tells more"
            if not asked:
                self.notes.append(f"{one.folder}: its probes only open its port; name a path with httpGet")
        else:
            command = _ALIVE.get(one.process.language, '["/bin/true"]')
            probe, guess = f"{{exec: {{command: {command}}}}}", "  # a guess: it tells only that the container runs"
            self.notes.append(f"{one.folder}: its probes only start a program; name a command that tells its health")
        for name in ("startupProbe", "livenessProbe", "readinessProbe"):
            yield f"{name}: {probe}{guess}"
            guess = ""

    def _rest(self) -> Iterator[str]:
        one = self.candidate
        yield "resources:  # a guess: measure it, then correct these"
        yield "  requests: {cpu: 50m, memory: 128Mi}"
        yield "  limits: {cpu: '1', memory: 512Mi}"
        if needs := list(self._needs()):
            yield f"needs: [{', '.join(needs)}]"
        if env := dict(self._env()):
            yield "env:"
            yield from (f"  {name}: {json.dumps(value)}" for name, value in env.items())
        if self.port and (one.compose is None or one.compose.published):
            others = [other.name for other in self.survey.candidates if self._is_published(other)]
            path = "/" if others[:1] == [one.name] else f"/{one.name}"
            note = "" if len(others) == 1 else "  # a guess: by the order of the services"
            yield f"route: {{path: {path}}}{note}"

    @staticmethod
    def _is_published(other: Candidate) -> bool:
        return bool(other.ports) and (other.compose is None or other.compose.published)

    def _needs(self) -> Iterator[str]:
        compose = self.candidate.compose
        if compose is None:
            return
        hosts = [found["host"] for value in compose.env.values() for found in _ADDRESS.finditer(value or "")]
        seen = {self.candidate.name}
        for name in (*compose.needs, *hosts):
            found = self.survey.stands_for(name)
            if found and found not in seen and not self._is_worker(found):
                seen.add(found)
                yield found

    def _is_worker(self, name: str) -> bool:
        return any(one.name == name and not one.ports for one in self.survey.candidates)

    def _env(self) -> Iterator[tuple[str, str]]:
        one, port = self.candidate, self.port
        if port and one.ports[0] != port and one.process.env.get("PORT") == str(one.ports[0]):
            yield "PORT", str(port)
        for name, value in (one.compose.env if one.compose else {}).items():
            if name == "PORT" and value and not port:
                continue
            if value is None:
                self.notes.append(f"{one.folder}: {name} is taken from the shell of whoever starts it; write its value in env")
            elif _SECRET.search(name) or re.search(r"//[^/@\s]*:[^/@\s]+@", value):
                self.notes.append(
                    f"{one.folder}: {name} holds a secret and was left out; passwords of needs arrive as files "
                    "(DATABASE_PASSWORD_FILE), others by secrets: and pulumi config set --secret"
                )
            else:
                yield name, str(port) if name == "PORT" else _ADDRESS.sub(self._host, value)

    def _host(self, found: re.Match[str]) -> str:
        return f"{found['before']}{self.survey.stands_for(found['host']) or found['host']}{found['after']}"


def draft_service(survey: Survey, candidate: Candidate) -> Draft:
    """Return the ``service.yaml`` of a candidate, and what could not be told of it."""
    return _Writer(survey, candidate).write()
