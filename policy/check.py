"""Judging plain manifests, without a cluster and without Pulumi: the third front end of the same rules."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Final, Literal

import policy.rules  # noqa: F401  # registers every rule
from policy.exemptions import Exemption, annotated, configured, exempt
from policy.judge import Violation, judge, judge_stack
from policy.manifests import Document, Unreadable, read_manifests
from policy.objects import Object, Origin, manifest_objects
from policy.registry import RULES, Level, Scope
from policy.settings import Configuration, configuration
from policy.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from policy.judge import Outcome
    from policy.registry import Profile, Rule

Selection = Literal["baseline", "restricted", "all"]
PROFILES: Final[dict[Selection, frozenset[Profile]]] = {
    "baseline": frozenset({"baseline"}),
    "restricted": frozenset({"baseline", "restricted"}),
    "all": frozenset({"baseline", "restricted", "all"}),
}


@dataclass(frozen=True)
class Result:
    """A violation at its place; ``exemption`` is the one that covers it, which makes it count for nothing."""

    violation: Violation
    level: Level
    file: str
    line: int
    exemption: Exemption | None = None

    @property
    def blocks(self) -> bool:
        """Whether this alone makes the check fail."""
        return self.level in {Level.MANDATORY, Level.REMEDIATE} and self.exemption is None


@dataclass(frozen=True)
class Report:
    """What a check found, in the order of files and lines."""

    results: tuple[Result, ...]
    unreadable: tuple[Unreadable, ...]
    objects: int
    rules: tuple[Rule, ...]

    @property
    def exit_status(self) -> int:
        """0 where nothing blocks, 1 where a mandatory rule is broken, 2 where something could not be read."""
        if self.unreadable:
            return 2
        return 1 if any(item.blocks for item in self.results) else 0


def check_manifests(
    paths: Iterable[str | Path],
    *,
    level: Selection = "all",
    stage: str = "prod",
    config: Mapping[str, Any] | None = None,
    exemptions: Any = (),
    today: date | None = None,
) -> Report:
    """Judge files, folders and ``-`` (standard input).

    ``level`` selects the rules of a Pod Security Standard or all of them, ``stage`` (``dev`` or ``prod``) their levels;
    ``config`` is what ``--policy-pack-config`` takes, ``exemptions`` what a stack's ``policy:exemptions`` takes.
    Raises SettingsError for mistakes in either of these.
    """
    day = today or date.today()  # noqa: DTZ011  # an exemption ends with the day where the check runs
    settings = configuration(stage, config)
    allowed = configured(list(exemptions))
    documents, unreadable = _read(paths)
    objects = tuple(item for document in documents for item in _objects(document))
    unreadable += [problem for item in objects if (problem := _not_an_object(item))]
    judged = tuple(item for item in objects if item.kind)
    wanted = [
        rule for rule in RULES.values() if rule.profile in PROFILES[level] and settings.level(rule) != Level.DISABLED
    ]
    stack = Stack(judged, exemptions=allowed, today=day)
    results = [
        _result(outcome, settings, allowed, day)
        for outcome in _outcomes(wanted, judged, stack, settings)
        if isinstance(outcome, Violation)
    ]
    results.sort(key=lambda item: (item.file, item.line, item.violation.rule.id))
    return Report(tuple(results), tuple(unreadable), len(judged), tuple(wanted))


def list_exemptions(paths: Iterable[str | Path], exemptions: Any = ()) -> tuple[Exemption, ...]:
    """Return every exemption of manifests' annotations and of the configuration, expired ones too."""
    documents, _ = _read(paths)
    found = [item for document in documents for about in _objects(document) for item in annotated(about)[0]]
    return (*configured(list(exemptions)), *found)


def _result(violation: Violation, settings: Configuration, allowed: tuple[Exemption, ...], day: date) -> Result:
    document = violation.about.origin.document
    file = document.file if isinstance(document, Document) else violation.about.title
    line = document.line(violation.remark.path) if isinstance(document, Document) else 0
    return Result(violation, settings.level(violation.rule), file, line, exempt(violation, allowed, day))


def _read(paths: Iterable[str | Path]) -> tuple[list[Document], list[Unreadable]]:
    documents: list[Document] = []
    unreadable: list[Unreadable] = []
    for found in read_manifests(paths):
        if isinstance(found, Document):
            documents.append(found)
        else:
            unreadable.append(found)
    return documents, unreadable


def _objects(document: Document) -> Iterator[Object]:
    origin = Origin(file=document.file, line=document.line(""), document=document)
    yield from manifest_objects(document.value, origin)


def _not_an_object(about: Object) -> Unreadable | None:
    if about.kind:
        return None
    return Unreadable(
        about.origin.file or "", about.origin.line or 0, "the document is no Kubernetes object: it has no kind"
    )


def _outcomes(
    rules: list[Rule], objects: tuple[Object, ...], stack: Stack, settings: Configuration
) -> Iterator[Outcome]:
    for rule in rules:
        chosen = settings.settings[rule.name]
        if rule.scope is Scope.STACK:
            yield from judge_stack(rule, stack, chosen)
        else:
            for item in objects:
                yield from judge(rule, item, chosen)
