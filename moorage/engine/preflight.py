"""Whether a user's own cluster, registry and builder answer, asked before anything is built or changed."""

from __future__ import annotations

import json
import os
import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from moorage.base.errors import MoorageError, Problem
from moorage.base.registry import Registry
from moorage.engine import kubectl

if TYPE_CHECKING:
    from moorage.engine.session import Session

SECONDS = 10.0
_UNAUTHORIZED = 401


def check(session: Session) -> None:
    """Ask all three.

    Raises `MoorageError` with each that does not answer.
    """
    problems = failures(session)
    if problems:
        raise MoorageError(*problems)


def failures(session: Session) -> list[Problem]:
    """Ask all three at once and return the problem of each that does not answer."""
    target = session.target
    with ThreadPoolExecutor() as pool:
        asked = [
            pool.submit(cluster, session),
            pool.submit(registry, target.registry),
            pool.submit(builder, target.builder),
        ]
    return [problem for answer in asked if (problem := answer.result())]


def cluster(session: Session) -> Problem | None:
    """Return why the API server of the stack's context does not answer; None where it does."""
    result = kubectl.run(session, "get", "--raw=/readyz")
    if result.returncode == 0:
        return None
    return Problem(
        what="the cluster does not answer",
        where=f"context {session.target.context} of {session.target.kubeconfig}",
        why=(result.stderr.strip().splitlines() or ["no answer"])[-1],
        remedy="check the context in Pulumi.<stack>.yaml, your credentials and your network (VPN)",
    )


def registry(address: str) -> Problem | None:
    """Return why nothing that speaks a registry's protocol answers at ``address``; None where it does."""
    host = address.partition("/")[0]
    try:
        status = Registry(seconds=SECONDS).speaks(host)
    except MoorageError as error:
        (problem,) = error.problems
        return replace(problem, remedy="check registry.address in Pulumi.<stack>.yaml and your network")
    if status in (200, _UNAUTHORIZED):
        return None
    return Problem(
        what="no registry at this address",
        where=f"{host}",
        why=f"it answered {status}; a registry answers 200 or 401",
        remedy="check registry.address in Pulumi.<stack>.yaml",
    )


def builder(name: str) -> Problem | None:
    """Return why the buildx builder of that name cannot be used; None where its endpoints accept a connection."""
    folder = _buildx() / "instances"
    path = folder / name
    if not path.is_file():
        known = sorted(entry.name for entry in folder.glob("*")) or ["none"]
        return Problem(
            what=f"no buildx builder named {name}",
            where=str(folder),
            why=f"the builders there are {', '.join(known)}",
            remedy=f"docker buildx create --name {name} …, or correct builder in Pulumi.<stack>.yaml",
        )
    try:
        endpoints = [str(node["Endpoint"]) for node in json.loads(path.read_text())["Nodes"]]
    except (ValueError, KeyError, TypeError):
        return Problem(
            what="the builder's description is damaged",
            where=str(path),
            why="it is not what buildx writes there: JSON with Nodes, each with an Endpoint",
            remedy=f"remove it with docker buildx rm {name}, and create it again",
        )
    for endpoint in endpoints:
        if (why := _unreachable(endpoint)) is not None:
            return Problem(
                what=f"builder {name} does not answer",
                where=endpoint,
                why=why,
                remedy="start it, or correct its endpoint: docker buildx inspect shows it",
            )
    return None


def _buildx() -> Path:
    """Return the folder in which buildx keeps what it knows of builders."""
    docker = os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker"
    return Path(os.environ.get("BUILDX_CONFIG") or Path(docker) / "buildx")


def _unreachable(endpoint: str) -> str | None:
    """Return why an endpoint cannot be reached; None where it can, or where it is a name only Docker knows."""
    try:
        url = urlsplit(endpoint)
        if url.scheme == "tcp":
            socket.create_connection((url.hostname or "", url.port or 0), timeout=SECONDS).close()
        elif url.scheme == "unix":
            with socket.socket(socket.AF_UNIX) as probe:
                probe.settimeout(SECONDS)
                probe.connect(url.path)
    except OSError as error:
        return error.strerror or str(error) or type(error).__name__
    except (ValueError, OverflowError) as error:
        return f"invalid address: {error}"
    return None
