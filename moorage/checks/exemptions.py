"""Exemptions from the rules for Dockerfiles: ``# moorage: ignore=RULE reason``, above or in the instruction."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from moorage.base.words import did_you_mean
from moorage.checks.lint import RULES, LintFinding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from moorage.build.instructions import Instruction
    from moorage.build.stages import Dockerfile

_MARK = re.compile(r"^#\s*moorage\s*:\s*(?P<rest>.*?)\s*$", re.IGNORECASE)
_IGNORE = re.compile(r"^ignore\s*=\s*(?P<rules>[\w-]+(?:\s*,\s*[\w-]+)*)(?:\s+(?P<reason>.+))?$")
_FORM = "# moorage: ignore=RULE reason"


@dataclass(frozen=True)
class _Exemption:
    """What a comment exempts; no rules where it is invalid."""

    line: int
    rules: tuple[str, ...]
    reason: str
    instruction: Instruction

    def covers(self, rule: str, finding: LintFinding) -> bool:
        """Return whether a finding is exempted from this rule."""
        # What is above the end of the file, after the last instruction, is about nothing.
        above = self.line <= self.instruction.end
        return above and finding.id == rule and self.instruction.line <= finding.line <= self.instruction.end


def without_exemptions(
    dockerfile: Dockerfile, findings: Iterable[LintFinding], *, buildkit_asked: bool
) -> tuple[LintFinding, ...]:
    """Return what is not exempted, and what is wrong with the exemptions themselves, by line.

    An exemption without reason exempts nothing. One that nothing was found for is a finding; of BuildKit's own rules
    that can only be told where BuildKit was asked.
    """
    found = tuple(findings)
    exemptions = [each for instruction in dockerfile.instructions for each in _exemptions(instruction)]
    exempted: set[LintFinding] = set()
    told: list[LintFinding] = []
    for each in exemptions:
        if not each.rules or not each.reason:
            told.append(_unclear(dockerfile, each))
        for rule in each.rules if each.reason else ():
            covered = [finding for finding in found if each.covers(rule, finding)]
            exempted.update(covered)
            if not covered and (buildkit_asked or not _is_buildkits(rule)):
                told.append(_unused(dockerfile, each, rule))
    rest = [finding for finding in found if finding not in exempted]
    return tuple(sorted([*rest, *told], key=lambda finding: (finding.line, finding.id)))


def _exemptions(instruction: Instruction) -> Iterator[_Exemption]:
    for line, text in instruction.comments:
        mark = _MARK.match(text)
        if mark:
            ignore = _IGNORE.match(mark["rest"])
            rules = tuple(re.split(r"\s*,\s*", ignore["rules"])) if ignore else ()
            yield _Exemption(line, rules, (ignore["reason"] or "") if ignore else "", instruction)


def _is_buildkits(rule: str) -> bool:
    """Return whether a rule has a name as BuildKit's have: ``StageNameCasing``."""
    return rule[:1].isupper()


def _unclear(dockerfile: Dockerfile, exemption: _Exemption) -> LintFinding:
    return LintFinding(
        id="explain-exemptions",
        file=dockerfile.path,
        line=exemption.line,
        what="the exemption has no reason" if exemption.rules else "invalid moorage comment",
        why="without a reason nobody can tell whether it is still needed, so it exempts nothing",
        fix=f"write {_FORM}",
    )


def _unused(dockerfile: Dockerfile, exemption: _Exemption, rule: str) -> LintFinding:
    known = rule in RULES or _is_buildkits(rule)
    remove = f"remove {rule} from the comment, or move it right above what it is about"
    return LintFinding(
        id="no-unused-exemptions",
        file=dockerfile.path,
        line=exemption.line,
        what=f"unused exemption: {rule}" if known else f"unknown rule {rule}",
        why="it would hide the next mistake there" if known else "an unknown rule exempts nothing",
        fix=remove if known else did_you_mean(rule, sorted(RULES), "name one of the rules of `moorage lint`"),
    )
