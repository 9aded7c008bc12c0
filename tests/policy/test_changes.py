"""What an update would do to data: judged against Pulumi's state, wherever that is, before anything happens."""

from __future__ import annotations

import copy
import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulumi.runtime import proto

from moorage.policy.changes import acknowledged, changes, deletion, previous_object
from moorage.policy.examples import compliant_stack, title_of
from moorage.policy.settings import SettingsError
from moorage.policy.state import deployed
from moorage.policy.tree import ShapeError, UnknownError
from tests.policy.harness import Manifest, pulumi_type, urn_of
from tests.policy.test_analyzer import AbortError, Context, request, server

if TYPE_CHECKING:
    from pathlib import Path


def manifest(target: str) -> Manifest:
    return copy.deepcopy(next(item for item in compliant_stack() if title_of(item) == target))


def state(item: Manifest, *, protect: bool = False, **fields: Any) -> dict[str, Any]:
    return {"type": pulumi_type(item), "urn": urn_of(item), "inputs": item, "protect": protect, **fields}


def names(before: Manifest, after: Manifest) -> list[str]:
    old, new = previous_object(state(before)), previous_object(state(after))
    assert old is not None
    assert new is not None
    return [change.name for change in changes(old, new)]


@pytest.mark.parametrize("target", ["StatefulSet/db", "PersistentVolumeClaim/uploads", "Namespace/shop-prod"])
def test_deleting_what_holds_data_is_a_danger(target: str) -> None:
    before = previous_object(state(manifest(target)))
    assert before is not None
    change = deletion(before)
    assert change is not None
    assert change.name == f"delete:{target}"


def test_deleting_anything_protected_is_a_danger_and_other_objects_are_not() -> None:
    protected = previous_object(state(manifest("ConfigMap/web"), protect=True))
    assert protected is not None
    assert deletion(protected) is not None
    assert previous_object(state(manifest("ConfigMap/web"))) is None
    deployment = previous_object(state(manifest("Deployment/web")))
    assert deployment is not None
    assert deletion(deployment) is None
    bucket = {"type": "aws:s3/bucket:Bucket", "urn": "urn:x::aws:s3/bucket:Bucket::data", "protect": True}
    found = previous_object(bucket | {"custom": True})
    assert found is not None
    assert found.title == "Bucket/data"
    assert previous_object(bucket) is None, "a component holds nothing itself"


@pytest.mark.parametrize("fields", [{"retainOnDelete": True}, {"delete": True}])
def test_what_stays_or_goes_already_is_no_danger(fields: dict[str, bool]) -> None:
    assert previous_object(state(manifest("StatefulSet/db"), protect=True, **fields)) is None


@pytest.mark.parametrize(
    ("target", "change", "replaced"),
    [
        ("StatefulSet/db", lambda item: item["metadata"].update(name="database"), True),
        ("StatefulSet/db", lambda item: item["metadata"].update(namespace="other"), True),
        ("StatefulSet/db", lambda item: item["spec"].update(serviceName="other"), True),
        ("StatefulSet/db", lambda item: item["spec"].update(replicas=2), False),
        ("StatefulSet/db", lambda item: item["metadata"].update(labels={}), False),
        ("PersistentVolumeClaim/uploads", lambda item: item["spec"].update(storageClassName="fast"), True),
        ("PersistentVolumeClaim/uploads", lambda item: item["spec"].update(accessModes=["ReadWriteMany"]), True),
        ("Deployment/web", lambda item: item["metadata"].update(name="other"), False),
    ],
)
def test_what_cannot_change_in_place_would_be_replaced(target: str, change: Any, replaced: bool) -> None:
    after = manifest(target)
    change(after)
    assert names(manifest(target), after) == ([f"replace:{target}"] if replaced else [])


@pytest.mark.parametrize(
    ("size", "refused"), [("512Mi", True), ("1Gi", False), ("1024Mi", False), ("2Gi", False), ("1G", True)]
)
def test_a_volume_may_grow_and_not_shrink(size: str, refused: bool) -> None:
    before = manifest("PersistentVolumeClaim/uploads")
    after = copy.deepcopy(before)
    after["spec"]["resources"]["requests"]["storage"] = size
    assert names(before, after) == (["shrink:PersistentVolumeClaim/uploads"] if refused else [])


def test_a_claim_template_that_shrinks_is_told_beside_the_replacement() -> None:
    after = manifest("StatefulSet/db")
    after["spec"]["volumeClaimTemplates"][0]["spec"]["resources"]["requests"]["storage"] = "1Mi"
    assert names(manifest("StatefulSet/db"), after) == ["shrink:StatefulSet/db", "replace:StatefulSet/db"]


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
def test_a_major_version_of_postgres_is_a_danger(old: str, new: str, refused: bool) -> None:
    before = manifest("StatefulSet/db")
    before["spec"]["template"]["spec"]["containers"][0]["image"] = old
    after = copy.deepcopy(before)
    after["spec"]["template"]["spec"]["containers"][0]["image"] = new
    assert names(before, after) == (["upgrade:StatefulSet/db"] if refused else [])


def test_an_acknowledgement_has_one_form() -> None:
    assert acknowledged('["delete:StatefulSet/db"]') == {"delete:StatefulSet/db"}
    for wrong in ("{", '"x"', '["remove:StatefulSet/db"]', '["delete:db"]', "[1]"):
        with pytest.raises(SettingsError, match="policy:acknowledgedChanges"):
            acknowledged(wrong)
    with pytest.raises(AbortError, match="such as delete:StatefulSet/postgres"):
        server(config={"policy:acknowledgedChanges": '["db"]'})


@pytest.fixture(params=[False, True], ids=["plain", "compressed"])
def backend(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file in which a stack's state is kept, holding the compliant stack's database and claim."""
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"file://{tmp_path}")
    folder = tmp_path / ".pulumi/stacks/shop"
    folder.mkdir(parents=True)
    states = [state(manifest(target)) for target in ("StatefulSet/db", "PersistentVolumeClaim/uploads")]
    content = json.dumps({"version": 3, "checkpoint": {"stack": "prod", "latest": {"resources": states}}}).encode()
    path = folder / ("prod.json.gz" if request.param else "prod.json")
    path.write_bytes(gzip.compress(content) if request.param else content)
    return path


def refused(*given: Manifest, acknowledge: tuple[str, ...] = ()) -> set[str]:
    """Return the changes that are refused in an update of prod to these objects, each with the policy's name."""
    config = {"policy:acknowledgedChanges": json.dumps(acknowledge)}
    analyzer = server(config=config, project="shop")
    found = [item for one in given for item in analyzer.Analyze(request(one), Context()).diagnostics]
    stack = proto.AnalyzeStackRequest()
    for one in given:
        asked = request(one)
        stack.resources.add(type=asked.type, urn=asked.urn, name=asked.name).properties.CopyFrom(asked.properties)
    found += analyzer.AnalyzeStack(stack, Context()).diagnostics
    ours = [item for item in found if item.policyName.endswith("of-data")]
    assert all(item.enforcementLevel == proto.MANDATORY for item in ours)
    return {item.message.partition("acknowledge with '")[2].partition("'")[0] for item in ours}


@pytest.mark.usefixtures("backend")
def test_an_update_is_refused_that_would_lose_data_until_each_change_is_acknowledged() -> None:
    database, claim = manifest("StatefulSet/db"), manifest("PersistentVolumeClaim/uploads")
    assert refused(database, claim) == set()
    assert refused(database) == {"delete:PersistentVolumeClaim/uploads"}
    claim["spec"]["resources"]["requests"]["storage"] = "1Mi"
    assert refused(claim) == {"delete:StatefulSet/db", "shrink:PersistentVolumeClaim/uploads"}
    assert refused(claim, acknowledge=("delete:StatefulSet/db",)) == {"shrink:PersistentVolumeClaim/uploads"}
    both = ("delete:StatefulSet/db", "shrink:PersistentVolumeClaim/uploads")
    assert refused(claim, acknowledge=both) == set()
    assert refused(claim, acknowledge=("replace:StatefulSet/db",)) == set(both)


def test_a_stack_without_a_state_has_nothing_to_lose_and_a_broken_one_is_said_to_be_unread(backend: Path) -> None:
    assert deployed("shop", "new") == []
    assert deployed("shop", "prod")
    backend.write_bytes(b"{")
    assert deployed("shop", "prod") is None
    answer = server(project="shop").AnalyzeStack(proto.AnalyzeStackRequest(), Context())
    assert [item.policyName for item in answer.diagnostics] == ["list-unjudged-values"]
    assert "Stack/prod: what Pulumi's state has (for disallow-deletion-of-data, " in answer.diagnostics[0].message


@pytest.mark.usefixtures("backend")
def test_what_the_engine_lists_after_a_refresh_and_the_program_does_not_declare_is_deleted() -> None:
    analyzer, stack = server(project="shop"), proto.AnalyzeStackRequest()
    for name in ("StatefulSet/db", "PersistentVolumeClaim/uploads"):
        asked = request(manifest(name))
        stack.resources.add(type=asked.type, urn=asked.urn, name=asked.name).properties.CopyFrom(asked.properties)
    analyzer.Analyze(request(manifest("StatefulSet/db")), Context())
    found = [
        item for item in analyzer.AnalyzeStack(stack, Context()).diagnostics if item.policyName.endswith("of-data")
    ]
    assert [item.message.partition("acknowledge with '")[2].partition("'")[0] for item in found] == [
        "delete:PersistentVolumeClaim/uploads"
    ]


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
    before=ANYTHING,
    after=ANYTHING,
)
def test_odd_states_are_findings_and_never_tracebacks(kind: str, before: Any, after: Any) -> None:
    states = [{"type": kind, "inputs": inputs, "protect": True, "custom": True} for inputs in (before, after)]
    old, new = (previous_object(item) for item in states)
    assert old is not None
    assert new is not None
    assert deletion(old) is not None
    try:
        assert all(change.name for change in changes(old, new))
    except (ShapeError, UnknownError) as error:
        assert error.path is not None  # noqa: PT017  # reported at its path by whoever runs the rule
