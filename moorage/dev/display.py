"""What a session of `moorage dev` shows: a line for each edit, and the services' logs, useful without colours too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape
from rich.text import Text

from moorage.base.console import out, printable, show_problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from moorage.base.errors import Problem

_COLOURS = ("cyan", "magenta", "blue", "green", "yellow")
_MOST_FILES = 2


class Display:
    """Prints events, and remembers how long edits took."""

    def __init__(self, services: Sequence[str]) -> None:
        """Give each service a colour and all of them the same width."""
        self._width = max(map(len, services), default=0)
        self._colours = {name: _COLOURS[number % len(_COLOURS)] for number, name in enumerate(services)}
        self.seconds: dict[str, list[float]] = {}
        self.failures = 0

    def served(self, name: str, seconds: float, files: Sequence[str], pods: int, *, confirmed: bool) -> None:
        """Tell that all pods of a service serve an edit, and how long after it was saved."""
        self.seconds.setdefault(name, []).append(seconds)
        of = f" · {pods} pods" if pods > 1 else ""
        what = "" if confirmed else " copied; the process does not say what it serves"
        self._line(name, f"[green]✓[/] {seconds:.2f} s{what}[dim]{of} · {escape(shortened(files))}[/]")

    def failed(self, name: str, error: str, file: str, line: int | None) -> None:
        """Tell that an edit is not served, and where the mistake is."""
        self.failures += 1
        where = f"{file}:{line}" if file and line else file
        place = f" {escape(printable(where))}" if where else ""
        self._line(name, f"[red]✗[/][bold]{place}[/] {escape(printable(error))} [dim]· the old process serves on[/]")

    def problem(self, name: str, text: str) -> None:
        """Tell what went wrong between here and a pod."""
        self._line(name, f"[yellow]![/] {escape(printable(text))}")

    def waiting(self, name: str) -> None:
        """Tell that an edit waits for a pod."""
        self._line(name, "[dim]saved; no pod is connected yet[/]")

    def mistake(self, problem: Problem) -> None:
        """Show what is wrong with a file of settings; what runs stays as it is."""
        self.failures += 1
        show_problem(problem)

    def update(self, what: str, files: Iterable[str]) -> None:
        """Tell that a change needs an update of the stack, and why."""
        out.print(f"[bold]↻[/] {escape(what)} [dim]· {escape(shortened(sorted(files)))}[/]")

    def nothing(self, files: Iterable[str]) -> None:
        """Tell that a change concerns nothing that runs."""
        out.print(f"[dim]· nothing to do for {escape(shortened(sorted(files)))}[/]")

    def log(self, name: str, pod: str, line: str) -> None:
        """Show a line of a service's log."""
        colour = self._colours.get(name, "white")
        text = Text.from_ansi(line)
        out.print(Text.assemble((f"{name:{self._width}}", colour), (f" {pod[-5:]} ", "dim"), text))

    def _line(self, name: str, markup: str) -> None:
        out.print(f"[bold {self._colours.get(name, 'white')}]{name:{self._width}}[/] {markup}")

    def statistics(self) -> list[str]:
        """Return a line for each service: edits, how long they took, and how often each time."""
        found = []
        for name, seconds in sorted(self.seconds.items()):
            ordered = sorted(seconds)
            middle, late = ordered[len(ordered) // 2], ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
            found.append(
                f"{name:{self._width}} {len(ordered):4} edits served · p50 {middle:.2f} s · p95 {late:.2f} s · "
                f"longest {ordered[-1]:.2f} s"
            )
            found += histogram(ordered)
        return found


def histogram(seconds: Sequence[float]) -> list[str]:
    """Return a line for each class of durations that occurs: its bound, a bar, its count."""
    bounds = (0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 2.0, 5.0, float("inf"))
    counts = [0] * len(bounds)
    for one in seconds:
        counts[next(number for number, bound in enumerate(bounds) if one <= bound)] += 1
    most = max(counts, default=0)
    return [
        f"  {'above 5.0' if bound == float('inf') else f'to {bound:.1f}':>9} s {'#' * max(1, round(40 * count / most))} {count}"
        for bound, count in zip(bounds, counts, strict=True)
        if count
    ]


def shortened(files: Sequence[str]) -> str:
    """Return the first files and how many more there are."""
    rest = len(files) - _MOST_FILES
    return ", ".join([*files[:_MOST_FILES], *([f"{rest} more"] if rest > 0 else [])])
