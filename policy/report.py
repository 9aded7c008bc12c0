"""A check's report as text for people, as JSON for programs, and as SARIF for code review."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from policy.registry import Level, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policy.check import Report, Result
    from policy.registry import Rule

TOOL: Final = "moorage-policy"
SARIF_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
SCORES: Final = {Severity.LOW: "3.0", Severity.MEDIUM: "5.5", Severity.HIGH: "8.0", Severity.CRITICAL: "9.5"}
"""What GitHub's code scanning sorts by."""


def to_text(report: Report) -> str:
    """Return the report for a terminal: every violation with its place, reason and fix, and a summary."""
    blocks = [f"{item.file}:{item.line}: cannot be read: {item.why}" for item in report.unreadable]
    blocks += [_as_text(item) for item in report.results]
    exempted = sum(1 for item in report.results if item.exemption)
    blocking = sum(1 for item in report.results if item.blocks)
    advice = len(report.results) - exempted - blocking
    parts = [f"{report.objects} objects, {len(report.rules)} policies: {blocking} violations, {advice} advisories"]
    if exempted:
        parts.append(f"{exempted} exempted")
    if report.unreadable:
        parts.append(f"{len(report.unreadable)} not read")
    return "\n".join([*blocks, ", ".join(parts), ""])


def _as_text(item: Result) -> str:
    level = f"exempted until {item.exemption.expires}" if item.exemption else item.level.value
    rule = item.violation.rule
    return f"{item.file}:{item.line}: [{level}, {rule.severity}] {rule.id} {rule.name}\n  {item.violation.message}"


def to_json(report: Report) -> str:
    """Return the report as one JSON object."""
    return json.dumps(
        {
            "objects": report.objects,
            "violations": [_as_json(item) for item in report.results],
            "unreadable": [{"file": item.file, "line": item.line, "why": item.why} for item in report.unreadable],
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


def to_sarif(report: Report) -> str:
    """Return the report as SARIF 2.1.0, which code review shows at the line."""
    used = list(report.rules)
    index = {rule.name: position for position, rule in enumerate(used)}
    run = {
        "tool": {"driver": {"name": TOOL, "rules": [_sarif_rule(rule) for rule in used]}},
        "results": [_sarif_result(item, index[item.violation.rule.name]) for item in report.results],
        "invocations": [
            {
                "executionSuccessful": not report.unreadable,
                "toolExecutionNotifications": list(_notifications(report)),
            }
        ],
    }
    return json.dumps({"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False)


def _sarif_rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "name": rule.name,
        "shortDescription": {"text": rule.summary},
        "fullDescription": {"text": rule.why},
        "help": {"text": rule.fix},
        "properties": {"tags": ["security", *rule.standards], "security-severity": SCORES[rule.severity]},
    }


def _sarif_result(item: Result, index: int) -> dict[str, Any]:
    violation = item.violation
    result: dict[str, Any] = {
        "ruleId": violation.rule.id,
        "ruleIndex": index,
        "level": "warning" if item.level is Level.ADVISORY else "error",
        "message": {"text": violation.message},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": item.file},
                    "region": {"startLine": max(item.line, 1)},
                },
                "logicalLocations": [{"fullyQualifiedName": f"{violation.about.title}:{violation.remark.path}"}],
            }
        ],
    }
    if item.exemption is not None:
        result["suppressions"] = [{"kind": "inSource", "justification": item.exemption.reason}]
    return result


def _notifications(report: Report) -> Iterator[dict[str, Any]]:
    for item in report.unreadable:
        place = {"artifactLocation": {"uri": item.file}, "region": {"startLine": max(item.line, 1)}}
        yield {"level": "error", "message": {"text": item.why}, "locations": [{"physicalLocation": place}]}
