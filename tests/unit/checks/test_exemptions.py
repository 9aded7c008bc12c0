"""Exceptions from the rules for Dockerfiles: one finding, with a reason, for as long as there is something to except."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from moorage.build.dockerfile import parse_dockerfile
from moorage.build.stages import staged
from moorage.checks.exemptions import without_exemptions
from moorage.checks.lint import RULES, LintFinding, Purpose, lint_dockerfile

ROOT = Path(__file__).resolve().parents[3]
TEXT = """\
# What it is made of.
FROM debian:trixie-slim
{comment}
RUN --mount=type=cache,target=/var/lib/apt/lists \\
    apt-get install --no-install-recommends gcc
USER 10001
ENTRYPOINT /start
"""
WHY = "the mirror is ours"
FOUND = {"mount-cache", "update-before-install", "use-exec-form"}


def findings(comment: str, *more: str, asked: bool = True) -> list[tuple[str, int]]:
    """Return rule and line of each finding, with BuildKit's ``more`` on the second line of the RUN step."""
    dockerfile = staged(Path("Dockerfile"), parse_dockerfile(TEXT.replace("{comment}", comment)), {})
    found = list(lint_dockerfile(dockerfile, Purpose(service=False)))
    (run,) = [step for step in dockerfile.instructions if step.keyword == "RUN"]
    found += [LintFinding(id=rule, file=dockerfile.path, line=run.end, what="", why="", fix="") for rule in more]
    return [(each.id, each.line) for each in without_exemptions(dockerfile, found, buildkit_asked=asked)]


def rules(comment: str, *more: str, asked: bool = True) -> set[str]:
    return {rule for rule, _ in findings(comment, *more, asked=asked)}


@pytest.mark.parametrize(
    "comment", ["", "# moorage is a harbour", "# ignore=mount-cache why", "# see moorage: ignore=x y"]
)
def test_other_comments_except_nothing(comment: str) -> None:
    assert rules(comment) == FOUND


@pytest.mark.parametrize(
    "comment",
    [
        f"# moorage: ignore=mount-cache {WHY}",
        f"#moorage:ignore = mount-cache {WHY}",
        f"   # Moorage: ignore=mount-cache {WHY}",
        f"# moorage: ignore=mount-cache {WHY}\n# And more about it.\n",
    ],
)
def test_what_is_excepted_with_a_reason_is_no_finding(comment: str) -> None:
    assert rules(comment) == FOUND - {"mount-cache"}


def test_several_rules_have_one_comment_or_one_each() -> None:
    assert rules(f"# moorage: ignore=mount-cache, update-before-install {WHY}") == {"use-exec-form"}
    both = f"# moorage: ignore=mount-cache {WHY}\n# moorage: ignore=update-before-install {WHY}"
    assert rules(both) == {"use-exec-form"}


def test_a_comment_between_the_lines_of_an_instruction_is_about_that_instruction() -> None:
    text = TEXT.replace("{comment}\n", "").replace(
        "    apt-get", f"    # moorage: ignore=mount-cache {WHY}\n    apt-get"
    )
    dockerfile = staged(Path("Dockerfile"), parse_dockerfile(text), {})
    found = lint_dockerfile(dockerfile, Purpose(service=False))
    left = without_exemptions(dockerfile, found, buildkit_asked=True)
    assert {each.id for each in left} == FOUND - {"mount-cache"}


@pytest.mark.parametrize(
    "comment", ["# moorage: ignore=mount-cache", "# moorage: ignore", "# moorage: allow=mount-cache x"]
)
def test_an_exception_without_reason_or_of_another_form_excepts_nothing_and_is_a_finding(comment: str) -> None:
    found = findings(comment)
    assert ("explain-exemptions", 3) in found
    assert {rule for rule, _ in found} == {*FOUND, "explain-exemptions"}


def test_an_exception_that_nothing_was_found_for_is_a_finding() -> None:
    comment = f"# moorage: ignore=mount-cache,no-remote-add {WHY}"
    assert findings(comment)[0] == ("no-unused-exemptions", 3)
    assert rules(comment) == {*FOUND - {"mount-cache"}, "no-unused-exemptions"}


def test_an_exception_holds_for_the_next_instruction_alone() -> None:
    assert rules(f"# moorage: ignore=use-exec-form {WHY}") == {*FOUND, "no-unused-exemptions"}


def test_an_exception_after_the_last_instruction_is_one_for_nothing() -> None:
    text = TEXT.replace("{comment}\n", "") + f"# moorage: ignore=use-exec-form {WHY}\n"
    dockerfile = staged(Path("Dockerfile"), parse_dockerfile(text), {})
    found = lint_dockerfile(dockerfile, Purpose(service=False))
    assert {each.id for each in without_exemptions(dockerfile, found, buildkit_asked=True)} == {
        *FOUND,
        "no-unused-exemptions",
    }


def test_a_rule_that_there_is_not_is_told_with_the_one_that_may_be_meant() -> None:
    comment = f"# moorage: ignore=mount-cahce {WHY}"
    dockerfile = staged(Path("Dockerfile"), parse_dockerfile(TEXT.replace("{comment}", comment)), {})
    (found,) = without_exemptions(dockerfile, (), buildkit_asked=False)
    assert (found.what, found.fix) == ("unknown rule mount-cahce", "did you mean mount-cache?")


def test_buildkits_own_findings_can_be_excepted_and_are_missed_only_where_it_was_asked() -> None:
    comment = f"# moorage: ignore=StageNameCasing {WHY}"
    assert rules(comment, "StageNameCasing", "JSONArgsRecommended") == {*FOUND, "JSONArgsRecommended"}
    assert rules(comment) == {*FOUND, "no-unused-exemptions"}
    assert rules(comment, asked=False) == FOUND


def test_what_a_here_document_says_excepts_nothing() -> None:
    text = f"FROM a:1\nRUN <<EOF\n# moorage: ignore=pin-tag {WHY}\nEOF\n"
    dockerfile = staged(Path("Dockerfile"), parse_dockerfile(text), {})
    assert without_exemptions(dockerfile, (), buildkit_asked=True) == ()


def test_every_rule_is_known_and_described() -> None:
    source = (ROOT / "moorage/checks/lint.py").read_text()
    assert set(re.findall(r'(?:id=|finding\(\s*)"([a-z-]+)"', source)) == RULES
    described = (ROOT / "docs/monorepo.md").read_text().partition("## Dockerfile lint")[2].partition("\n## ")[0]
    assert all(f"`{rule}`" in described for rule in (*RULES, "explain-exemptions", "no-unused-exemptions"))
