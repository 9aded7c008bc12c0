"""A look at a stack before it changes: its state, and what of that is not in the cluster any more."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from moorage.engine import drift
from moorage.engine.state import State, read_state

if TYPE_CHECKING:
    from concurrent.futures import Future

    from moorage.config.project import Project
    from moorage.engine.drift import Drift
    from moorage.engine.session import Session

_MOST = 20
"""Of what is missing or changed that is told one by one."""


@dataclass(frozen=True)
class Seen:
    """What a look found."""

    state: State = field(default_factory=State)
    drifts: tuple[Drift, ...] = ()
    answered: bool = True
    """Whether the cluster could be asked."""

    def vanished(self, project: Project) -> list[str]:
        """Return the services that the state has and the project has not: an update deletes them."""
        return [name for name in self.state.services if name not in project.services]

    def lines(self) -> list[str]:
        """Return what is missing or changed as people read it, a lost namespace with all that was in it as one line."""
        lost = next((one for one in self.drifts if one.kind == "Namespace" and one.missing), None)
        inside = self.state.namespace
        if lost and lost.name == inside:
            return [f"Namespace {inside} is missing, and everything that was in it"]
        told = [str(one) for one in self.drifts[:_MOST]]
        rest = len(self.drifts) - len(told)
        return [*told, *([f"and {rest} more"] if rest else [])]


def look(session: Session) -> Seen:
    """Read the state and ask the cluster for its objects."""
    state = read_state(session)
    if not state.resources:
        return Seen(state)
    found = drift.find(session, state)
    return Seen(state, tuple(found or ()), answered=found is not None)


def look_meanwhile(session: Session) -> Future[Seen]:
    """Begin a look that goes on beside what the caller does."""
    session.exports()  # once, and not by two threads at the same time
    pool = ThreadPoolExecutor(max_workers=1)
    future = pool.submit(look, session)
    pool.shutdown(wait=False)
    return future
