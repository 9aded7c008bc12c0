"""No policy throws, whatever shape an object has, and what is wrong beside it is found all the same."""

from __future__ import annotations

import functools
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from pulumi.runtime import proto
from pulumi_policy.proxy import UNKNOWN_OBJECT_VALUE, UNKNOWN_STRING_VALUE

from moorage.policy.examples import REMOVE, changed, compliant_stack
from moorage.policy.registry import RULES, Scope
from tests.policy.harness import Judge, pulumi_type, sweep, urn_of, web
from tests.policy.test_analyzer import Context, request, server

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**40), 2**40).map(float)
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from([UNKNOWN_STRING_VALUE, UNKNOWN_OBJECT_VALUE, "", "1e999", "0x1", "::", "@", "a@", "*", "100%"])
)
KEYS = st.text(max_size=8) | st.sampled_from(
    [
        "metadata",
        "spec",
        "template",
        "containers",
        "name",
        "image",
        "securityContext",
        "rules",
        "ports",
        "items",
        "data",
    ]
)
ANYTHING = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=12
)
STACK = compliant_stack()


def paths(value: Any, prefix: str = "") -> list[str]:
    """Return the path of every value inside ``value``."""
    if isinstance(value, dict):
        children = [
            (f"{prefix}.{key}" if "." not in key and "/" not in key else f'{prefix}["{key}"]', item)
            for key, item in value.items()
        ]
    elif isinstance(value, list):
        children = [(f"{prefix}[{index}]", item) for index, item in enumerate(value)]
    else:
        return []
    return [found for path, item in children for found in [path.lstrip("."), *paths(item, path)]]


PLACES = [
    (f"{item['kind']}/{item['metadata']['name']}", path)
    for item in STACK
    for path in paths(item)
    if path not in {"kind", "apiVersion", "metadata", "metadata.name"}
]
PRIVILEGED = web(c__securityContext__privileged=True)
FUZZ = settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


ALONE = sorted(name for name, rule in RULES.items() if rule.scope is not Scope.STACK and rule.example.protected)
"""Rules whose verdict on an object is that object's alone."""


def stack_of_example(name: str) -> list[dict[str, Any]]:
    """Return the compliant stack, broken by a rule's example."""
    example = RULES[name].example
    return changed(STACK, example.target, example.path, example.value)


@functools.cache
def sweep_of_example(name: str) -> set[str]:
    """Return the rules that a rule's example breaks."""
    return sweep(*stack_of_example(name))


@FUZZ
@given(place=st.sampled_from(PLACES), value=ANYTHING | st.just(REMOVE), name=st.sampled_from(ALONE))
def test_anything_in_the_place_of_one_field_hides_nothing_that_is_wrong_elsewhere(
    place: tuple[str, str], value: Any, name: str
) -> None:
    assume(place[0] != RULES[name].example.target)
    # That the example alone breaks its rule is what test_contract.py holds.
    assume(name in sweep_of_example(name))
    assert name in sweep(*changed(stack_of_example(name), *place, value))


@FUZZ
@given(
    kind=st.sampled_from(
        sorted({item["kind"] for item in STACK} | {"Pod", "CronJob", "DeploymentList", "DeploymentPatch", "Thing"})
    ),
    fields=st.dictionaries(KEYS, ANYTHING, max_size=4),
)
def test_no_policy_throws_on_an_object_of_any_content(kind: str, fields: dict[str, Any]) -> None:
    manifest = {"metadata": {}, **fields, "kind": kind, "apiVersion": "example.com/v1"}
    # What is wrong beside it is told all the same.
    assert "disallow-privileged-containers" in sweep(manifest, PRIVILEGED)


@settings(FUZZ, max_examples=150)
@example(place=("Deployment/web", "spec.template.spec"), value="no object")
@example(place=("Deployment/web", "spec.template.spec.containers"), value=UNKNOWN_STRING_VALUE)
@example(place=("Deployment/web", "spec.template.spec.containers[0].imagePullPolicy"), value=[])
@example(place=("Deployment/web", "spec.template.spec.containers[0].securityContext.capabilities.drop"), value=1.0)
@example(place=("docker-build:index:Image/web", "tags"), value=1.0)
@example(place=("docker-build:index:Image/web", "tags"), value=UNKNOWN_STRING_VALUE)
@given(place=st.sampled_from(PLACES), value=ANYTHING | st.just(REMOVE))
def test_the_engine_is_answered_whatever_stands_in_the_place_of_one_field(place: tuple[str, str], value: Any) -> None:
    analyzer, whole = server("dev"), proto.AnalyzeStackRequest()
    for manifest in changed(STACK, *place, value):
        if manifest["kind"] in {"docker-build:index:Image", place[0].partition("/")[0]}:
            asked = request(manifest)
            analyzer.Remediate(asked, Context())
            analyzer.Analyze(asked, Context())
            whole.resources.add(type=pulumi_type(manifest), urn=urn_of(manifest)).properties.CopyFrom(asked.properties)
    analyzer.AnalyzeStack(whole, Context())


@pytest.mark.parametrize("value", ["privileged", [], 1.0, True], ids=repr)
def test_a_value_of_the_wrong_shape_is_a_finding_that_names_both_shapes(value: object) -> None:
    stack = changed(STACK, "Deployment/web", "spec.template.spec.containers[0].securityContext", value)
    judge = Judge(*stack, only="disallow-privileged-containers")
    assert "must be an object" in judge.messages
