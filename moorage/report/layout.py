"""Where boxes stand: in columns, each box to the right of all that it depends on, with few crossings."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_SWEEPS = 8


@dataclass
class Placed:
    """A box, or a bend of a line that passes a column; all in pixels."""

    id: str
    column: int
    width: float
    height: float
    x: float = 0.0
    y: float = 0.0
    bend: bool = False


@dataclass
class Layout:
    """Everything in its place, and for each line the ids that it passes, from the target to the source."""

    places: dict[str, Placed]
    routes: dict[tuple[str, str], list[str]]
    width: float = 0.0
    height: float = 0.0
    columns: list[list[str]] = field(default_factory=list)


def laid_out(
    sizes: Mapping[str, tuple[float, float]], lines: Iterable[tuple[str, str]], *, gap: tuple[float, float]
) -> Layout:
    """Place boxes of given sizes; ``lines`` are pairs (source, target), without cycles; ``gap`` is between boxes."""
    pairs = list(dict.fromkeys(lines))
    columns = _columns(sizes, pairs)
    places = {name: Placed(name, columns[name], *sizes[name]) for name in sizes}
    routes = {}
    for source, target in pairs:
        bends = []
        for column in range(columns[target] + 1, columns[source]):
            bend = Placed(f"{source}>{target}@{column}", column, 0, 10, bend=True)
            places[bend.id] = bend
            bends.append(bend.id)
        routes[source, target] = [target, *bends, source]
    layout = Layout(places, routes)
    _order(layout)
    _place(layout, gap)
    return layout


def _columns(sizes: Mapping[str, tuple[float, float]], pairs: Sequence[tuple[str, str]]) -> dict[str, int]:
    """Return for each box the length of the longest way down from it."""
    columns = dict.fromkeys(sizes, 0)
    for _ in range(len(sizes) + 1):
        moved = False
        for source, target in pairs:
            if columns[source] <= columns[target]:
                columns[source] = columns[target] + 1
                moved = True
        if not moved:
            return _beside_dependents(columns, pairs)
    raise ValueError("the graph has a cycle")


def _beside_dependents(columns: dict[str, int], pairs: Sequence[tuple[str, str]]) -> dict[str, int]:
    """Return the columns with each box as near to what depends on it as can be, which makes lines short."""
    dependents: dict[str, list[str]] = {name: [] for name in columns}
    for source, target in pairs:
        dependents[target].append(source)
    for name in sorted(columns, key=columns.__getitem__, reverse=True):
        if dependents[name]:
            columns[name] = min(columns[source] for source in dependents[name]) - 1
    return columns


def _order(layout: Layout) -> None:
    """Order each column by the middle of its neighbours, there and back, which leaves few crossings."""
    count = 1 + max((place.column for place in layout.places.values()), default=-1)
    layout.columns = [
        [place.id for place in layout.places.values() if place.column == column] for column in range(count)
    ]
    left: dict[str, list[str]] = {name: [] for name in layout.places}
    right: dict[str, list[str]] = {name: [] for name in layout.places}
    for route in layout.routes.values():
        for earlier, later in pairwise(route):
            left[later].append(earlier)
            right[earlier].append(later)
    for sweep in range(_SWEEPS):
        there = sweep % 2 == 0
        for column in layout.columns if there else reversed(layout.columns):
            rank = {name: index / len(names) for names in layout.columns for index, name in enumerate(names)}
            beside = left if there else right
            middles = {
                name: sum(rank[other] for other in beside[name]) / len(beside[name]) if beside[name] else rank[name]
                for name in column
            }
            column.sort(key=middles.__getitem__)


def _place(layout: Layout, gap: tuple[float, float]) -> None:
    x = 0.0
    heights = []
    for names in layout.columns:
        y = 0.0
        width = max((layout.places[name].width for name in names), default=0)
        for name in names:
            place = layout.places[name]
            # A line passes a column straight, so that it bends only where no boxes are.
            place.x, place.y, place.width = x, y, width if place.bend else place.width
            y += place.height + gap[1]
        heights.append(y - gap[1])
        x += width + gap[0]
    layout.width, layout.height = max(x - gap[0], 0), max(heights, default=0)
    for names, height in zip(layout.columns, heights, strict=True):
        for name in names:
            layout.places[name].y += (layout.height - height) / 2
