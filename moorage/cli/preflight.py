"""Whether a user's own cluster, registry and builder answer, asked before anything is built or changed."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx

from local.layout import Layout
from moorage.cli import kubectl
from moorage.cli.session import Session
from moorage.errors import MoorageError, Problem

if TYPE_CHECKING:
    from moorage.config.loader import Project

SECONDS = 10.0
_UNAUTHORIZED = 401


def check(project: Project) -> None:
    """Ask all three.

    Raises `MoorageError` with each that does not answer.
    """
    found = [_cluster(project), _registry(project.target.registry), _builder(project.target.builder)]
    problems = [problem for problem in found if problem]
    if problems:
        raise MoorageError(*problems)


def _cluster(project: Project) -> Problem | None:
    session = Session(layout=Layout.of(project.root), stack=project.stack_name, embedded=False)
    result = kubectl.run(session, project.target, "get", "--raw=/readyz")
    if result.returncode == 0:
        return None
    return Problem(
        what="the cluster does not answer",
        where=f"context {project.target.context} of {project.target.kubeconfig}",
        why=(result.stderr.strip().splitlines() or ["no answer"])[-1],
        remedy="check the context in Pulumi.<stack>.yaml, your credentials and your network (VPN)",
    )


def _registry(address: str) -> Problem | None:
    host = address.partition("/")[0]
    local = host.startswith(("localhost", "127.", "[::1]"))
    url = f"{'http' if local else 'https'}://{host}/v2/"
    try:
        answer = httpx.get(url, timeout=SECONDS, follow_redirects=True, trust_env=not local)
    except httpx.HTTPError as error:
        return Problem(
            what="the registry does not answer",
            where=url,
            why=str(error) or type(error).__name__,
            remedy="check registry.address in Pulumi.<stack>.yaml and your network",
        )
    if answer.status_code in (200, _UNAUTHORIZED):
        return None
    return Problem(
        what="this address is no registry",
        where=url,
        why=f"it answered {answer.status_code} where a registry answers 200 or 401",
        remedy="check registry.address in Pulumi.<stack>.yaml",
    )


def _builder(name: str) -> Problem | None:
    folder = Path(
        os.environ.get("BUILDX_CONFIG") or Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker") / "buildx"
    )
    path = folder / "instances" / name
    if not path.exists():
        known = sorted(entry.name for entry in path.parent.glob("*")) or ["none"]
        return Problem(
            what=f"there is no buildx builder named {name}",
            where=str(path.parent),
            why=f"the builders there are {', '.join(known)}",
            remedy=f"docker buildx create --name {name} …, or correct builder in Pulumi.<stack>.yaml",
        )
    try:
        nodes = json.loads(path.read_text())["Nodes"]
    except (ValueError, KeyError):
        return Problem(
            what="the builder's description is damaged",
            where=str(path),
            remedy=f"docker buildx rm {name}, and create it again",
        )
    for node in nodes:
        endpoint = urlsplit(node["Endpoint"])
        if (why := _unreachable(endpoint.scheme, endpoint.hostname, endpoint.port, endpoint.path)) is not None:
            return Problem(
                what=f"builder {name} does not answer",
                where=node["Endpoint"],
                why=why,
                remedy="start it, or correct its endpoint: docker buildx inspect shows it",
            )
    return None


def _unreachable(scheme: str, host: str | None, port: int | None, path: str) -> str | None:
    """Return why an endpoint cannot be reached; None where it can, or where it is a name only Docker knows."""
    if scheme not in ("unix", "tcp"):
        return None
    family = socket.AF_UNIX if scheme == "unix" else socket.AF_INET
    with socket.socket(family) as probe:
        probe.settimeout(SECONDS)
        try:
            probe.connect(path if scheme == "unix" else (host or "", port or 0))
        except OSError as error:
            return error.strerror or str(error)
    return None
