"""The mark of an update that did not finish, after which the next one looks at the cluster first: see decision 6."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from moorage.engine.session import Session


def marked(session: Session) -> bool:
    """Whether the stack's last update from this checkout did not finish."""
    return _mark(session).exists()


@contextmanager
def while_it_runs(session: Session) -> Iterator[Callable[[int], None]]:
    """Mark the stack until the update's exit status is handed over and is 0."""
    mark = _mark(session)
    mark.parent.mkdir(parents=True, exist_ok=True)
    mark.touch()

    def finished(status: int) -> None:
        if status == 0:
            mark.unlink(missing_ok=True)

    yield finished


def _mark(session: Session) -> Path:
    return session.home / f"unfinished-{session.stack}"
