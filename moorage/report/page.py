"""The report as one self-contained page: no script, no request, charts as inline SVG."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from moorage.base.console import duration, size
from moorage.report.sizes import growth

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from moorage.report.model import Build, Step
    from moorage.report.sizes import Growth

TEMPLATE = "page.html.j2"
TREND_BUILDS = 40
"""How many of the last builds a trend shows."""
_WIDTH, _HEIGHT, _MARGIN = 300.0, 60.0, 4.0
_LEAST_BAR = 0.6


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One step on the time line of its build; `x` and `width` in percent."""

    step: Step
    x: float
    width: float


@dataclass(frozen=True, kw_only=True)
class Trend:
    """A line over the last builds, in the units of an SVG of 300 by 60."""

    title: str
    points: str
    last: tuple[float, float]
    lowest: str
    highest: str
    now: str
    count: int


@dataclass(frozen=True, kw_only=True)
class Slice:
    """One layer's share of the image; `x` and `width` in percent."""

    created_by: str
    size: str
    x: float
    width: float


@dataclass(frozen=True, kw_only=True)
class Card:
    """All that the page says of one image."""

    name: str
    build: Build
    before: Build | None
    stages: Mapping[str, Sequence[Bar]]
    trends: Sequence[Trend]
    slices: Sequence[Slice]
    growth: Sequence[Growth]
    over: Sequence[str]


def render(stack: str, builds: Mapping[str, Sequence[Build]], over: Mapping[str, Sequence[str]]) -> str:
    """Return the page of a stack: ``builds`` of each image, the oldest first; ``over``, what exceeds a budget."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"duration": duration, "size": size, "signed": _signed}
    cards = [card(name, found, over.get(name, ())) for name, found in builds.items()]
    counted = sum(len(entry.build.counted) for entry in cards)
    return environment.get_template(TEMPLATE).render(
        stack=stack,
        cards=cards,
        steps=counted,
        run=counted - sum(entry.build.cached for entry in cards),
        seconds=sum(entry.build.seconds for entry in cards),
        unpacked=sum(entry.build.unpacked for entry in cards),
        latest=max(entry.build.started for entry in cards),
    )


def card(name: str, builds: Sequence[Build], over: Sequence[str]) -> Card:
    """Return what is shown of one image."""
    build, before = builds[-1], builds[-2] if len(builds) > 1 else None
    return Card(
        name=name,
        build=build,
        before=before,
        stages=_stages(build),
        trends=_trends(builds[-TREND_BUILDS:]),
        slices=_slices(build),
        growth=growth(build, before),
        over=over,
    )


def _stages(build: Build) -> dict[str, list[Bar]]:
    whole = max([build.seconds, *(step.offset + step.seconds for step in build.steps)]) or 1.0
    found = {stage: [_bar(step, whole) for step in steps if not step.base] for stage, steps in build.stages().items()}
    return {stage: bars for stage, bars in found.items() if bars}


def _bar(step: Step, whole: float) -> Bar:
    return Bar(
        step=step,
        x=round(min(100 * step.offset / whole, 100 - _LEAST_BAR), 2),
        width=round(max(_LEAST_BAR, 100 * step.seconds / whole), 2),
    )


def _trends(builds: Sequence[Build]) -> list[Trend]:
    if len(builds) < 2:
        return []
    return [
        _trend("duration", [build.seconds for build in builds], duration),
        _trend("steps cached", [build.hit_rate for build in builds], lambda value: f"{value:.0f} %"),
        _trend("size, unpacked", [float(build.unpacked) for build in builds], size),
    ]


def _trend(title: str, values: Sequence[float], words: Callable[[float], str]) -> Trend:
    low, high = min(values), max(values)
    span = high - low or 1.0
    places = [
        (
            round(_MARGIN + index * (_WIDTH - 2 * _MARGIN) / (len(values) - 1), 1),
            round(_HEIGHT - _MARGIN - (value - low) / span * (_HEIGHT - 2 * _MARGIN), 1),
        )
        for index, value in enumerate(values)
    ]
    return Trend(
        title=title,
        points=" ".join(f"{x},{y}" for x, y in places),
        last=places[-1],
        lowest=words(low),
        highest=words(high),
        now=words(values[-1]),
        count=len(values),
    )


def _slices(build: Build) -> list[Slice]:
    found, x, whole = [], 0.0, build.unpacked or 1
    for layer in build.layers:
        width = 100 * layer.unpacked / whole
        found.append(
            Slice(created_by=layer.created_by, size=size(layer.unpacked), x=round(x, 2), width=round(width, 2))
        )
        x += width
    return found


def _signed(count: int) -> str:
    return f"{'-' if count < 0 else '+'}{size(abs(count))}"
