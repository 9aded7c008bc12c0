"""A check's report as text for people and as JSON for programs."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .check import Report, Result

NOTHING = "no Kubernetes objects found"


def to_text(report: Report) -> str:
    """Return the report for a terminal: every violation with its place, reason and fix, and a summary."""
    blocks = [f"{_place(item.file, item.line)}: cannot be read: {item.why}" for item in report.unreadable]
    blocks += [_as_text(item) for item in report.results]
    blocks += [f"{item.file}: skipped: {item.why}" for item in report.skipped if "template" in item.why]
    if report.idle:
        blocks.append(f"nothing was checked: {NOTHING}")
    exempted = sum(1 for item in report.results if item.exemption)
    blocking = sum(1 for item in report.results if item.blocks)
    advice = len(report.results) - exempted - blocking
    judged = f"{_count(report.objects, 'object', 'objects')}, {_count(len(report.rules), 'policy', 'policies')}"
    parts = [f"{judged}: {_count(blocking, 'violation', 'violations')}", _count(advice, "advisory", "advisories")]
    if exempted:
        parts.append(f"{exempted} exempted")
    if report.unreadable:
        parts.append(f"{len(report.unreadable)} not read")
    parts += [f"{count} skipped ({why.partition(':')[0]})" for why, count in _skipped(report)]
    return "\n".join([*blocks, ", ".join(parts), ""])


def _skipped(report: Report) -> list[tuple[str, int]]:
    """Return the reasons why something was skipped, and how often each."""
    return sorted(Counter(item.why.partition(":")[0] for item in report.skipped).items())


def _count(number: int, one: str, more: str) -> str:
    return f"{number} {one if number == 1 else more}"


def _place(file: str, line: int) -> str:
    return f"{file}:{line}" if line else file


def _as_text(item: Result) -> str:
    level = f"exempted until {item.exemption.expires}" if item.exemption else item.level.value
    rule = item.violation.rule
    place = _place(item.file, item.line)
    return f"{place}: [{level}, {rule.severity}] {rule.id} {rule.name}\n  {item.violation.message}"


def to_json(report: Report) -> str:
    """Return the report as one JSON object."""
    return json.dumps(
        {
            "objects": report.objects,
            "violations": [_as_json(item) for item in report.results],
            "unreadable": [{"file": item.file, "line": item.line, "why": item.why} for item in report.unreadable],
            "skipped": [{"file": item.file, "line": item.line, "why": item.why} for item in report.skipped],
            "exitStatus": report.exit_status,
        },
        indent=2,
        ensure_ascii=False,
    )


def _as_json(item: Result) -> dict[str, Any]:
    violation, rule = item.violation, item.violation.rule
    return {
        "policy": rule.name,
        "id": rule.id,
        "level": item.level.value,
        "severity": rule.severity.value,
        "standards": list(rule.standards),
        "object": violation.about.title,
        "namespace": violation.about.namespace or None,
        "container": violation.container,
        "path": violation.remark.path,
        "seen": violation.remark.seen,
        "problem": violation.problem,
        "why": rule.why,
        "fix": rule.fix,
        "file": item.file,
        "line": item.line,
        "exemption": _exemption(item),
    }


def _exemption(item: Result) -> dict[str, str] | None:
    if item.exemption is None:
        return None
    return {
        "reason": item.exemption.reason,
        "expires": item.exemption.expires.isoformat(),
        "source": item.exemption.source,
    }
