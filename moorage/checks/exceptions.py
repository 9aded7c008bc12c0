"""Exceptions from the rules for Dockerfiles: ``# moorage: ignore=RULE reason``, above or in the instruction."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from moorage.base.words import did_you_mean
from moorage.checks.lint import RULES, Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from moorage.build.dockerfile import Instruction
    from moorage.build.stages import Dockerfile

_MARK = re.compile(r"^#\s*moorage\s*:\s*(?P<rest>.*?)\s*$", re.IGNORECASE)
_IGNORE = re.compile(r"^ignore\s*=\s*(?P<rules>[\w-]+(?:\s*,\s*[\w-]+)*)(?:\s+(?P<reason>.+))?$")
_FORM = "# moorage: ignore=RULE reason"


@dataclass(frozen=True)
class _Exception:
    """What a comment excepts; no rules where it is not understood."""

    line: int
    rules: tuple[str, ...]
    reason: str
    instruction: Instruction

    def covers(self, rule: str, finding: Finding) -> bool:
        """Return whether a finding is what is excepted by this rule."""
        # What is above the end of the file, after the last instruction, is about nothing.
        above = self.line <= self.instruction.end
        return above and finding.id == rule and self.instruction.line <= finding.line <= self.instruction.end


def without_exceptions(
    dockerfile: Dockerfile, findings: Iterable[Finding], *, buildkit_asked: bool
) -> tuple[Finding, ...]:
    """Return what is not excepted, and what is wrong with the exceptions themselves, by line.

    An exception without reason excepts nothing. One that nothing was found for is a finding; of BuildKit's own rules
    that can only be told where BuildKit was asked.
    """
    found = tuple(findings)
    exceptions = [each for instruction in dockerfile.instructions for each in _exceptions(instruction)]
    excepted: set[Finding] = set()
    told: list[Finding] = []
    for each in exceptions:
        if not each.rules or not each.reason:
            told.append(_unclear(dockerfile, each))
        for rule in each.rules if each.reason else ():
            covered = [finding for finding in found if each.covers(rule, finding)]
            excepted.update(covered)
            if not covered and (buildkit_asked or not _is_buildkits(rule)):
                told.append(_unused(dockerfile, each, rule))
    rest = [finding for finding in found if finding not in excepted]
    return tuple(sorted([*rest, *told], key=lambda finding: (finding.line, finding.id)))


def _exceptions(instruction: Instruction) -> Iterator[_Exception]:
    for line, text in instruction.comments:
        mark = _MARK.match(text)
        if mark:
            ignore = _IGNORE.match(mark["rest"])
            rules = tuple(re.split(r"\s*,\s*", ignore["rules"])) if ignore else ()
            yield _Exception(line, rules, (ignore["reason"] or "") if ignore else "", instruction)


def _is_buildkits(rule: str) -> bool:
    """Return whether a rule has a name as BuildKit's have: ``StageNameCasing``."""
    return rule[:1].isupper()


def _unclear(dockerfile: Dockerfile, exception: _Exception) -> Finding:
    return Finding(
        id="explain-exceptions",
        file=dockerfile.path,
        line=exception.line,
        what="the exception has no reason" if exception.rules else "the comment for moorage is not understood",
        why="who reads the file next cannot tell whether it still holds, and until then it excepts nothing",
        fix=f"write {_FORM}",
    )


def _unused(dockerfile: Dockerfile, exception: _Exception, rule: str) -> Finding:
    known = rule in RULES or _is_buildkits(rule)
    remove = f"remove {rule} from the comment, or move it right above what it is about"
    return Finding(
        id="no-unused-exceptions",
        file=dockerfile.path,
        line=exception.line,
        what=f"{rule} is excepted for nothing" if known else f"there is no rule {rule}",
        why="it would hide the next mistake there" if known else "a name with a mistake in it excepts nothing",
        fix=remove if known else did_you_mean(rule, sorted(RULES), "name one of the rules of `moorage lint`"),
    )
