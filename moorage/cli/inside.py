"""``moorage logs``, ``exec`` and ``db``: what runs inside of a stack's pods, through the API server alone."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from typing import TYPE_CHECKING

from moorage.base.errors import MoorageError
from moorage.base.words import did_you_mean, listed
from moorage.cli.sessions import session_for
from moorage.config.loader import load_project
from moorage.config.service import DATA_SERVICES, POSTGRES, REDIS
from moorage.dev.display import Display
from moorage.dev.gateway import Gateway
from moorage.dev.logs import INSTANCE_LABEL, NAME_LABEL, Following, follow
from moorage.engine import kubectl

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from moorage.config.project import Project
    from moorage.engine.session import Session

DEBUG_IMAGE = "debian:trixie-slim"
_CLIENTS = {
    POSTGRES: 'export PGPASSWORD="$(cat "$POSTGRES_PASSWORD_FILE")"; '
    'exec psql -h 127.0.0.1 -U "$POSTGRES_USER" -d "${POSTGRES_DB:-$POSTGRES_USER}" "$@"',
    REDIS: 'read -r REDISCLI_AUTH <"$REDIS_PASSWORD_FILE" || true; export REDISCLI_AUTH; exec redis-cli "$@"',
}
"""What asks a store, with the password that its own container has."""


def logs(root: Path, stack: str, services: Sequence[str], *, tail: int) -> None:
    """Show the last lines of each pod's log, and new ones until Ctrl-C.

    Raises `MoorageError` where a service is none of the stack's, or the cluster does not answer.
    """
    project = load_project(root, stack)
    names = [*project.running, *project.stores]
    for name in services:
        _known(project, name, names)
    display = Display(list(services) or names)

    async def run() -> None:
        async with Gateway(session_for(project)) as gateway:
            following = Following(gateway, project.namespace, display.log, services, tail)
            await follow(gateway, following, project.namespace, _instance(project))

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(run())


def run_inside(root: Path, stack: str, service: str, command: Sequence[str], *, image: str) -> int:
    """Run a command in a pod of a service, or without one a shell beside it, in an image that has one.

    Returns the command's exit status. Raises `MoorageError` where no pod of the service runs.
    """
    project = load_project(root, stack)
    _known(project, service, [*project.running, *project.stores])
    session = session_for(project)
    pod, container = _running(project, session, service)
    space = f"--namespace={project.namespace}"
    terminal = ["--stdin", *(["--tty"] if sys.stdin.isatty() else [])]
    if command:
        return kubectl.attach(session, "exec", space, *terminal, pod, f"--container={container}", "--", *command)
    # The service's own image has no shell. What is added has the pod's user and rights and sees the service's processes.
    debug = ["debug", space, *terminal, pod, f"--image={image}", f"--target={container}", "--profile=restricted"]
    return kubectl.attach(session, *debug, "--quiet", "--", "sh")


def database(root: Path, stack: str, store: str, arguments: Sequence[str]) -> int:
    """Run a store's own client in its pod, with the password that is there, and return its exit status.

    Raises `MoorageError` where the stack has no such store, or its pod does not run.
    """
    project = load_project(root, stack)
    if not project.stores:
        raise MoorageError.of(
            f"stack {stack} has no data store",
            where="service.yaml",
            why="none of its services needs postgres or redis",
            remedy="list it in the needs of the service that uses it",
        )
    name = store or project.stores[0]
    _known(project, name, project.stores)
    session = session_for(project)
    pod, container = _running(project, session, name)
    terminal = ["--stdin", *(["--tty"] if sys.stdin.isatty() else [])]
    return kubectl.attach(
        session,
        *("exec", f"--namespace={project.namespace}", *terminal, pod, f"--container={container}"),
        *("--", "sh", "-c", _CLIENTS[name], name, *arguments),
    )


def _known(project: Project, name: str, names: Sequence[str]) -> None:
    if name not in names:
        what = "store" if name in DATA_SERVICES or set(names) <= set(DATA_SERVICES) else "service"
        raise MoorageError.of(
            f"stack {project.stack_name} runs no {what} {name}",
            where="the command line",
            why=f"it runs {listed(names)}",
            remedy=did_you_mean(name, names, "name one of them"),
        )


def _instance(project: Project) -> str:
    return f"{project.settings.application}-{project.stack_name}"


def _running(project: Project, session: Session, name: str) -> tuple[str, str]:
    """Return the newest pod of a workload that runs, and its main container."""
    found = [
        pod
        for pod in kubectl.items(session, project.namespace, ["pods"])
        if pod["metadata"].get("labels", {}).get(NAME_LABEL) == name
        and pod["metadata"]["labels"].get(INSTANCE_LABEL) == _instance(project)
        and pod.get("status", {}).get("phase") == "Running"
        and "deletionTimestamp" not in pod["metadata"]
    ]
    if not found:
        raise MoorageError.of(
            f"no pod of {name} runs in stack {project.stack_name}",
            where=project.namespace,
            why="it is not deployed, or does not start",
            remedy=f"moorage up {project.stack_name} deploys it and says why a pod does not start",
        )
    newest = max(found, key=lambda pod: str(pod["metadata"]["creationTimestamp"]))
    return newest["metadata"]["name"], newest["spec"]["containers"][0]["name"]
