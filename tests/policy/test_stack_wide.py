"""Rules on what only the whole stack, or only Pulumi, knows."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from moorage.policy.examples import changed, compliant_stack
from moorage.policy.exemptions import configured
from moorage.policy.judge import judge_stack
from moorage.policy.objects import IMAGE, Object, Origin
from moorage.policy.registry import RULES
from moorage.policy.session import Session
from moorage.policy.settings import SettingsError
from moorage.policy.stack import Stack
from moorage.policy.tree import UNKNOWN, Node
from moorage.policy.verdicts import Unjudged, Violation
from tests.policy.harness import Judge, changed_stack, web

NEXT_YEAR = (date.today() + timedelta(days=365)).isoformat()  # noqa: DTZ011
REASON = "bursts are wanted while the cache fills"


def _digest_outcomes(image: str, tags: Any, *, dry_run: bool) -> list[Any]:
    objects = (
        Object(IMAGE, "docker-build", Node({"tags": tags}), origin=Origin(urn="image")),
        Object("Deployment", "apps/v1", Node(web(c__image=image)), origin=Origin(urn="web")),
    )
    stack = Stack(objects, {"web": frozenset({"image"})}, dry_run=dry_run)
    return list(judge_stack(RULES["require-image-digests"], stack, {}))


def test_an_image_whose_digest_a_preview_cannot_know_is_no_violation() -> None:
    tags = ["registry.example.com/team/web:1.4.2"]
    (outcome,) = _digest_outcomes("registry.example.com/team/web:1.4.2", tags, dry_run=True)
    assert isinstance(outcome, Unjudged)
    (outcome,) = _digest_outcomes("registry.example.com/team/web@", tags, dry_run=True)
    assert isinstance(outcome, Unjudged)


def test_the_same_image_by_its_tag_is_a_violation_once_it_is_built() -> None:
    (outcome,) = _digest_outcomes(
        "registry.example.com/team/web:1.4.2", ["registry.example.com/team/web:1.4.2"], dry_run=False
    )
    assert isinstance(outcome, Violation)


def test_another_image_by_tag_is_a_violation_in_a_preview_too() -> None:
    for tags in (["registry.example.com/team/other:1"], None, UNKNOWN):
        (outcome,) = _digest_outcomes("registry.example.com/team/web:1.4.2", tags, dry_run=True)
        assert isinstance(outcome, Violation)


def test_an_annotation_exempts_one_object_from_one_policy_until_its_day() -> None:
    stack = changed_stack("Deployment/web", "spec.template.spec.hostNetwork", True)
    stack = changed(stack, "Deployment/worker", "spec.template.spec.hostNetwork", True)
    annotation = 'metadata.annotations["policy.moorage.dev/disallow-host-namespaces"]'
    stack = changed(stack, "Deployment/web", annotation, f"until {NEXT_YEAR}: {REASON}")
    judge = Judge(*stack)
    assert [name for name, _ in judge.violations] == ["disallow-host-namespaces"]
    assert "Deployment/worker" in judge.messages


def test_an_expired_exemption_exempts_from_nothing_and_is_a_violation_itself() -> None:
    stack = changed_stack("Deployment/web", "spec.template.spec.hostNetwork", True)
    annotation = 'metadata.annotations["policy.moorage.dev/disallow-host-namespaces"]'
    judge = Judge(*changed(stack, "Deployment/web", annotation, f"until 2020-01-31: {REASON}"))
    assert judge.broken == {"disallow-host-namespaces", "require-valid-exemptions"}
    assert "expired on 2020-01-31" in judge.messages


@pytest.mark.parametrize(
    ("name", "text", "must"),
    [
        ("disallow-host-namespace", f"until {NEXT_YEAR}: {REASON}", "did you mean 'disallow-host-namespaces'?"),
        ("disallow-host-namespaces", REASON, "must be 'until YYYY-MM-DD: reason'"),
        ("disallow-host-namespaces", f"until {NEXT_YEAR}: no", "a reason of 10 characters or more"),
        ("disallow-host-namespaces", f"until 2027-02-31: {REASON}", "must be 'until YYYY-MM-DD: reason'"),
    ],
)
def test_an_exemption_that_is_not_written_as_it_must_be_is_a_violation(name: str, text: str, must: str) -> None:
    judge = Judge(*changed_stack("Deployment/web", f'metadata.annotations["policy.moorage.dev/{name}"]', text))
    assert judge.broken == {"require-valid-exemptions"}
    assert must in judge.messages


def test_an_exemption_of_the_stacks_configuration_fits_by_pattern() -> None:
    session = Session()
    entry = {
        "policy": "disallow-host-namespaces",
        "object": "shop-*/Deployment/we*",
        "reason": REASON,
        "expires": NEXT_YEAR,
    }
    session.exemptions = configured([entry])
    stack = changed_stack("Deployment/web", "spec.template.spec.hostNetwork", True)
    assert Judge(*stack, session=session).violations == []


@pytest.mark.parametrize(
    "day", ["2020-01-31", "2020-01-31 00:00:00 +0000 UTC"], ids=["quoted", "plain, as Pulumi has it"]
)
def test_an_expired_exemption_of_the_stacks_configuration_is_a_violation(day: str) -> None:
    session = Session()
    entry = {
        "policy": "disallow-host-namespaces",
        "object": "Deployment/web",
        "reason": REASON,
        "expires": day,
    }
    session.exemptions = configured([entry])
    assert "policy:exemptions[0] expired on 2020-01-31" in Judge(*compliant_stack(), session=session).messages


def test_every_mistake_in_the_configured_exemptions_is_named_at_once() -> None:
    with pytest.raises(SettingsError) as error:
        configured([{"policy": "no-latest-tag", "objekt": "x", "reason": "short", "expires": "soon"}, "x"])
    text = str(error.value)
    for part in (
        "unknown policy 'no-latest-tag'",
        "did you mean 'object'",
        "reason must have 10",
        "expires must be",
        "[1] must",
    ):
        assert part in text


def test_what_was_not_judged_is_listed_once_for_each_field() -> None:
    judge = Judge(
        *changed_stack("Deployment/web", "spec.template.spec.containers[0].image", UNKNOWN), only="list-unjudged-values"
    )
    assert len(judge.violations) == 1
    assert "spec.template.spec.containers[0].image (for " in judge.messages
    assert "disallow-latest-tag" in judge.messages


def test_a_name_that_is_given_on_creation_is_no_dangling_reference() -> None:
    stack = compliant_stack()
    for item in stack:
        if item["kind"] == "Secret":
            del item["metadata"]["name"]
    judge = Judge(*stack, only="require-references-to-exist")
    assert judge.violations == []
    assert judge.unjudged["require-references-to-exist"] == {"metadata.name"}
