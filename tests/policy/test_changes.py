"""What a deployment would do to data, read from Pulumi's preview."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.changes import dangerous_changes
from policy.examples import compliant_stack, title_of
from tests.policy.harness import pulumi_type, urn_of


def state(target: str, *, protect: bool = False) -> dict[str, Any]:
    manifest = next(item for item in compliant_stack() if title_of(item) == target)
    return {"type": pulumi_type(manifest), "urn": urn_of(manifest), "inputs": manifest, "protect": protect}


def step(op: str, before: dict[str, Any] | None, after: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"op": op, "urn": (before or after or {})["urn"], "oldState": before, "newState": after}


def names(*given_steps: dict[str, Any], acknowledged: tuple[str, ...] = ()) -> list[str]:
    return [change.name for change in dangerous_changes({"steps": list(given_steps)}, acknowledged)]


@pytest.mark.parametrize("target", ["StatefulSet/db", "PersistentVolumeClaim/uploads", "Namespace/shop-prod"])
@pytest.mark.parametrize(
    ("op", "change"), [("delete", "delete"), ("replace", "replace"), ("delete-replaced", "replace")]
)
def test_deleting_or_replacing_what_holds_data_is_refused(target: str, op: str, change: str) -> None:
    assert names(step(op, state(target))) == [f"{change}:{target}"]


def test_anything_protected_is_refused_too_and_other_objects_are_not() -> None:
    assert names(step("delete", state("ConfigMap/web", protect=True))) == ["delete:ConfigMap/web"]
    assert names(step("delete", state("Deployment/web"))) == []
    bucket = {"type": "aws:s3/bucket:Bucket", "urn": "urn:pulumi:s::p::aws:s3/bucket:Bucket::data", "protect": True}
    assert names(step("delete", bucket)) == ["delete:Bucket/data"]


def test_a_replacement_in_several_steps_is_told_once() -> None:
    before = state("StatefulSet/db")
    steps = [step(op, before, before) for op in ("create-replacement", "replace", "delete-replaced")]
    assert names(*steps) == ["replace:StatefulSet/db"]


def test_creating_updating_and_leaving_alone_are_no_danger() -> None:
    db = state("StatefulSet/db")
    assert names(step("create", None, db), step("update", db, db), step("same", db, db)) == []


def test_an_acknowledgement_lets_exactly_that_change_happen() -> None:
    steps = [step("delete", state("StatefulSet/db")), step("delete", state("PersistentVolumeClaim/uploads"))]
    assert names(*steps, acknowledged=("delete:StatefulSet/db",)) == ["delete:PersistentVolumeClaim/uploads"]
    assert names(*steps, acknowledged=("replace:StatefulSet/db",)) == [
        "delete:StatefulSet/db",
        "delete:PersistentVolumeClaim/uploads",
    ]


@pytest.mark.parametrize(
    ("size", "refused"), [("512Mi", True), ("1Gi", False), ("1024Mi", False), ("2Gi", False), ("1G", True)]
)
def test_a_volume_may_grow_and_not_shrink(size: str, refused: bool) -> None:
    before = state("PersistentVolumeClaim/uploads")
    after = copy.deepcopy(before)
    after["inputs"]["spec"]["resources"]["requests"]["storage"] = size
    assert names(step("update", before, after)) == (["shrink:PersistentVolumeClaim/uploads"] if refused else [])


def test_a_claim_template_may_not_shrink_either() -> None:
    before = state("StatefulSet/db")
    after = copy.deepcopy(before)
    after["inputs"]["spec"]["volumeClaimTemplates"][0]["spec"]["resources"]["requests"]["storage"] = "1Mi"
    assert "shrink:StatefulSet/db" in names(step("replace", before, after))


@pytest.mark.parametrize(
    ("old", "new", "refused"),
    [
        ("postgres:16.4", "postgres:17.0", True),
        ("postgres:17", "postgres:16", True),
        ("postgres:16.4", "postgres:16.9", False),
        ("registry.example.com:5000/base-postgres:16", "registry.example.com:5000/base-postgres:17", True),
        ("redis:7", "redis:8", False),
        ("postgres@sha256:0", "postgres@sha256:1", False),
    ],
)
def test_a_major_version_of_postgres_is_refused(old: str, new: str, refused: bool) -> None:
    before = state("StatefulSet/db")
    before["inputs"]["spec"]["template"]["spec"]["containers"][0]["image"] = old
    after = copy.deepcopy(before)
    after["inputs"]["spec"]["template"]["spec"]["containers"][0]["image"] = new
    assert names(step("update", before, after)) == (["upgrade:StatefulSet/db"] if refused else [])


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["spec", "metadata", "inputs", "protect", "resources", "template"]), inner, max_size=3
        )
    ),
    max_leaves=10,
)


@given(
    kind=st.sampled_from(["kubernetes:apps/v1:StatefulSet", "kubernetes:core/v1:PersistentVolumeClaim", "x", ""]),
    op=st.sampled_from(["delete", "replace", "update", "odd"]),
    before=ANYTHING,
    after=ANYTHING,
)
def test_no_preview_makes_it_throw(kind: str, op: str, before: Any, after: Any) -> None:
    states = [{"type": kind, "inputs": inputs, "protect": True} for inputs in (before, after)]
    found = dangerous_changes(
        {"steps": [{"op": op, "urn": "u", "oldState": states[0], "newState": states[1]}, before, after]}
    )
    assert all(change.fix for change in found)
