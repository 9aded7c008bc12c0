"""A small monorepo on disk whose files a test can change, and the texts that it starts from."""

from __future__ import annotations

from pathlib import Path

import pytest

from moorage.base.errors import Location, MoorageError, Problem
from moorage.config.loader import Project, load_project
from moorage.config.service import Service
from moorage.config.validate import Source, validated
from moorage.config.yamlfile import parse_yaml

BACKEND = """\
name: backend
kind: web
build:
  bases: [python]
  libs: [harbour]
port: 8000
startupProbe:
  httpGet: {path: /health}
  periodSeconds: 1
livenessProbe:
  httpGet: {path: /health}
readinessProbe:
  httpGet: {path: /health/ready}
resources:
  requests: {cpu: 500m, memory: 1Gi}
  limits: {cpu: 2, memory: 4Gi}
scaling:
  minReplicas: 2
  maxReplicas: 10
needs: [postgres, redis]
env:
  LOG_LEVEL: INFO
route:
  path: /api
"""
WORKER = """\
name: worker
kind: worker
build:
  bases: [python]
  libs: [harbour]
startupProbe:
  exec: {command: [check]}
livenessProbe:
  exec: {command: [check]}
readinessProbe:
  exec: {command: [check]}
resources:
  requests: {cpu: 100m, memory: 128Mi}
  limits: {cpu: 500m, memory: 256Mi}
needs: [redis, backend]
"""
STACK = """\
encryptionsalt: v1:abc
config:
  aws:region: eu-north-1
  moorage:ingress:
    host: harbour.localhost
  moorage:services:
    backend:
      replicas: 2
      env: {LOG_LEVEL: DEBUG}
"""


PATH = Path("service.yaml")


def check(text: str) -> tuple[Service | None, list[Problem]]:
    """Return what a service.yaml gives, and what is wrong with it."""
    problems: list[Problem] = []
    document = parse_yaml(text, PATH)
    return validated(Service, document.data, Source(document), problems), problems


def problem_of(text: str) -> Problem:
    """Return the one thing that is wrong with a service.yaml."""
    service, (problem,) = check(text)
    assert service is None
    return problem


def changed(old: str, new: str, text: str = BACKEND) -> str:
    """Return a service.yaml with the only occurrence of `old` replaced."""
    assert text.count(old) == 1
    return text.replace(old, new)


class Monorepo:
    """Files of a monorepo with base images, a library, a backend, a worker and the stack dev."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name, text in (("backend", BACKEND), ("worker", WORKER)):
            self.write(f"apps/{name}/service.yaml", text)
            self.write(f"apps/{name}/Dockerfile", "FROM scratch\n")
        for name, text in (("python", "build:\n  bases: [debian]\n"), ("debian", "build: {}\n")):
            self.write(f"images/{name}/image.yaml", text)
            self.write(f"images/{name}/Dockerfile", "FROM scratch\n")
        self.write("libs/harbour/pyproject.toml", "")
        self.write("Pulumi.yaml", "name: harbour\nruntime: python\n")
        self.write("Pulumi.dev.yaml", STACK)

    def write(self, path: str, text: str) -> None:
        """Write a file, and the folders above it."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def change(self, path: str, old: str, new: str) -> None:
        """Replace the only occurrence of `old` in a file."""
        text = (self.root / path).read_text()
        assert text.count(old) == 1, f"{old!r} is {text.count(old)} times in {path}"
        self.write(path, text.replace(old, new))

    def add(self, path: str, text: str) -> None:
        """Append to a file."""
        self.write(path, (self.root / path).read_text() + text)

    def load(self, stack: str = "dev") -> Project:
        """Load the project."""
        return load_project(self.root, stack)

    def problems(self, stack: str = "dev") -> tuple[Problem, ...]:
        """Return what loading complains of."""
        with pytest.raises(MoorageError) as caught:
            self.load(stack)
        return caught.value.problems

    def problem(self, stack: str = "dev") -> Problem:
        """Return the one thing that loading complains of."""
        (problem,) = self.problems(stack)
        return problem

    def place(self, problem: Problem) -> str:
        """Return a problem's place as path:line:column, the path relative to the monorepo."""
        assert isinstance(problem.where, Location)
        relative = problem.where.file.removeprefix(f"{self.root}/")
        return f"{relative}:{problem.where.line}:{problem.where.column}"
