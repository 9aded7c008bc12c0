"""What of a stack is missing from its cluster or changed there, told from the state and from what the cluster lists."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.engine.drift import _parsed, compare
from moorage.engine.look import Seen
from moorage.engine.state import STACK, Resource, State

INPUTS: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "backend", "namespace": "quay-dev", "labels": {"app.kubernetes.io/name": "backend"}},
    "spec": {
        "replicas": 2,
        "template": {
            "spec": {
                "containers": [
                    {"name": "backend", "image": "r/backend@sha256:1", "resources": {"limits": {"cpu": "1000m"}}},
                    {"name": "proxy", "image": "r/proxy@sha256:2", "args": ["--port", "80"]},
                ]
            }
        },
    },
}


def answered() -> dict[str, Any]:
    """Return what the cluster makes of the inputs: its own form of values, its own fields."""
    live = copy.deepcopy(INPUTS)
    live["metadata"] |= {"uid": "u", "resourceVersion": "7", "annotations": {"deployment.kubernetes.io/revision": "1"}}
    live["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["cpu"] = "1"
    live["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] = "IfNotPresent"
    live["status"] = {"readyReplicas": 2}
    return live


def resource(**changes: Any) -> Resource:
    fields: dict[str, Any] = {"inputs": INPUTS, "outputs": answered(), **changes}
    return Resource(urn="urn::backend-deployment", type="kubernetes:apps/v1:Deployment", **fields)


def found(live: dict[str, Any] | None, wanted: Resource | None = None) -> list[str]:
    objects = {("apps/v1/Deployment", "quay-dev", "backend"): live} if live else {}
    return [str(drift) for drift in compare([wanted or resource()], objects)]


def test_an_object_as_it_was_left_is_no_drift_whatever_the_cluster_adds() -> None:
    live = answered()
    live["metadata"]["resourceVersion"] = "9"
    live["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"] = "now"
    live["spec"]["template"]["spec"]["containers"].insert(0, {"name": "injected", "image": "mesh"})
    live["status"] = {"readyReplicas": 0}
    assert found(live) == []


def test_what_is_not_there_or_on_its_way_out_is_missing() -> None:
    assert found(None) == ["Deployment backend is missing"]
    live = answered()
    live["metadata"]["deletionTimestamp"] = "now"
    assert found(live) == ["Deployment backend is missing"]


@pytest.mark.parametrize(
    ("way", "value", "told"),
    [
        (("spec", "replicas"), 5, "spec.replicas 2 → 5"),
        (("metadata", "labels", "app.kubernetes.io/name"), "x", "metadata.labels.app.kubernetes.io/name backend → x"),
        (
            ("spec", "template", "spec", "containers", 0, "image"),
            "evil",
            "spec.template.spec.containers[backend].image r/backend@sha256:1 → evil",
        ),
        (
            ("spec", "template", "spec", "containers", 0, "resources", "limits", "cpu"),
            "2",
            "spec.template.spec.containers[backend].resources.limits.cpu 1 → 2",
        ),
        (
            ("spec", "template", "spec", "containers", 1, "args"),
            ["--port"],
            "spec.template.spec.containers[proxy].args[1] 80 → (none)",
        ),
    ],
)
def test_a_field_that_the_stack_sets_and_somebody_changed_is_told_with_both_values(
    way: tuple[Any, ...], value: Any, told: str
) -> None:
    live = answered()
    place = live
    for part in way[:-1]:
        place = place[part]
    place[way[-1]] = value
    assert found(live) == [f"Deployment backend was changed: {told}"]


def test_replicas_that_an_autoscaler_sets_are_its_own() -> None:
    given = copy.deepcopy(INPUTS)
    del given["spec"]["replicas"]
    live = answered()
    live["spec"]["replicas"] = 9
    assert found(live, resource(inputs=given)) == []


SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:x"}


def test_what_is_encrypted_in_the_state_is_not_compared() -> None:
    given = INPUTS | {"data": SECRET, "stringData": {"key": SECRET}}
    left = answered() | {"data": SECRET, "stringData": {"key": SECRET}}
    assert found(answered() | {"data": {"key": "YQ=="}}, resource(inputs=given, outputs=left)) == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=12,
)


@given(given=JSON, left=JSON, live=JSON)
def test_whatever_the_state_and_the_cluster_hold_is_compared_without_an_error(given: Any, left: Any, live: Any) -> None:
    one = resource(inputs={**INPUTS, "x": given}, outputs={**answered(), "x": left})
    found(answered() | {"x": live}, one)
    assert found(answered() | {"x": left}, one) == []


def test_a_lost_namespace_is_one_line() -> None:
    outputs = {"namespace": "quay-dev"}
    state = State((Resource(urn="urn::stack", type=STACK, outputs=outputs), resource()))
    namespace = Resource(
        urn="urn::namespace",
        type="kubernetes:core/v1:Namespace",
        outputs={"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "quay-dev"}},
    )
    drifts = tuple(compare([namespace, resource()], {}))
    assert Seen(state, drifts).lines() == ["Namespace quay-dev is missing, and everything that was in it"]
    assert Seen(state, drifts[1:]).lines() == ["Deployment backend is missing"]


def test_kinds_that_may_not_be_listed_are_not_taken_for_missing() -> None:
    kinds = {"v1/Secret", "networking.k8s.io/v1/NetworkPolicy", "apps/v1/Deployment"}
    errors = (
        'Error from server (Forbidden): secrets is forbidden: User "ci" cannot list resource "secrets" in API group ""\n'
        'Error from server (Forbidden): networkpolicies.networking.k8s.io is forbidden: User "ci" cannot list resource '
        '"networkpolicies" in API group "networking.k8s.io"\n'
    )
    assert _parsed('{"items": []}', errors, 1, kinds) == ([], {"apps/v1/Deployment"})
    assert _parsed("", "Unable to connect to the server: refused", 1, kinds) is None
    assert _parsed('{"items": []}', "", 0, kinds) == ([], kinds)
