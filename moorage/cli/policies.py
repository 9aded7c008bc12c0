"""``moorage policy``: the pack's rules on plain manifests, and what they are."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rich.table import Table

from moorage import console
from moorage.errors import fail
from policy.catalogue import entries
from policy.check import Selection, check_manifests, list_exemptions
from policy.report import to_json, to_sarif, to_text
from policy.settings import SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


_WRITERS = {"text": to_text, "json": to_json, "sarif": to_sarif}


def check(paths: Sequence[str], *, level: Selection, stage: str, config: Path | None, form: str) -> int:
    """Judge manifests, print the report and return the exit status: 0 clean, 1 violations, 2 unreadable.

    Raises `MoorageError` for a configuration that names a policy or setting which does not exist.
    """
    try:
        report = check_manifests(paths, level=level, stage=stage, config=_config(config))
    except SettingsError as error:
        raise fail(
            "the policies' configuration is wrong",
            where=str(config) if config else None,
            why=str(error),
            remedy="`moorage policy list` names every policy; docs/policies.md shows the form of the file",
        ) from None
    console.out.out(_WRITERS[form](report), highlight=False)
    return report.exit_status


def show_list() -> None:
    """Print every policy with its levels."""
    table = Table(box=None, pad_edge=False)
    for title in ("id", "policy", "dev", "prod", "severity", "what it asks for"):
        table.add_column(title, no_wrap=title != "what it asks for")
    for entry in entries():
        table.add_row(entry.id, entry.name, entry.dev, entry.prod, entry.severity, entry.summary)
    console.out.print(table)


def show_exemptions(paths: Sequence[str]) -> None:
    """Print the exemptions that manifests carry as annotations, expired ones too."""
    table = Table(box=None, pad_edge=False)
    for title in ("policy", "object", "expires", "reason"):
        table.add_column(title)
    found = list_exemptions(paths)
    for item in found:
        table.add_row(item.policy, item.target, item.expires.isoformat(), item.reason)
    console.out.print(table if found else "no exemptions")


def _config(path: Path | None) -> dict[str, Any] | None:
    if path is None:
        return None
    try:
        found: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise fail(
            "the policies' configuration cannot be read",
            where=str(path),
            why=str(error),
            remedy="name a JSON file of the form that docs/policies.md shows",
        ) from None
    return found
