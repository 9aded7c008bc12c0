"""What a reviewer wants to know of a preview, as Markdown: services, risk, policy findings, growth of images."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

LIMIT = 24_000
"""Characters of all sections together."""
_MOST_ROWS, _MOST_LINES = 60, 25
_TEXT = 140
"""Characters of one reason or finding."""


def read_report(path: Path | None) -> dict[str, Any] | None:
    """Return what a preview reported; None where it did not get that far."""
    if path is None or not path.is_file():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8", errors="replace"))
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def sections(report: Mapping[str, Any]) -> str:
    """Return the sections that a report has something for."""
    parts = [
        _listed("At risk", report.get("risks"), "⚠️ "),
        _listed("Down for a moment", report.get("downtime")),
        _services(list(_mappings(report.get("services")))),
        _policies(list(_mappings(report.get("policies")))),
        _listed("Changed by hand, and restored", report.get("drift")),
    ]
    text = ""
    for part in filter(None, parts):
        if len(text) + len(part) > LIMIT:
            text += "… the rest is left out; see the job's log\n\n"
            break
        text += part
    return text


def _services(services: list[Mapping[str, Any]]) -> str:
    touched = [one for one in services if one.get("rebuilt") or one.get("redeployed") or one.get("deleted")]
    quiet = len(services) - len(touched)
    if not services:
        return ""
    rows = [_row(one) for one in touched[:_MOST_ROWS]]
    head = "| Service | Image | Size | Workload |\n|---|---|---|---|\n" if rows else ""
    more = f"{len(touched) - len(rows)} more services change" if len(touched) > len(rows) else ""
    rest = f"{quiet} neither rebuilt nor redeployed" if quiet else ""
    return head + "".join(rows) + "\n" + "".join(f"{line}\n\n" for line in (more, rest) if line)


def _row(service: Mapping[str, Any]) -> str:
    reasons = [str(reason) for reason in service.get("rebuilt") or ()]
    image = "not rebuilt"
    if reasons:
        rest = f" and {len(reasons) - 1} more" if len(reasons) > 1 else ""
        image = f"rebuilt: {_code(reasons[0])}{rest}"
    workload = "deleted" if service.get("deleted") else _plain(str(service.get("redeployed") or "not redeployed"))
    return f"| {_code(str(service.get('name', '')))} | {image} | {_size(service)} | {workload} |\n"


def _size(service: Mapping[str, Any]) -> str:
    before, after = service.get("bytesBefore"), service.get("bytesAfter")
    if not service.get("rebuilt"):
        return "same"
    if not isinstance(after, int):
        return "known once built"
    if not isinstance(before, int):
        return _bytes(after)
    growth = after - before
    percent = f", {growth / before:+.1%}" if before else ""
    return f"{_bytes(after)} ({'+' if growth >= 0 else '-'}{_bytes(abs(growth))}{percent})"


def _bytes(count: float) -> str:
    # As console.size() says it, which needs more than Python: a job that comments has installed nothing.
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.2f} GB"


def _policies(found: list[Mapping[str, Any]]) -> str:
    if not found:
        return ""
    order = {"mandatory": 0, "advisory": 1}
    ranked = sorted(found, key=lambda one: order.get(str(one.get("level")), 2))
    lines = [
        f"- {_plain(str(one.get('level', '')))} {_code(str(one.get('policy', '')))} {_code(str(one.get('resource', '')))}: "
        f"{_plain(_short(str(one.get('message', ''))))}"
        for one in ranked[:_MOST_LINES]
    ]
    return f"**Policy findings: {len(found)}**\n\n" + _with_rest(lines, len(found))


def _listed(title: str, lines: Any, mark: str = "") -> str:
    texts = [str(line) for line in lines] if isinstance(lines, list) else []
    if not texts:
        return ""
    shown = [f"- {_plain(_short(text))}" for text in texts[:_MOST_LINES]]
    return f"**{mark}{title}**\n\n" + _with_rest(shown, len(texts))


def _with_rest(lines: list[str], total: int) -> str:
    rest = [f"- and {total - len(lines)} more"] if total > len(lines) else []
    return "\n".join([*lines, *rest]) + "\n\n"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _TEXT else f"{line[: _TEXT - 1]}…"


def _code(text: str) -> str:
    """Return a text as code, in which nothing is a link, a name to be notified, or a new cell."""
    inner = re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029`|]", " ", _short(text)).strip()
    return f"`{inner}`" if inner else ""


def _plain(text: str) -> str:
    """Return a text in which no character means anything to Markdown, and nobody is notified."""
    line = re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", " ", text)
    escaped = re.sub(r"([\\`*_{}\[\]<>#|~])", r"\\\1", line)
    return escaped.replace("@", "@\u200b").replace("://", ":\u200b//")


def _mappings(found: Any) -> Iterator[Mapping[str, Any]]:
    items: Iterable[Any] = found if isinstance(found, list) else ()
    yield from (item for item in items if isinstance(item, dict))
