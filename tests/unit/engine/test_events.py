"""What a preview's event log tells of the steps that Pulumi would take, and of the errors that it met."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from moorage.build.comparison import ServiceChange
from moorage.cli.preview_summary import risks, workload_words
from moorage.engine.events import Diagnostic, diagnostics, planned
from moorage.engine.failure import foreign
from tests.unit.session_samples import session

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.config_samples import Monorepo

_AS_GO = (",", ":")
COMPONENT = "moorage:service:Service$kubernetes:apps/v1:"


def step(op: str, kind: str, name: str, **spec: Any) -> dict[str, Any]:
    labels = {"app.kubernetes.io/name": name}
    inputs = {"metadata": {"name": name, "labels": labels}, "spec": spec}
    metadata = {
        "op": op,
        "urn": f"urn:pulumi:dev::quay::{COMPONENT}{kind}::{name}-{kind.lower()}",
        "type": f"kubernetes:apps/v1:{kind}",
        "new": None if op == "delete" else {"inputs": inputs},
    }
    return {"resourcePreEvent": {"metadata": metadata}}


def log(folder: Path, *events: dict[str, Any]) -> Path:
    path = folder / "events.json"
    path.write_text(
        'not json "resourcePreEvent"\n' + "".join(f"{json.dumps(event, separators=_AS_GO)}\n" for event in events)
    )
    return path


def test_what_stays_the_same_is_no_step_and_a_replacement_is_one(tmp_path: Path) -> None:
    path = log(
        tmp_path,
        step("same", "Deployment", "a"),
        step("refresh", "Deployment", "b"),
        step("update", "Deployment", "c"),
        step("create-replacement", "StatefulSet", "d"),
        step("replace", "StatefulSet", "d"),
        step("delete-replaced", "StatefulSet", "d"),
    )
    assert [(one.op, one.kind, one.name) for one in planned(path).steps] == [
        ("update", "Deployment", "c-deployment"),
        ("replace", "StatefulSet", "d-statefulset"),
    ]


def test_a_log_that_is_not_there_tells_nothing(tmp_path: Path) -> None:
    assert planned(tmp_path / "none").steps == ()
    assert diagnostics(tmp_path / "none") == []


def test_resources_with_values_that_are_not_known_are_counted_once(tmp_path: Path) -> None:
    events = [
        {"policyEvent": {"policyName": name, "resourceUrn": urn}}
        for name, urn in (("list-unjudged-values", "a"), ("list-unjudged-values", "a"), ("other", "b"))
    ]
    assert planned(log(tmp_path, *events)).unjudged == 1


@pytest.mark.parametrize(
    ("op", "kind", "spec", "said"),
    [
        ("create", "Deployment", {}, "new"),
        ("update", "Deployment", {}, "without downtime"),
        ("update", "Deployment", {"strategy": {"type": "Recreate"}}, "down for a moment"),
        ("update", "StatefulSet", {}, "down for a moment"),
        ("update", "StatefulSet", {"replicas": 3}, "pod by pod"),
        ("replace", "Deployment", {}, "down meanwhile"),
        ("delete", "Deployment", {}, "deleted"),
    ],
)
def test_a_reader_is_told_what_becomes_of_a_workloads_pods(
    tmp_path: Path, op: str, kind: str, spec: dict[str, Any], said: str
) -> None:
    service = ServiceChange(name="web", rebuilt=(), redeployed=(), chains=())
    assert said in workload_words(service, planned(log(tmp_path, step(op, kind, "web", **spec))).steps)


def test_data_that_would_be_lost_is_at_risk(tmp_path: Path) -> None:
    path = log(
        tmp_path,
        step("delete", "StatefulSet", "a"),
        step("replace", "PersistentVolumeClaim", "b"),
        step("update", "StatefulSet", "c"),
        step("delete", "Deployment", "d"),
    )
    assert risks(planned(path).steps) == [
        "StatefulSet a-statefulset holds data and would be deleted",
        "PersistentVolumeClaim b-persistentvolumeclaim holds data and would be deleted and created again",
    ]


CONFLICT = (
    'resource "urn" was not successfully created by the Kubernetes API server: Server-Side Apply field conflict detected. '
    'See https://x\nThe resource managed by field manager "pulumi-kubernetes-1" had an apply conflict: Apply failed with '
)


@pytest.mark.parametrize(
    ("message", "why", "remedy"),
    [
        (
            CONFLICT + '1 conflict: conflict with "kubectl" with subresource "scale" using apps/v1: .spec.replicas',
            "spec.replicas belong to kubectl",
            "PULUMI_K8S_ENABLE_PATCH_FORCE=true moorage up dev",
        ),
        (
            CONFLICT
            + '2 conflicts: conflicts with "kubectl-create" using apps/v1:\n- .spec.replicas\n- .spec.selector',
            "spec.replicas, spec.selector belong to kubectl-create",
            "kubectl delete deployment web --namespace harbour-dev",
        ),
        (
            'Deployment.apps "web" is invalid: spec.selector: Invalid value: {"matchLabels":{}}: field is immutable',
            "its selector is another one",
            "kubectl delete deployment web --namespace harbour-dev",
        ),
    ],
    ids=["a field", "an unmanaged Deployment", "another selector"],
)
def test_an_object_of_somebody_elses_is_told_with_its_owner_and_the_way_to_take_it_over(
    monorepo: Monorepo, message: str, why: str, remedy: str
) -> None:
    urn = f"urn:pulumi:dev::quay::{COMPONENT}Deployment::web-deployment"
    found = foreign(session(monorepo.root), monorepo.load(), Diagnostic(urn=urn, message=message, name="web"))
    assert found is not None
    assert found.what == "Deployment web was made or changed by somebody else"
    assert found.why == why
    assert remedy in str(found.remedy)


def test_another_error_is_left_to_pulumis_own_words(tmp_path: Path, monorepo: Monorepo) -> None:
    error = {
        "severity": "error",
        "urn": f"urn:pulumi:dev::quay::{COMPONENT}Deployment::web-deployment",
        "message": "no",
    }
    (found,) = diagnostics(log(tmp_path, step("create", "Deployment", "web"), *[{"diagnosticEvent": error}] * 2))
    assert (found.name, found.kind, found.message) == ("web", "Deployment", "no")
    assert foreign(session(tmp_path), monorepo.load(), found) is None
