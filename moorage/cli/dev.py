"""``moorage dev``: bring the stack up for development, then keep its pods as new as the checkout."""

from __future__ import annotations

import fcntl
import os
import queue
from contextlib import contextmanager
from typing import TYPE_CHECKING

from moorage.base import console
from moorage.base.console import Steps, out
from moorage.base.errors import Location, MoorageError
from moorage.base.words import did_you_mean, listed
from moorage.build.codefolders import code_of, has_stage
from moorage.cli import deploy
from moorage.cli.preparation import prepare
from moorage.cli.sessions import session_for
from moorage.config.develop import VARIABLE, Developing
from moorage.config.loader import load_project
from moorage.dev import receiver
from moorage.dev.display import Display
from moorage.dev.loop import InnerLoop, Update
from moorage.engine import stacks

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from moorage.config.project import Project
    from moorage.engine.session import Session

_WAKE_SECONDS = 3600.0


def dev(root: Path, stack: str, services: Sequence[str], *, yes: bool, keep: bool, stats: bool, logs: bool) -> None:
    """Run a session until Ctrl-C.

    Raises `MoorageError` where the stack is not for development, nothing of it can be developed, another session runs,
    or the checkout cannot be watched.
    """
    os.environ.pop(VARIABLE, None)
    project = load_project(root, stack)
    names = developable(project, services)
    session = session_for(project)
    with _alone(session):
        prepare(session, Steps(4))
        existed = stacks.exists(session)
        with Steps().step("Receiver") as step:
            image = receiver.ensure(deploy.where_the_platform_is(project), session, step)
            step.done("in the registry")
        os.environ[VARIABLE] = Developing(services=names, receiver=image).to_json()
        try:
            display = Display(names)
            _session(root, stack, session, display, yes=yes, logs=logs)
            if stats:
                out.print("\n".join(display.statistics()) or "no edit was served", markup=False)
        finally:
            del os.environ[VARIABLE]
        _leave(root, stack, keep=keep, existed=existed)


def developable(project: Project, chosen: Sequence[str]) -> tuple[str, ...]:
    """Return the services to develop: those chosen, else all that have a stage for it.

    Raises `MoorageError` where the stack is not for development, or a service has no such stage or is none.
    """
    if not project.development:
        raise MoorageError.of(
            f"stack {project.stack_name} is for {project.stage}, not for development",
            where=f"Pulumi.{project.stack_name}.yaml",
            why="moorage dev replaces its pods by ones whose code changes with every save",
            remedy="name a development stack, such as moorage dev dev",
        )
    for name in chosen:
        if name not in project.services:
            raise MoorageError.of(
                f"stack {project.stack_name} runs no service {name}",
                where="the command line",
                why=f"its services: {listed(project.running)}",
                remedy=did_you_mean(name, project.running, "name one of them"),
            )
    found = []
    for name in chosen or project.running:
        target = project.services[name].develop.target
        if has_stage(project, name, target) and code_of(project, name, target).mounts:
            found.append(name)
        elif chosen:
            dockerfile = project.service_folder(name) / project.services[name].build.dockerfile
            raise MoorageError.of(
                f"{name} cannot be developed in its pods",
                where=Location(file=str(dockerfile)),
                why=f"it has no stage {target} that copies a folder of the checkout after its last RUN",
                remedy=f"add a stage {target}, or name another one in {name}'s service.yaml: develop: {{target: …}}",
            )
    if not found:
        raise MoorageError.of(
            f"no service of stack {project.stack_name} can be developed in its pods",
            where="apps/",
            why="none has a development stage that copies a folder of the checkout after its last RUN",
            remedy="add a stage `development` to a service's Dockerfile; docs/development.md shows one",
        )
    return tuple(name for name in project.running if name in found)


def _session(root: Path, stack: str, session: Session, display: Display, *, yes: bool, logs: bool) -> None:
    loop = InnerLoop(load_project(root, stack), session, display, logs=logs)
    loop.start()
    try:
        loop.ready.wait()
        begun = loop.classifier
        if _update(root, stack, yes=yes):
            loop.deployed(begun)
        out.print("[bold green]✓[/] watching; Ctrl-C ends the session")
        while True:
            _next(root, stack, loop, display)
    except KeyboardInterrupt:
        out.print("")
    finally:
        loop.stop()


def _next(root: Path, stack: str, loop: InnerLoop, display: Display) -> None:
    """Wait for a change that needs an update, and run it.

    Raises `MoorageError` where the loop can watch no longer.
    """
    try:
        asked = loop.updates.get(timeout=_WAKE_SECONDS)
    except queue.Empty:
        return
    waiting = [asked]
    while not loop.updates.empty():
        waiting.append(loop.updates.get_nowait())
    for one in waiting:
        if isinstance(one, BaseException):
            raise one
    newest = waiting[-1]
    if isinstance(newest, Update):
        display.update(newest.what, newest.files)
        excluded = [f"--exclude=**::{name}-image" for name in newest.unchanged]
        if _update(root, stack, yes=True, options=excluded):
            loop.deployed(newest.classifier)


def _update(root: Path, stack: str, *, yes: bool, options: Sequence[str] = ()) -> bool:
    """Update the stack and return whether that went well; what went wrong is shown, and the next change tries again."""
    try:
        deploy.up(root, stack, yes=yes, options=options)
    except MoorageError as error:
        for problem in error.problems:
            console.show_problem(problem)
        if isinstance(error, deploy.ClosedRouteError):
            return True
        out.print("[yellow]the update failed; watching goes on, and the next change is tried[/]")
        return False
    return True


def _leave(root: Path, stack: str, *, keep: bool, existed: bool) -> None:
    if keep:
        out.print(
            f"[green]✓[/] the pods stay as they are; `moorage up {stack}` deploys the stack as its files describe it"
        )
        return
    out.print(
        f"deploying stack {stack} as its files describe it{'' if existed else f'; `moorage down {stack}` deletes it'}"
    )
    deploy.up(root, stack, yes=True)


@contextmanager
def _alone(session: Session) -> Iterator[None]:
    """Run the block as the only session of the stack in this checkout; the kernel frees the lock with the process."""
    session.home.mkdir(exist_ok=True)
    path = session.home / f"dev-{session.stack}.lock"
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise MoorageError.of(
                f"`moorage dev {session.stack}` is already running",
                where=f"process {file.read().strip() or 'unknown'}",
                why="two sessions would overwrite each other's files in the pods",
                remedy="use that one, or end it with Ctrl-C",
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
