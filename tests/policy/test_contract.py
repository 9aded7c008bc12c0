"""What every policy has: metadata, and an example that passes, one that fails and one that is not known yet."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest
from pulumi_policy import EnforcementLevel, ResourceValidationPolicy
from pulumi_policy.deserialize import deserialize_properties
from pulumi_policy.proxy import (
    UNKNOWN_ARCHIVE_VALUE,
    UNKNOWN_ARRAY_VALUE,
    UNKNOWN_ASSET_VALUE,
    UNKNOWN_BOOLEAN_VALUE,
    UNKNOWN_NUMBER_VALUE,
    UNKNOWN_OBJECT_VALUE,
    UNKNOWN_STRING_VALUE,
)

from moorage.policy.examples import compliant_stack
from moorage.policy.pack import policies
from moorage.policy.registry import RULES, Level, Rule
from moorage.policy.session import Session
from moorage.policy.unknowns import UNKNOWN_STRINGS
from tests.policy.harness import Judge, changed_stack, options, pulumi_type, settings_of, unknown_at

VERBS = {
    "allow", "cover", "declare", "disallow", "distinguish", "isolate", "limit", "list", "prefer", "protect", "require",
    "restrict", "retain",
}  # fmt: skip
OF_MANIFESTS = {"require-api-version"}
"""What Pulumi's resources cannot get wrong: their type says it. The check of manifests has the same test for every rule."""
EACH_RULE = pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))


def test_the_compliant_stack_breaks_no_policy() -> None:
    judge = Judge(*compliant_stack())
    assert judge.violations == []
    assert judge.unjudged == {}


@EACH_RULE
def test_a_policy_says_all_that_is_to_be_known_of_it(rule: Rule) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z0-9]+)+", rule.name)
    assert rule.name.partition("-")[0] in VERBS
    assert re.fullmatch(r"[A-Z]{3}-\d\d[A-Z]?", rule.id)
    assert rule.summary.endswith(".")
    assert rule.summary[0].isupper()
    assert rule.why
    assert rule.fix
    assert rule.check.__doc__
    assert (rule.remedy is not None) == (Level.REMEDIATE in {rule.levels.dev, rule.levels.prod})
    assert rule.levels.prod is not Level.REMEDIATE, "in production the fix belongs into the code that was reviewed"


@pytest.mark.parametrize(
    "rule", [rule for name, rule in RULES.items() if name not in OF_MANIFESTS], ids=lambda rule: rule.name
)
def test_a_policys_failing_example_fails_it_and_says_where(rule: Rule) -> None:
    example = rule.example
    unprotected = None if example.protected else example.target
    judge = Judge(*changed_stack(example.target, example.path, example.value), only=rule.name, unprotected=unprotected)
    assert judge.broken == {rule.name}
    assert rule.fix in judge.messages
    assert rule.why in judge.messages


@EACH_RULE
def test_a_value_that_is_not_known_is_listed_and_is_no_violation(rule: Rule) -> None:
    stack = unknown_at(rule.example.target, rule.example.watched) if rule.example.reads else compliant_stack()
    judge = Judge(*stack, only=rule.name)
    assert judge.violations == []
    paths = {path for path in judge.unjudged.get(rule.name, set()) if rule.example.watched.startswith(path)}
    assert bool(paths) == rule.example.reads, judge.unjudged


@pytest.mark.parametrize("rule", [rule for rule in RULES.values() if rule.remedy], ids=lambda rule: str(rule.name))
def test_a_remedy_corrects_the_failing_example_and_leaves_the_rest_alone(rule: Rule) -> None:
    stack = changed_stack(rule.example.target, rule.example.path, rule.example.value)
    for manifest in stack:
        before = copy.deepcopy(manifest)
        changed_one = _remediate(rule, manifest)
        kept = f"{manifest['kind']}/{manifest['metadata']['name']}" != rule.example.target
        assert (changed_one is None) == kept
        assert manifest == before
    changed_one_stack = [_remediate(rule, manifest) or manifest for manifest in stack]
    assert Judge(*changed_one_stack, only=rule.name).violations == []


@pytest.mark.parametrize("rule", [rule for rule in RULES.values() if rule.remedy], ids=lambda rule: str(rule.name))
def test_a_remedy_leaves_alone_what_is_not_known_yet(rule: Rule) -> None:
    for manifest in unknown_at(rule.example.target, rule.example.watched):
        assert _remediate(rule, manifest) is None


def _remediate(rule: Rule, manifest: dict[str, Any]) -> dict[str, Any] | None:
    """Let the SDK's policy remediate a copy, through the proxies that it gives to remediations."""
    from pulumi_policy import ResourceValidationArgs
    from pulumi_policy.deserialize import serialize_properties

    policy = next(item for item in policies(Session()) if item.name == rule.name)
    assert isinstance(policy, ResourceValidationPolicy)
    props = deserialize_properties(copy.deepcopy(manifest), True)
    args = ResourceValidationArgs(pulumi_type(manifest), props, "urn", "x", options(), None, settings_of(rule.name))
    result: Any = policy.remediate(args)
    return None if result is None else dict(serialize_properties(result))


def test_each_policy_is_visible_to_pulumi_with_its_level_and_severity() -> None:
    made = {policy.name: policy for policy in policies(Session())}
    assert set(made) == set(RULES)
    for name, rule in RULES.items():
        policy = made[name]
        assert policy.description == rule.summary
        assert policy.enforcement_level == EnforcementLevel(rule.levels.prod.value)
        assert policy.severity is not None
        assert policy.severity.value == rule.severity.value
        assert policy.remediation_steps == rule.fix


def test_the_strings_that_stand_for_unknown_values_are_the_sdks() -> None:
    assert {
        UNKNOWN_BOOLEAN_VALUE,
        UNKNOWN_NUMBER_VALUE,
        UNKNOWN_STRING_VALUE,
        UNKNOWN_ARRAY_VALUE,
        UNKNOWN_ASSET_VALUE,
        UNKNOWN_ARCHIVE_VALUE,
        UNKNOWN_OBJECT_VALUE,
    } == UNKNOWN_STRINGS
