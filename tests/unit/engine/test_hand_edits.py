"""Edits by hand, told from what the API server notes of who wrote which field."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from moorage.engine.drift import Listing
from moorage.engine.hand_edits import Inspection, inspected
from moorage.engine.state import Resource, State

LABELS = {"app.kubernetes.io/instance": "quay-dev", "app.kubernetes.io/managed-by": "pulumi"}
GIVEN: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {
        "name": "backend",
        "namespace": "quay-dev",
        "labels": LABELS,
        "annotations": {"pulumi.com/patchFieldManager": "quay-dev"},
    },
    "spec": {"template": {"spec": {"containers": [{"name": "backend", "image": "r/backend@sha256:1"}]}}},
}
CONTAINER = ("spec", "template", "spec", "containers", 0)
F_CONTAINERS = "f:spec f:template f:spec f:containers"
SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:x"}


def left() -> dict[str, Any]:
    """Return the object as the last update left it."""
    found = copy.deepcopy(GIVEN)
    found["metadata"]["uid"] = "1"
    found["metadata"]["annotations"]["deployment.kubernetes.io/revision"] = "1"
    found["spec"] |= {"replicas": 1, "strategy": {"type": "RollingUpdate"}}
    found["metadata"]["managedFields"] = [
        {"manager": "quay-dev", "operation": "Apply", "time": "t0", "fieldsV1": owned("f:spec", {})}
    ]
    return found


def owned(way: str, leaf: dict[str, Any]) -> dict[str, Any]:
    """Return fields in the API server's notation: ``f:spec f:replicas``."""
    for key in reversed(way.split(" ")):
        leaf = {key.replace("~", " "): leaf}
    return leaf


def wrote(live: dict[str, Any], way: str, *, manager: str = "kubectl-edit", **entry: Any) -> None:
    """Note that somebody wrote a field."""
    fields = owned(way, {})
    live["metadata"]["managedFields"].append({"manager": manager, "time": "t1", "fieldsV1": fields, **entry})


def put(live: dict[str, Any], way: tuple[Any, ...], value: Any) -> None:
    place: Any = live
    for part in way[:-1]:
        place = place.setdefault(part, {}) if isinstance(place, dict) else place[part]
    place[way[-1]] = value


def compared(live: dict[str, Any] | None, given: dict[str, Any] = GIVEN, *others: dict[str, Any]) -> Inspection:
    one = Resource(urn="urn::a::t::backend", type="kubernetes:apps/v1:Deployment", inputs=given, outputs=left())
    objects = [*([live] if live else []), *others]
    listed = {
        (f"{item['apiVersion']}/{item['kind']}", item["metadata"]["namespace"], item["metadata"]["name"]): item
        for item in objects
    }
    stack = Resource(urn="urn::s", type="pulumi:pulumi:Stack", outputs={"namespace": "quay-dev"})
    return inspected(Listing(wanted=(one,), live=listed, refused=()), State((stack, one)))


def changes(live: dict[str, Any]) -> tuple[str, ...]:
    return tuple(change for drift in compared(live).drifts for change in drift.changes)


def test_an_untouched_object_is_no_drift_after_its_controllers_wrote_to_it() -> None:
    live = left()
    live["status"] = {"replicas": 7}
    live["metadata"]["annotations"] |= {"deployment.kubernetes.io/revision": "4", "mesh.io/since": "now"}
    live["spec"]["replicas"] = 7
    wrote(live, "f:metadata f:annotations f:mesh.io/since", manager="quay-dev")
    wrote(live, "f:status f:replicas", manager="kube-controller-manager", subresource="status")
    wrote(live, "f:metadata f:annotations f:mesh.io/since", manager="mesh-operator")
    wrote(live, "f:spec f:replicas", manager="kube-controller-manager", subresource="scale")
    found = compared(live)
    assert found.clean
    assert found.compared == 1


def test_an_autoscalers_pods_are_no_drift_whoever_set_them_last() -> None:
    live = left()
    live["spec"]["replicas"] = 7
    wrote(live, "f:spec f:replicas", manager="kubectl", subresource="scale")
    assert compared(live).clean


@pytest.mark.parametrize(
    ("way", "value", "field", "told"),
    [
        (("spec", "paused"), True, "f:spec f:paused", "spec.paused (none) → true"),
        (("spec", "strategy", "type"), "Recreate", "f:spec f:strategy f:type", "spec.strategy.type RollingUpdate → Recreate"),
        (("metadata", "labels", "team"), "x", "f:metadata f:labels f:team", "metadata.labels.team (none) → x"),
        (
            (*CONTAINER, "env"),
            [{"name": "DEBUG", "value": "1"}],
            f'{F_CONTAINERS} k:{{"name":"backend"}} f:env k:{{"name":"DEBUG"}} f:value',
            'spec.template.spec.containers[backend].env (none) → [{"name": "DEBUG", "value": "1"}]',
        ),
        (
            (*CONTAINER, "image"),
            "evil",
            f'{F_CONTAINERS} k:{{"name":"backend"}} f:image',
            "spec.template.spec.containers[backend].image r/backend@sha256:1 → evil",
        ),
    ],
)  # fmt: skip
def test_a_field_that_somebody_wrote_is_told_once_with_both_values_and_who_it_was(
    way: tuple[Any, ...], value: Any, field: str, told: str
) -> None:
    live = left()
    put(live, way, value)
    wrote(live, field)
    assert changes(live) == (told,)
    assert compared(live).drifts[0].by == "kubectl-edit at t1"


def test_a_container_that_somebody_added_is_one_line() -> None:
    live = left()
    live["spec"]["template"]["spec"]["containers"].append({"name": "shell", "image": "busybox", "tty": True})
    for field in (".", "f:image", "f:tty"):
        wrote(live, f'{F_CONTAINERS} k:{{"name":"shell"}} {field}')
    (told,) = changes(live)
    assert told.startswith('spec.template.spec.containers[shell] (none) → {"name": "shell"')


def test_values_that_are_encrypted_in_the_state_are_told_without_them() -> None:
    given = {**GIVEN, "kind": "Secret", "apiVersion": "v1", "data": SECRET}
    before = {**left(), "kind": "Secret", "apiVersion": "v1", "data": SECRET}
    live = {**left(), "kind": "Secret", "apiVersion": "v1", "data": {"password": "bXVjaA=="}}
    wrote(live, "f:data f:password")
    one = Resource(urn="urn::s", type="kubernetes:core/v1:Secret", inputs=given, outputs=before)
    found = inspected(
        Listing(wanted=(one,), live={("v1/Secret", "quay-dev", "backend"): live}, refused=()), State((one,))
    )
    assert [drift.changes for drift in found.drifts] == [("data (value not shown)",)]


def test_an_object_that_was_deleted_and_made_again_is_told() -> None:
    live = left()
    live["metadata"]["uid"] = "2"
    assert changes(live) == ("metadata.uid 1 → 2 (deleted and created again)",)


def test_an_object_that_is_missing_is_told() -> None:
    assert [drift.missing for drift in compared(None).drifts] == [True]


def other(kind: str, version: str, **metadata: Any) -> dict[str, Any]:
    named = {"name": "more", "namespace": "quay-dev", **metadata}
    return {"apiVersion": version, "kind": kind, "metadata": named}


def test_what_passes_for_the_stacks_or_opens_its_network_is_told() -> None:
    strange = [
        other("NetworkPolicy", "networking.k8s.io/v1"),
        other("Deployment", "apps/v1", labels=LABELS),
    ]
    theirs = [
        other("ConfigMap", "v1"),
        other("Service", "v1", labels=LABELS, ownerReferences=[{"kind": "X"}]),
        other("PersistentVolumeClaim", "v1", labels=LABELS),
        other("Secret", "v1", labels={**LABELS, "app.kubernetes.io/instance": "quay-prod"}),
    ]
    found = compared(left(), GIVEN, *strange, *theirs)
    assert [(stranger.kind, stranger.name) for stranger in found.strangers] == [
        ("NetworkPolicy", "more"),
        ("Deployment", "more"),
    ]
    assert not found.clean
