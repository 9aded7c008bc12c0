"""Exemptions: a rule that one object may break, for a reason that is written down and until a day that is too."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final

from .registry import RULES
from .settings import SettingsError, nearest
from .tree import ShapeError, UnknownError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .objects import Object
    from .verdicts import Violation

ANNOTATION: Final = "policy.moorage.dev/"
"""Before a rule's name: the annotation that exempts the object from it."""
CONFIG_KEY: Final = "policy:exemptions"
"""Key of the stack's configuration: a list of objects with ``policy``, ``object``, ``reason`` and ``expires``."""
LEAST_REASON: Final = 10
"""Characters that a reason has at least."""
LONGEST: Final = timedelta(days=5 * 366)
"""The time for which an exemption may be given."""
_ANNOTATION_FORM: Final = re.compile(r"until (\d{4}-\d{2}-\d{2}): (.+)", re.DOTALL)
_FIELDS: Final = ("policy", "object", "reason", "expires")
_MIDNIGHT: Final = " 00:00:00 +0000 UTC"
"""What Pulumi adds to a day that its YAML has without quotes."""


@dataclass(frozen=True, kw_only=True)
class Exemption:
    """An exemption from rule ``policy`` of the objects that ``target`` fits, ``Kind/name`` or ``namespace/Kind/name``.

    ``target`` may have ``*`` in it. ``expires`` is the last day on which it holds; ``source`` says where it stands.
    """

    policy: str
    target: str
    reason: str
    expires: date
    source: str

    def holds(self, today: date) -> bool:
        """Tell whether the exemption has not expired."""
        return today <= self.expires

    def endless(self, today: date) -> bool:
        """Tell whether the exemption is written so that it never has to be thought of again."""
        return self.expires > today + LONGEST

    def covers(self, violation: Violation) -> bool:
        """Tell whether this exempts from ``violation``, expired or not."""
        about = violation.about
        titles = (about.title, f"{about.namespace}/{about.title}")
        return self.policy == violation.rule.name and any(fnmatchcase(title, self.target) for title in titles)


def exempt(violation: Violation, exemptions: Sequence[Exemption], today: date) -> Exemption | None:
    """Return the exemption of the configuration or of the object's annotations that covers a violation, None for none."""
    if violation.rule.name == "require-valid-exemptions":
        return None
    valid, _ = annotated(violation.about)
    return next((item for item in (*exemptions, *valid) if item.covers(violation) and item.holds(today)), None)


def annotated(about: Object) -> tuple[list[Exemption], list[tuple[str, str]]]:
    """Return the exemptions in an object's annotations, and for each that is wrong its path and what it must be."""
    valid: list[Exemption] = []
    wrong: list[tuple[str, str]] = []
    for name, path, value in _annotations(about):
        match = _ANNOTATION_FORM.fullmatch(value)
        day = _day(match[1]) if match else None
        if name not in RULES:
            wrong.append((path, f"must end in the name of a policy{nearest(name, RULES)}"))
        elif match is None or day is None or len(match[2].strip()) < LEAST_REASON:
            wrong.append(
                (path, f"must be 'until YYYY-MM-DD: reason', with a reason of {LEAST_REASON} characters or more")
            )
        else:
            target = about.title.replace("[", "[[]")
            valid.append(
                Exemption(policy=name, target=target, reason=match[2].strip(), expires=day, source=about.title)
            )
    return valid, wrong


def configured(value: Any) -> tuple[Exemption, ...]:
    """Return the exemptions that a stack's configuration lists, given as JSON text or as the list itself.

    Raises SettingsError with every mistake: a field that is missing or unknown, a policy that does not exist, a reason
    that is too short, a date that is none.
    """
    try:
        entries = json.loads(value) if isinstance(value, str) else value
    except ValueError:
        raise SettingsError([f"{CONFIG_KEY} must be a list"]) from None
    if not isinstance(entries, list):
        raise SettingsError([f"{CONFIG_KEY} must be a list"])
    problems: list[str] = []
    exemptions: list[Exemption] = []
    for index, entry in enumerate(entries):
        where = f"{CONFIG_KEY}[{index}]"
        if not isinstance(entry, Mapping):
            problems.append(f"{where} must be an object of {', '.join(_FIELDS)}")
            continue
        found = list(_mistakes(entry))
        problems += [f"{where}: {problem}" for problem in found]
        day = _day(entry.get("expires"))
        if not found and day is not None:
            policy, target, reason = entry["policy"], entry["object"], entry["reason"]
            exemptions.append(Exemption(policy=policy, target=target, reason=reason, expires=day, source=where))
    if problems:
        raise SettingsError(problems)
    return tuple(exemptions)


def _mistakes(entry: Mapping[str, Any]) -> Iterator[str]:
    for key in entry:
        if key not in _FIELDS:
            yield f"unknown field {key!r}{nearest(str(key), _FIELDS)}"
    policy, target = entry.get("policy"), entry.get("object")
    if policy not in RULES:
        yield f"unknown policy {policy!r}{nearest(str(policy), RULES)}"
    if not isinstance(target, str) or "/" not in target:
        yield "object must be Kind/name or namespace/Kind/name"
    reason = entry.get("reason")
    if not isinstance(reason, str) or len(reason.strip()) < LEAST_REASON:
        yield f"reason must have {LEAST_REASON} characters or more"
    if _day(entry.get("expires")) is None:
        yield "expires must be a day such as 2027-01-31"


def _annotations(about: Object) -> Iterator[tuple[str, str, str]]:
    try:
        for key, node in about.root["metadata"]["annotations"].fields():
            if key.startswith(ANNOTATION) and isinstance(node.value, str):
                yield key.removeprefix(ANNOTATION), node.path, node.value
    except (UnknownError, ShapeError):
        return


def _day(value: Any) -> date | None:
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value.removesuffix(_MIDNIGHT))
    except (AttributeError, TypeError, ValueError):
        return None
