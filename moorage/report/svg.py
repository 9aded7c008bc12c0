"""A picture as one self-contained SVG that reads well on light and on dark pages."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from moorage.report.layout import Layout, Placed, laid_out
from moorage.report.picture import CHANGED

if TYPE_CHECKING:
    from moorage.report.picture import Box, Picture

_MARGIN = 24.0
_GAP = (72.0, 18.0)
_MOST_LINES = 260
_CHARACTER = 7.9
"""Width of a character of the names, in pixels: a monospaced font of 13 px."""
_SMALL = 6.2
_TITLE = 44.0
_LEGEND = 44.0
_KINDS = {"images": "base image", "libs": "library", "apps": "service", "stack": "Kubernetes objects"}
_WAITING = ("need", "route")
"""Lines along which nothing is built."""
_STYLE = """
  svg { color-scheme: light dark; font-family: ui-monospace, "SF Mono", Menlo, Consolas, monospace; font-size: 13px }
  .page { fill: #ffffff } text { fill: #1f2937 } .title { font-size: 16px; font-weight: 600 }
  .small { font-size: 10.5px; fill: #4b5563 }
  .box { stroke-width: 1.5 }
  .images { fill: #e0f2fe; stroke: #0369a1 } .libs { fill: #f3e8ff; stroke: #7e22ce }
  .apps { fill: #ecfdf5; stroke: #047857 } .stack { fill: #f3f4f6; stroke: #4b5563 }
  .line { fill: none; stroke: #6b7280; stroke-width: 1.4 } .need { stroke-dasharray: 5 4 }
  .tip { fill: #6b7280 } .changed-line { stroke: #b45309; stroke-width: 2 } .changed-tip { fill: #b45309 }
  .changed { stroke: #b45309; stroke-width: 3 } .mark { fill: #b45309; font-size: 10.5px; font-weight: 600 }
  @media (prefers-color-scheme: dark) {
    .page { fill: #111827 } text { fill: #f3f4f6 } .small { fill: #9ca3af }
    .images { fill: #0c2a3d; stroke: #38bdf8 } .libs { fill: #2a1640; stroke: #c084fc }
    .apps { fill: #06281f; stroke: #34d399 } .stack { fill: #1f2937; stroke: #9ca3af }
    .line { stroke: #9ca3af } .tip { fill: #9ca3af }
    .changed-line, .changed { stroke: #fbbf24 } .changed-tip, .mark { fill: #fbbf24 }
  }
"""


def svg(picture: Picture) -> str:
    """Return the picture as an SVG document; dependencies lead from left to right."""
    sizes = {box.id: _size(box) for box in picture.boxes}
    lines = [(line.source, line.target) for line in picture.lines]
    # Many lines side by side need room to be told apart.
    layout = laid_out(sizes, lines, gap=(_GAP[0] + min(len(lines), _MOST_LINES), _GAP[1]))
    width = max(layout.width, 640.0) + 2 * _MARGIN
    height = layout.height + 2 * _MARGIN + _TITLE + _LEGEND
    # The two arrow heads; a stroke's colour is not inherited by its marker everywhere.
    heads = "".join(
        f'<marker id="{name}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        f'<path class="{name}" d="M0 0 8 4 0 8z"/></marker>'
        for name in ("tip", "changed-tip")
    )
    parts = [
        _head(picture, width, height),
        f"<title>{escape(picture.title)}</title><style>{_STYLE}</style><defs>{heads}</defs>",
        f'<rect class="page" width="{width:.0f}" height="{height:.0f}"/>',
        f'<text class="title" x="{_MARGIN}" y="{_MARGIN + 14}">{escape(picture.title)}</text>',
        f'<g transform="translate({_MARGIN} {_MARGIN + _TITLE})">',
        *_lines(picture, layout),
        *(_drawn(box, layout.places[box.id]) for box in picture.boxes),
        "</g>",
        _legend(picture, height - _MARGIN),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _head(picture: Picture, width: float, height: float) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
        f'height="{height:.0f}" role="img" aria-label={quoteattr(picture.title)}>'
    )


def _rows(box: Box) -> list[str]:
    """Return the kinds of objects, some to a row."""
    rows: list[str] = []
    for kind in box.objects:
        if rows and len(rows[-1]) + len(kind) < 34:
            rows[-1] += f", {kind}"
        else:
            rows.append(kind)
    return rows


def _size(box: Box) -> tuple[float, float]:
    rows = _rows(box)
    words = [
        len(box.name) * _CHARACTER,
        *(len(row) * _SMALL for row in rows),
        (len(CHANGED) + 3) * _SMALL if box.changed else 0,
    ]
    return max(words) + 28, 34 + 14 * len(rows) + (14 if box.changed else 0)


def _drawn(box: Box, place: Placed) -> str:
    changed = " changed" if box.changed else ""
    x, y = place.x + 14, place.y + 22
    texts = [f'<text x="{x:.1f}" y="{y:.1f}">{escape(box.name)}</text>']
    rows = [("small", row) for row in _rows(box)] + ([("mark", f"● {CHANGED}")] if box.changed else [])
    for number, (style, row) in enumerate(rows, 1):
        texts.append(f'<text class="{style}" x="{x:.1f}" y="{y + 14 * number:.1f}">{escape(row)}</text>')
    return (
        f"<g id={quoteattr(box.id)}><title>{escape(box.id)}{f' ({CHANGED})' if box.changed else ''}</title>"
        f'<rect class="box {box.kind}{changed}" x="{place.x:.1f}" y="{place.y:.1f}" width="{place.width:.1f}" '
        f'height="{place.height:.1f}" rx="{17 if box.kind == "libs" else 5}"/>{"".join(texts)}</g>'
    )


def _lines(picture: Picture, layout: Layout) -> list[str]:
    changed = {box.id for box in picture.boxes if box.changed}
    drawn = []
    for line in picture.lines:
        hot = line.label not in _WAITING and line.target in changed and line.source in changed
        style = f"line{' need' if line.label in _WAITING else ''}{' changed-line' if hot else ''}"
        head = "changed-tip" if hot else "tip"
        path = _path([layout.places[name] for name in layout.routes[line.source, line.target]])
        drawn.append(f'<path class="{style}" marker-end="url(#{head})" d="{path}"/>')
    return drawn


def _path(route: list[Placed]) -> str:
    """Return a smooth curve from the right side of the first box to the left side of the last."""
    first = route[0]
    x, y = first.x + first.width, first.y + first.height / 2
    words = [f"M{x:.1f} {y:.1f}"]
    for place in route[1:]:
        to_x, to_y = place.x, place.y + place.height / 2
        bow = (to_x - x) / 2
        words.append(f"C{x + bow:.1f} {y:.1f} {to_x - bow:.1f} {to_y:.1f} {to_x:.1f} {to_y:.1f}")
        x, y = to_x + (place.width if place.bend else 0), to_y
        if place.bend:
            words.append(f"H{x:.1f}")
    return " ".join(words)


def _legend(picture: Picture, y: float) -> str:
    kinds = [kind for kind in _KINDS if any(box.kind == kind for box in picture.boxes)]
    entries = [(f"box {kind}", _KINDS[kind]) for kind in kinds]
    if any(box.changed for box in picture.boxes):
        entries.append(("box stack changed", CHANGED))
    x, parts = _MARGIN, []
    for style, words in entries:
        parts.append(f'<rect class="{style}" x="{x:.0f}" y="{y - 11:.0f}" width="14" height="12" rx="2"/>')
        parts.append(f'<text class="small" x="{x + 20:.0f}" y="{y - 1:.0f}">{words}</text>')
        x += 20 + len(words) * _SMALL + 26
    if any(line.label in _WAITING for line in picture.lines):
        parts.append(f'<path class="line need" d="M{x:.0f} {y - 5:.0f}h22"/>')
        parts.append(f'<text class="small" x="{x + 28:.0f}" y="{y - 1:.0f}">waits for, or routes to</text>')
    return "".join(parts)
