"""``moorage policy``: the pack's rules on plain manifests, and what they are."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table

from moorage.base import console
from moorage.base.errors import MoorageError
from moorage.config.sources import known_stacks, stack_file
from moorage.config.yamlfile import read_yaml
from policy.catalogue import entries
from policy.check import Selection, check_manifests
from policy.exemptions import CONFIG_KEY, Exemption, configured
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
        raise MoorageError.of(
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


def show_exemptions(exemptions: Sequence[Exemption]) -> None:
    """Print exemptions, expired ones too."""
    table = Table(box=None, pad_edge=False)
    for title in ("policy", "object", "expires", "reason", "where"):
        table.add_column(title)
    today = date.today()  # noqa: DTZ011  # an exemption ends with the day where the pack runs
    for item in exemptions:
        expires = item.expires.isoformat() if item.holds(today) else f"[red]{item.expires.isoformat()}, expired[/]"
        table.add_row(item.policy, escape(item.target), expires, escape(item.reason), escape(item.source))
    console.out.print(table if exemptions else "no exemptions")


def exemptions_of_stacks(root: Path) -> list[Exemption]:
    """Return the exemptions that the settings of a checkout's stacks list; raises `MoorageError` for one that is wrong."""
    found: list[Exemption] = []
    for stack in known_stacks(root):
        file = stack_file(root, stack)
        config = read_yaml(file).data.get("config")
        try:
            listed = configured(config.get(CONFIG_KEY, []) if isinstance(config, dict) else [])
        except SettingsError as error:
            raise MoorageError.of(
                f"an exemption of stack {stack} is not understood",
                where=str(file),
                why=str(error),
                remedy="write it as docs/policies.md shows",
            ) from None
        found += [replace(item, source=f"{file.name}, {item.source}") for item in listed]
    return found


def _config(path: Path | None) -> dict[str, Any] | None:
    if path is None:
        return None
    try:
        found: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise MoorageError.of(
            "the policies' configuration cannot be read",
            where=str(path),
            why=str(error),
            remedy="name a JSON file of the form that docs/policies.md shows",
        ) from None
    return found
