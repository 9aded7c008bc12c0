"""The one place that writes to the terminal: steps with elapsed time, tables, errors."""

from __future__ import annotations

import os
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moorage.base.errors import Problem

HEARTBEAT_SECONDS = 20.0
"""How often a long step says that it is alive where the output is not a terminal (a CI log)."""

_WIDE_LOG = 160
_STDOUT, _STDERR = 1, 2


def _console(descriptor: int) -> Console:
    """Return the console of standard output (1) or error (2)."""
    return Console(
        stderr=descriptor == _STDERR,
        highlight=False,
        # `:key:` in a name or a value stays what it is.
        emoji=False,
        soft_wrap=True,
        # rich takes NO_COLOR for colours alone, and would go on with bold and faint text.
        color_system=None if os.environ.get("NO_COLOR") else "auto",
        width=None if os.isatty(descriptor) else _WIDE_LOG,
    )


out, err = _console(_STDOUT), _console(_STDERR)


def duration(seconds: float) -> str:
    """Return ``seconds`` as people say it: 0.4 s, 12 s, 3 min 05 s."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s"


def size(count: float) -> str:
    """Return a number of bytes in decimal units, as registries and image tools do: 81.2 MB."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.2f} GB"


def show_problem(problem: Problem) -> None:
    """Print one problem to standard error, its parts told apart by colour."""
    place = Text.assemble((printable(str(problem.where)), "bold"), ": ") if problem.where else ""
    err.print(Text.assemble(("error", "bold red"), " ", place, printable(problem.what)))
    for line in problem.detail:
        err.print(Text.assemble(("  |", "dim"), " ", printable(line)))
    if problem.why:
        err.print(Text.assemble(("  why", "yellow"), " ", printable(problem.why)))
    if problem.remedy:
        err.print(Text.assemble(("  fix", "green"), " ", printable(problem.remedy)))


def printable(text: str) -> str:
    """Return text from outside with escapes for what would move the cursor, change colours or be no character at all."""
    return "".join(
        character if character.isprintable() or character == "\n" else ascii(character)[1:-1]
        for character in text.expandtabs(4)
    )


def warn(text: str) -> None:
    """Print a warning that stops nothing."""
    err.print(f"[yellow]warning[/] {escape(text)}")


class Step:
    """One running step: what it is doing now can be told with `note`."""

    def __init__(self, title: str, position: str) -> None:
        """Start the step's clock; ``position`` is e.g. ``2/6``, or empty."""
        self.title = title
        self.position = position
        self.detail = ""
        self.result = ""
        self.started = time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds since the step began."""
        return time.monotonic() - self.started

    def note(self, detail: str) -> None:
        """Say what the step is doing now."""
        self.detail = detail

    def done(self, result: str) -> None:
        """Say what came of it; shown when the step ends."""
        self.result = result

    def line(self) -> str:
        """Return the step as one line of rich markup."""
        place = f"[dim]{self.position}[/] " if self.position else ""
        detail = f" [dim]· {escape(self.detail)}[/]" if self.detail else ""
        return f"{place}{escape(self.title)}{detail} [dim]{duration(self.seconds)}[/]"


class Steps:
    """A known number of steps, each with its place, its progress and its time."""

    def __init__(self, total: int = 0) -> None:
        """Count from 1 to ``total``; 0 means that positions are not shown."""
        self.total = total
        self.count = 0
        self.timings: dict[str, float] = {}

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Run the block as the next step; a failing block is marked and its exception passes on."""
        self.count += 1
        step = Step(title, f"{self.count}/{self.total}" if self.total else "")
        shown = _spin(step) if out.is_terminal else _heartbeat(step)
        try:
            with shown:
                yield step
        except BaseException:
            out.print(f"[red]✗[/] {step.line()}")
            raise
        finally:
            self.timings[title] = step.seconds
        step.detail = step.result
        out.print(f"[green]✓[/] {step.line()}")

    @contextmanager
    def timed(self, title: str) -> Iterator[None]:
        """Only keep the block's time: for a step that has a display of its own."""
        started = time.monotonic()
        try:
            yield
        finally:
            self.timings[title] = time.monotonic() - started


@contextmanager
def _spin(step: Step) -> Iterator[None]:
    stop = threading.Event()
    with out.status(step.line(), spinner="dots") as status:

        def refresh() -> None:
            while not stop.wait(0.2):
                status.update(step.line())

        thread = threading.Thread(target=refresh, daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


@contextmanager
def _heartbeat(step: Step) -> Iterator[None]:
    stop = threading.Event()

    def beat() -> None:
        while not stop.wait(HEARTBEAT_SECONDS):
            out.print(f"[dim]…[/] {step.line()}")

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
