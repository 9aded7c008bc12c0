"""``moorage policy``: the pack's rules on plain manifests, and what they are."""

from __future__ import annotations

import gc
import json
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any

import yaml
from rich.markup import escape
from rich.table import Table

from moorage.base import console
from moorage.base.errors import MoorageError, Problem
from moorage.config.sources import known_stacks, stack_file
from moorage.config.yamlfile import read_yaml
from moorage.policy.catalogue import entries
from moorage.policy.check import Selection, check_manifests
from moorage.policy.exemptions import CONFIG_KEY, Exemption, configured
from moorage.policy.report import to_json, to_text
from moorage.policy.sarif import to_sarif
from moorage.policy.settings import SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


_WRITERS = {"text": to_text, "json": to_json, "sarif": to_sarif}
_UNREADABLE = 2


class WrongSettingsError(MoorageError):
    """The configuration of a check is invalid: the command ends as for a manifest that cannot be read."""

    exit_status = _UNREADABLE


class _FileError(MoorageError):
    """A file of configuration or of exemptions cannot be read."""


@dataclass(frozen=True, kw_only=True)
class CheckOptions:
    """How manifests are judged and reported; the files are those that the user names."""

    level: Selection = "all"
    stage: str = "prod"
    config: Path | None = None
    exemptions: Path | None = None
    exclude: tuple[str, ...] = ()
    namespace: str | None = None
    form: str = "text"


def check(paths: Sequence[str], options: CheckOptions) -> int:
    """Judge manifests, print the report and return the exit status: 0 clean, 1 violations, 2 for what cannot be read.

    A file of configuration or of exemptions that cannot be read is said, and is status 2 as well; raises
    WrongSettingsError for one that names a policy or a setting which does not exist.
    """
    gc.disable()  # the command ends with this, and what it holds until then is nothing to be looked through
    try:
        report = check_manifests(
            paths,
            level=options.level,
            stage=options.stage,
            config=_config(options.config),
            exemptions=_exemptions(options.exemptions),
            exclude=options.exclude,
            namespace=options.namespace,
        )
    except SettingsError as error:
        given = [str(file) for file in (options.config, options.exemptions) if file]
        problem = Problem(
            what="the policies' configuration is wrong",
            where=", ".join(given) or None,
            why=str(error),
            remedy="`moorage policy list` names every policy; docs/policies.md shows the form of the file",
        )
        raise WrongSettingsError(problem) from None
    except _FileError as error:
        for problem in error.problems:
            console.show_problem(problem)
        return _UNREADABLE
    console.out.out(_WRITERS[options.form](report), highlight=False)
    return report.exit_status


def show_list() -> None:
    """Print every policy with its levels."""
    table = Table(box=None, pad_edge=False)
    for title in ("id", "policy", "dev", "prod", "severity", "what it requires"):
        table.add_column(title, no_wrap=title != "what it requires")
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
                f"invalid exemption in stack {stack}",
                where=str(file),
                why=str(error),
                remedy="write it as docs/policies.md shows",
            ) from None
        found += [replace(item, source=f"{file.name}, {item.source}") for item in listed]
    return found


def _config(path: Path | None) -> dict[str, Any] | None:
    if path is None:
        return None
    found = _content(
        path, "the policies' configuration cannot be read", "name a JSON file of the form that docs/policies.md shows"
    )
    if not isinstance(found, dict):
        raise SettingsError(["it must be a JSON object of policies and their levels"])
    return found


def _exemptions(path: Path | None) -> list[Any]:
    """Return the list in a file of exemptions, which may stand there alone or under the key of a stack's configuration."""
    if path is None:
        return []
    found = _content(
        path, "the exemptions cannot be read", "name a YAML or JSON file of the form that docs/policies.md shows"
    )
    for key in ("config", CONFIG_KEY, "exemptions"):
        if isinstance(found, dict) and key in found:
            found = found[key]
    if not isinstance(found, list):
        raise SettingsError([f"the file must hold a list of exemptions, alone or under {CONFIG_KEY}"])
    return found


def _content(path: Path, what: str, remedy: str) -> Any:
    try:
        text = path.read_text(encoding="utf-8")
        return json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        why = getattr(error, "strerror", None) or " ".join(str(error).split())
        raise _FileError(Problem(what=what, where=str(path), why=why, remedy=remedy)) from None
