"""A small monorepo on disk and the program run on it, whole, without an engine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pulumi
import yaml

from moorage.components.stack import declare
from moorage.config.loader import load_project
from tests.unit.component_samples import WEB_YAML, WORKER_YAML
from tests.unit.pulumi_mocks import Recording, record

if TYPE_CHECKING:
    from collections.abc import Sequence


ROOT = Path(__file__).resolve().parents[2]
FRONTEND_YAML: dict[str, Any] = {
    **WEB_YAML,
    "name": "frontend",
    "build": {"bases": ["nginx"]},
    "port": 8080,
    "needs": ["backend"],
    "secrets": {},
    "route": {"path": "/"},
    "scaling": None,
    "replicas": 2,
}
IMAGES: dict[str, list[str]] = {
    "python": [],
    "python-build": ["python"],
    "nginx": [],
    "node": [],
    "postgres": [],
    "redis": [],
}
"""Base images and what they are built from; nothing is built from ``node``."""
DOCKERFILE = "ARG PYTHON_IMAGE\nFROM ${PYTHON_IMAGE} AS production\nRUN true\n"
IGNORE = "*\n"
CA_DOCKERFILE = (
    "FROM scratch AS production\nRUN --mount=type=secret,id=ca,target=/ca --mount=type=cache,target=/c true\n"
)


SERVICES = (WEB_YAML, WORKER_YAML, FRONTEND_YAML)


def write_monorepo(root: Path, stack: str, settings: dict[str, Any], services: Sequence[dict[str, Any]]) -> None:
    """Write a monorepo of these services to `root`, with one stack of these settings."""
    for image, bases in IMAGES.items():
        write(root / "images" / image / "image.yaml", {"build": {"bases": bases}} if bases else {})
        (root / "images" / image / "Dockerfile").write_text(CA_DOCKERFILE if image == "python-build" else DOCKERFILE)
        (root / "images" / image / "Dockerfile.dockerignore").write_text(IGNORE)
    for service in services:
        write(root / "apps" / service["name"] / "service.yaml", service)
        (root / "apps" / service["name"] / "Dockerfile").write_text(DOCKERFILE)
        (root / "apps" / service["name"] / "Dockerfile.dockerignore").write_text(IGNORE)
    (root / "libs" / "harbour").mkdir(parents=True)
    config = {"ingress": {"host": "harbour.example"}, **settings}
    keys = [key for service in services for key in service.get("secrets", {}).values()]
    secrets = {f"moorage:{key}": {"secure": "v1:AAAA:AAAA"} for key in keys}
    write(root / "Pulumi.yaml", {"name": "harbour", "runtime": "python"})
    write(
        root / f"Pulumi.{stack}.yaml", {"config": {f"moorage:{key}": value for key, value in config.items()} | secrets}
    )


def write(path: Path, content: object) -> None:
    """Write `content` as YAML."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(content))


def run_program(
    root: Path,
    stack: str = "dev",
    settings: dict[str, Any] | None = None,
    *,
    services: Sequence[dict[str, Any]] = SERVICES,
    preview: bool = False,
    built: bool = True,
) -> Recording:
    """Write a monorepo of these services, load it and run the program on it."""
    write_monorepo(root, stack, settings or {}, services)
    project = load_project(root, stack)
    secret = {"moorage:signingKey": "canary-signing-key"}
    pulumi.runtime.set_all_config(secret, list(secret))
    return record(lambda: declare(project), stack=stack, preview=preview, built=built)


def text_of(value: object) -> str:
    """Return everything that a value holds as one text."""
    return json.dumps(value, default=str)
