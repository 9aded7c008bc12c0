"""A check's report as SARIF 2.1.0, which code review shows at the line."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from .registry import Level, Severity
from .sources import STDIN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .check import Report, Result
    from .manifests import Unreadable
    from .registry import Rule

TOOL: Final = "moorage-policy"
VERSION: Final = "0.1.0"
SARIF_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
HOME: Final = "https://github.com/moorage/moorage/blob/main/docs"
SCORES: Final = {Severity.LOW: "3.0", Severity.MEDIUM: "5.5", Severity.HIGH: "8.0", Severity.CRITICAL: "9.5"}
"""What GitHub's code scanning sorts by, and takes every rule that has one for a rule about security."""
SUBJECTS: Final = {
    "POD": ("security", "pod-security"),
    "RBC": ("security", "rbac"),
    "SEC": ("security", "secrets"),
    "NET": ("security", "network"),
    "IMG": ("security", "images"),
    "RES": ("reliability", "resources"),
    "AVL": ("reliability", "availability"),
    "DAT": ("reliability", "data"),
    "MET": ("maintainability", "metadata"),
    "PUL": ("maintainability", "policies"),
}
"""What rules are about, by the beginning of their ids."""
_SOURCE_ROOT: Final = "%SRCROOT%"


def to_sarif(report: Report, root: Path | None = None) -> str:
    """Return the report; files are named from ``root``, by default the repository that the current folder is in."""
    used = list(report.rules)
    index = {rule.name: position for position, rule in enumerate(used)}
    base = (root or _repository(Path.cwd())).resolve()
    places = _Places(base)
    run = {
        "tool": {
            "driver": {
                "name": TOOL,
                "version": VERSION,
                "semanticVersion": VERSION,
                "informationUri": f"{HOME}/policies.md",
                "rules": [_sarif_rule(rule) for rule in used],
            }
        },
        "originalUriBaseIds": {_SOURCE_ROOT: {"description": {"text": "The root of the repository."}}},
        "columnKind": "unicodeCodePoints",
        "results": [_sarif_result(item, index[item.violation.rule.name], places) for item in report.results],
        "invocations": [
            {
                "executionSuccessful": not report.unreadable,
                "toolExecutionNotifications": list(_notifications(report, places)),
            }
        ],
    }
    return json.dumps({"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False)


class _Places:
    """Where files are, as SARIF says it."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def artifact(self, file: str) -> dict[str, str]:
        """Return a file's location: a URI from the root of the repository, or a whole one for a file that is elsewhere."""
        if file == STDIN:
            return {"uri": "stdin"}
        path = Path(os.path.abspath(file))  # noqa: PTH100  # links stay what they are
        for candidate in (path, path.resolve()):
            if candidate.is_relative_to(self._root):
                uri = quote(os.fsencode(candidate.relative_to(self._root).as_posix()))
                return {"uri": uri, "uriBaseId": _SOURCE_ROOT}
        return {"uri": path.as_uri()}

    def physical(self, file: str, line: int) -> dict[str, Any]:
        """Return a line of a file; SARIF counts from 1."""
        return {"artifactLocation": self.artifact(file), "region": {"startLine": max(line, 1)}}


def tags(rule: Rule) -> list[str]:
    """Return what a rule is about, and the standards that ask for it."""
    return [*SUBJECTS[rule.id.partition("-")[0]], *rule.standards]


def _sarif_rule(rule: Rule) -> dict[str, Any]:
    properties: dict[str, Any] = {"tags": tags(rule), "problem.severity": _problem(rule.severity)}
    if "security" in properties["tags"]:
        properties["security-severity"] = SCORES[rule.severity]
    page = f"{HOME}/policy-reference.md#{rule.name}"
    return {
        "id": rule.id,
        "name": rule.name,
        "shortDescription": {"text": rule.summary},
        "fullDescription": {"text": f"{rule.summary} Otherwise: {rule.why}."},
        "helpUri": page,
        "help": {
            "text": f"{rule.why}. Fix: {rule.fix}.",
            "markdown": f"{rule.why}.\n\n**Fix:** {rule.fix}.\n\n[{rule.name}]({page})",
        },
        "defaultConfiguration": {"level": "warning" if rule.levels.prod is Level.ADVISORY else "error"},
        "properties": properties,
    }


def _problem(severity: Severity) -> str:
    return {Severity.LOW: "recommendation", Severity.MEDIUM: "warning"}.get(severity, "error")


def _sarif_result(item: Result, index: int, places: _Places) -> dict[str, Any]:
    violation = item.violation
    result: dict[str, Any] = {
        "ruleId": violation.rule.id,
        "ruleIndex": index,
        "level": "warning" if item.level is Level.ADVISORY else "error",
        "message": {"text": violation.message},
        "locations": [
            {
                "physicalLocation": places.physical(item.file, item.line),
                "logicalLocations": [{"fullyQualifiedName": f"{violation.about.title}:{violation.remark.path}"}],
            }
        ],
    }
    if item.exemption is not None:
        inside = item.exemption.source == violation.about.title
        kind = "inSource" if inside else "external"
        result["suppressions"] = [{"kind": kind, "justification": item.exemption.reason}]
    return result


def _notifications(report: Report, places: _Places) -> Iterator[dict[str, Any]]:
    def note(level: str, item: Unreadable) -> dict[str, Any]:
        place = places.physical(item.file, item.line)
        return {"level": level, "message": {"text": item.why}, "locations": [{"physicalLocation": place}]}

    yield from (note("error", item) for item in report.unreadable)
    yield from (note("note", item) for item in report.skipped)


def _repository(folder: Path) -> Path:
    """Return the repository that a folder is in, or the folder itself."""
    return next((above for above in (folder, *folder.parents) if (above / ".git").exists()), folder)
