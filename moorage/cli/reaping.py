"""``moorage reap``: environments for a while are deleted when their time is over; nothing of them is left."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rich.markup import escape

from moorage.base.console import Steps, out, show_problem
from moorage.base.errors import MoorageError
from moorage.cli import environments
from moorage.cli.sessions import session_of
from moorage.config.ephemeral import EXPIRES_LABEL, moment, moment_of_label
from moorage.config.sources import stack_file
from moorage.engine import pulumi, stacklock, stacks
from moorage.engine.state import read_state
from moorage.platform import toolchain
from moorage.platform.layout import Layout

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from moorage.engine.session import Session
    from moorage.engine.state import State


@dataclass(frozen=True, kw_only=True)
class Environment:
    """One environment for a while, as its last update left it."""

    session: Session
    expires: dt.datetime

    @property
    def name(self) -> str:
        """The stack's name."""
        return self.session.stack


def reap(root: Path, names: Sequence[str], *, basis: str, dry_run: bool) -> int:
    """Delete the environments whose time is over, or those of ``names`` whatever their time; return the exit status.

    ``basis`` is the stack whose cluster and backend they are in. One that cannot be deleted does not keep the others.
    Raises `MoorageError` where one of ``names`` is a stack that is there to stay.
    """
    session = session_of(root, basis)
    with Steps().step("Toolchain") as step:
        toolchain.ensure(Layout.of(session.root), platform=False, step=step)
    found = [_named(session, name) for name in names] if names else environments_of(session)
    now = dt.datetime.now(dt.UTC)
    over = [one for one in found if one is not None and (names or one.expires <= now)]
    if dry_run or not over:
        _tell(found, now)
        return 0
    failed = 0
    for environment in over:
        try:
            _delete(environment.session)
            out.print(f"[green]✓[/] environment {environment.name} is gone")
        except MoorageError as error:
            failed += 1
            for problem in error.problems:
                show_problem(problem)
    return 1 if failed else 0


def environments_of(session: Session) -> list[Environment]:
    """Return the environments for a while of a session's project, by the end of their time."""
    listed = json.loads(pulumi.output(session, ["stack", "ls", "--json", "--project", session.project]))
    names = [str(entry["name"]).rpartition("/")[2] for entry in listed]
    found = []
    for name in names:
        if name == session.stack or not environments.is_written_by_us(session.root, name):
            continue
        own = replace(session, stack=name)
        if (ends := expires(read_state(own))) is not None:
            found.append(Environment(session=own, expires=ends))
    return sorted(found, key=lambda one: (one.expires, one.name))


def expires(state: State) -> dt.datetime | None:
    """Return when an environment's time is over, as its Namespace says; None for a stack that is there to stay."""
    for resource in state.resources:
        if resource.is_object and resource.kind == "Namespace":
            labels = (resource.inputs.get("metadata") or {}).get("labels") or {}
            return moment_of_label(str(labels.get(EXPIRES_LABEL, "")))
    return None


def _named(session: Session, name: str) -> Environment | None:
    """Return the environment of a name; None where there is none."""
    own = replace(session, stack=name)
    if not environments.is_written_by_us(session.root, name):
        raise _stays(name)
    if not stacks.exists(own):
        out.print(f"[green]✓[/] environment {name} does not exist: nothing to delete")
        _forget(own)
        return None
    state = read_state(own)
    ends = expires(state)
    if ends is None and any(resource.is_object for resource in state.resources):
        raise _stays(name)
    # One that never got as far as its Namespace has nothing to lose.
    return Environment(session=own, expires=ends or dt.datetime.now(dt.UTC))


def _stays(name: str) -> MoorageError:
    return MoorageError.of(
        f"{name} is a stack that is there to stay; nothing was deleted",
        where=f"stack {name}",
        why=f"only what `moorage up NAME --ephemeral` made is reaped: its Namespace has the label {EXPIRES_LABEL}",
        remedy=f"moorage down {name} deletes it",
    )


def _delete(session: Session) -> None:
    with stacklock.turn(session):
        status = pulumi.show(session, ["destroy", "--yes", "--skip-preview", "--stack", session.stack])
        if status:
            raise pulumi.failed_before_the_user(session, f"environment {session.stack} could not be deleted", status)
        stacks.remove(session)
    _forget(session)


def _forget(session: Session) -> None:
    path = stack_file(session.root, session.stack)
    if environments.is_written_by_us(session.root, session.stack):
        path.unlink(missing_ok=True)


def _tell(found: Sequence[Environment | None], now: dt.datetime) -> None:
    known = [one for one in found if one is not None]
    for one in known:
        when = moment(one.expires)
        text = f"its time was over at {when}" if one.expires <= now else f"until {when}"
        out.print(f"{escape(one.name)} [dim]· {text}[/]")
    if not known:
        out.print("[green]✓[/] no environment for a while: nothing to delete")
    elif not any(one.expires <= now for one in known):
        out.print(f"[green]✓[/] {len(known)} environments, none past its time: nothing to delete")
