"""The list of policies and its page."""

from __future__ import annotations

from moorage.policy.catalogue import entries, to_markdown
from moorage.policy.registry import RULES
from tests.support.stack import ROOT


def test_the_list_has_every_policy_once_and_in_order() -> None:
    listed = entries()
    assert {item.name for item in listed} == set(RULES)
    assert [item.id for item in listed] == sorted(item.id for item in listed)


def test_the_page_shows_every_policy_with_a_passing_and_a_failing_example() -> None:
    page = to_markdown()
    sections = page.split("\n## ")[1:]
    assert len(sections) == len(RULES)
    for section in sections:
        name = section.partition("\n")[0]
        assert RULES[name].why in section
        assert "Passes" in section
        assert "Fails" in section


def test_the_page_in_the_documentation_is_up_to_date() -> None:
    assert (ROOT / "docs/policy-reference.md").read_text(encoding="utf-8") == to_markdown(), (
        "run python -m policy.catalogue > docs/policy-reference.md"
    )
