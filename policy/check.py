"""Judging plain manifests, without a cluster and without Pulumi: the third front end of the same rules."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Final, Literal

from .exemptions import Exemption, annotated, configured, exempt
from .judge import judge, judge_stack
from .manifests import Document, Skipped, Unreadable, read_source
from .objects import DEFAULT_NAMESPACE, Object, Surroundings
from .registry import RULES, Level, Scope
from .settings import Configuration, configuration
from .sources import find_sources
from .stack import Stack
from .verdicts import Violation
from .workers import Task, objects_of, read_all, without_collections

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from .registry import Profile, Rule
    from .verdicts import Outcome
    from .workers import Read

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
    skipped: tuple[Skipped, ...] = ()

    @property
    def exit_status(self) -> int:
        """0 where nothing blocks, 1 where a mandatory rule is broken, 2 where something could not be read.

        2 as well where nothing was judged: because there was no file, or nothing but templates.
        """
        if self.unreadable or self.idle:
            return 2
        return 1 if any(item.blocks for item in self.results) else 0

    @property
    def idle(self) -> bool:
        """Whether there was nothing to judge, and so nothing is known to be right."""
        return (
            not self.objects
            and not self.unreadable
            and (not self.skipped or any("template" in item.why for item in self.skipped))
        )


def check_manifests(
    paths: Iterable[str | Path],
    *,
    level: Selection = "all",
    stage: str = "prod",
    config: Mapping[str, Any] | None = None,
    exemptions: Any = (),
    exclude: Iterable[str] = (),
    namespace: str | None = None,
    today: date | None = None,
) -> Report:
    """Judge files, folders and ``-`` (standard input).

    ``level`` selects the rules of a Pod Security Standard or all of them, ``stage`` (``dev`` or ``prod``) their levels;
    ``config`` is what ``--policy-pack-config`` takes, ``exemptions`` what a stack's ``policy:exemptions`` takes.
    ``exclude`` has patterns of paths to leave out; ``namespace`` is that of objects which name none.
    Raises SettingsError for mistakes in configuration and exemptions.
    """
    day = today or date.today()  # noqa: DTZ011  # an exemption ends with the day where the check runs
    settings = configuration(stage, config)
    allowed = configured(list(exemptions))
    wanted = [
        rule for rule in RULES.values() if rule.profile in PROFILES[level] and settings.level(rule) != Level.DISABLED
    ]
    around = Surroundings(namespace=namespace or DEFAULT_NAMESPACE)
    task = Task(tuple(rule.name for rule in wanted), settings.settings, around.namespace)
    read = read_all(find_sources(paths, exclude), task)
    with without_collections():
        objects, placed = _single(read, around)
        stack = Stack(tuple(objects), exemptions=allowed, today=day)
        for outcome in _together(wanted, objects, stack, settings):
            if isinstance(outcome, Violation):
                placed.append((outcome, *_place(outcome)))
        results = [
            Result(violation, settings.level(violation.rule), file, line, exempt(violation, allowed, day))
            for violation, file, line in placed
        ]
    results.sort(key=lambda item: (item.file, item.line, item.violation.rule.id, item.violation.remark.path))
    unreadable = tuple(problem for item in read for problem in item.unreadable)
    skipped = tuple(other for item in read for other in item.skipped)
    return Report(tuple(results), unreadable, len(objects), tuple(wanted), skipped)


def list_exemptions(paths: Iterable[str | Path], exemptions: Any = ()) -> tuple[Exemption, ...]:
    """Return every exemption of manifests' annotations and of the configuration, expired ones too."""
    around = Surroundings()
    found = [
        item
        for source in find_sources(paths)
        for document in read_source(source)
        if isinstance(document, Document)
        for about in objects_of(document, around)
        for item in annotated(about)[0]
    ]
    return (*configured(list(exemptions)), *found)


def _single(read: list[Read], around: Surroundings) -> tuple[list[Object], list[tuple[Violation, str, int]]]:
    """Return all objects, and what the rules on single ones have said of them, with file and line."""
    objects: list[Object] = []
    placed: list[tuple[Violation, str, int]] = []
    for item in read:
        for document, remarks in item.documents:
            here = objects_of(document, around)
            for said in remarks:
                violation = Violation(RULES[said.rule], here[said.object], said.remark, said.container)
                placed.append((violation, document.file, said.line))
            objects += (about for about in here if about.kind)
    for about in objects:
        around.note(about)
    return objects, placed


def _together(rules: list[Rule], objects: list[Object], stack: Stack, settings: Configuration) -> Iterator[Outcome]:
    """Yield what the rules say that have to know all objects."""
    for rule in rules:
        chosen = settings.settings[rule.name]
        if rule.scope is Scope.STACK:
            yield from judge_stack(rule, stack, chosen)
        elif rule.among:
            for item in objects:
                yield from judge(rule, item, chosen)


def _place(violation: Violation) -> tuple[str, int]:
    document = violation.about.origin.document
    if isinstance(document, Document):
        return document.file, document.line(violation.remark.path)
    return violation.about.title, 0
