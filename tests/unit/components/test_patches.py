"""Patches: what of an object they change, which objects there are to patch, and what is said of those that fit nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from moorage.base.errors import MoorageError
from moorage.components.inventory import inventory
from moorage.components.manifests.patches import PatchError, patched
from moorage.components.manifests.rollout import WAIT_FOR
from moorage.config.loader import load_project
from moorage.config.patches import Patch
from tests.unit.component_samples import WEB_YAML, WORKER_YAML
from tests.unit.program_samples import SERVICES, run_program, write_monorepo

if TYPE_CHECKING:
    from pathlib import Path

OBJECT: dict[str, Any] = {
    "kind": "Deployment",
    "metadata": {"labels": {"a": "1"}},
    "spec": {
        "paused": True,
        "containers": [{"name": "app", "image": "x", "args": ["a", "b"]}, {"name": "proxy"}],
        "tolerations": [{"key": "a"}],
    },
}
DEPLOYMENT = {"kind": "Deployment"}


def merged(changes: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = patched(OBJECT, Patch.model_validate({"target": DEPLOYMENT, "merge": changes}))
    return found


def operated(*operations: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = patched(OBJECT, Patch.model_validate({"target": DEPLOYMENT, "json": list(operations)}))
    return found


@pytest.mark.parametrize(
    ("changes", "spec"),
    [
        ({"paused": None}, {"paused": None}),
        ({"replicas": 2}, {"replicas": 2}),
        ({"tolerations": [{"key": "b"}]}, {"tolerations": [{"key": "b"}]}),
        (
            {"containers": [{"name": "app", "args": ["c"], "env": [{"name": "A"}]}]},
            {
                "containers": [
                    {"name": "app", "image": "x", "args": ["c"], "env": [{"name": "A"}]},
                    {"name": "proxy"},
                ]
            },
        ),
        (
            {"containers": [{"name": "proxy", "$patch": "delete"}, {"name": "new"}]},
            {"containers": [{"name": "app", "image": "x", "args": ["a", "b"]}, {"name": "new"}]},
        ),
    ],
)
def test_a_strategic_merge_knows_lists_of_named_items(changes: dict[str, Any], spec: dict[str, Any]) -> None:
    wanted = {key: value for key, value in {**OBJECT["spec"], **spec}.items() if value is not None}
    assert merged({"spec": changes}) == {**OBJECT, "spec": wanted}


def test_a_mapping_can_be_replaced_whole() -> None:
    assert merged({"metadata": {"labels": {"$patch": "replace", "b": "2"}}})["metadata"] == {"labels": {"b": "2"}}


def test_a_json_patch_does_its_operations_one_after_the_other() -> None:
    found = operated(
        {"op": "add", "path": "/metadata/labels/example.com~1team", "value": "x"},
        {"op": "test", "path": "/metadata/labels/a", "value": "1"},
        {"op": "move", "path": "/metadata/labels/c", "from": "/metadata/labels/a"},
        {"op": "remove", "path": "/spec/paused"},
        {"op": "replace", "path": "/spec/containers/0/args/1", "value": "z"},
        {"op": "add", "path": "/spec/containers/0/args/-", "value": "last"},
        {"op": "add", "path": "/spec/containers/0/args/0", "value": "first"},
        {"op": "copy", "path": "/spec/name", "from": "/spec/containers/1/name"},
    )
    assert found["metadata"]["labels"] == {"example.com/team": "x", "c": "1"}
    assert found["spec"]["containers"][0]["args"] == ["first", "a", "z", "last"]
    assert "paused" not in found["spec"]
    assert found["spec"]["name"] == "proxy"
    assert OBJECT["spec"]["containers"][0]["args"] == ["a", "b"]


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "remove", "path": "/spec/nothing"},
        {"op": "replace", "path": "/spec/nothing", "value": 1},
        {"op": "add", "path": "/nothing/x", "value": 1},
        {"op": "add", "path": "/spec/containers/9", "value": 1},
        {"op": "test", "path": "/metadata/labels/a", "value": "2"},
    ],
)
def test_an_operation_that_fits_nowhere_is_refused(operation: dict[str, Any]) -> None:
    with pytest.raises(PatchError):
        operated(operation)


def test_the_inventory_is_what_the_program_makes(tmp_path: Path) -> None:
    made = run_program(tmp_path).objects()
    found = inventory(load_project(tmp_path, "dev"))
    assert sorted((entry.kind, entry.name or "") for entry in found) == sorted(
        (each.kind, each.inputs["metadata"].get("name", "")) for each in made
    )
    assert {entry.service for entry in found} == {
        each.inputs["metadata"]["labels"]["app.kubernetes.io/name"] for each in made
    }


def test_patches_of_a_service_and_of_the_stack_reach_the_object_in_that_order(tmp_path: Path) -> None:
    own = [{"target": DEPLOYMENT, "merge": {"spec": {"revisionHistoryLimit": 1, "paused": True}}}]
    stacks = [
        {"target": {**DEPLOYMENT, "name": "backend"}, "json": [{"op": "remove", "path": "/spec/paused"}]},
        {"target": {"kind": "Namespace"}, "merge": {"metadata": {"labels": {"team": "harbour"}}}},
    ]
    plain = run_program(tmp_path / "plain").one("Deployment", "backend-deployment").inputs
    services = [{**service, "patches": own if service["name"] == "backend" else []} for service in SERVICES]
    found = run_program(tmp_path / "patched", settings={"patches": stacks}, services=services)
    spec = found.one("Deployment", "backend-deployment").inputs["spec"]
    assert (spec["revisionHistoryLimit"], "paused" in spec) == (1, False)
    assert found.one("Deployment", "worker-deployment").inputs["spec"]["revisionHistoryLimit"] == 3
    assert found.one("Namespace").inputs["metadata"]["labels"]["team"] == "harbour"
    waits = found.one("Deployment", "backend-deployment").inputs["metadata"]["annotations"][WAIT_FOR]
    assert waits != plain["metadata"]["annotations"][WAIT_FOR]


@pytest.mark.parametrize(
    ("services", "settings", "what"),
    [
        (
            [{**WORKER_YAML, "needs": [], "patches": [{"target": {"kind": "Service"}, "merge": {"spec": {}}}]}],
            {},
            r"apps/worker/service.yaml:\d+:\d+: the patch names Service, which is not there",
        ),
        (
            SERVICES,
            {"patches": [{"target": {"kind": "Deployment", "name": "backnd"}, "merge": {"spec": {}}}]},
            r"(?s)Pulumi.dev.yaml:\d+:\d+: the patch names Deployment/backnd, which.*did you mean Deployment/backend",
        ),
        (
            SERVICES,
            {"patches": [{"target": {"kind": "Service", "name": "redis"}, "json": [{"op": "remove", "path": "/x"}]}]},
            r"the JSON patch of Service/redis does not fit: there is nothing at /x",
        ),
    ],
)
def test_a_patch_that_fits_nowhere_is_an_error_where_it_is_written(
    tmp_path: Path, services: Any, settings: dict[str, Any], what: str
) -> None:
    with pytest.raises(MoorageError, match=what):
        run_program(tmp_path, settings=settings, services=services)


@pytest.mark.parametrize(
    ("patch", "what"),
    [
        ({"target": DEPLOYMENT}, "the patch changes nothing"),
        ({"target": DEPLOYMENT, "merge": {}, "json": [{"op": "remove", "path": "/x"}]}, "both merge and json"),
        ({"target": DEPLOYMENT, "merge": {"metadata": {"name": "x"}}}, "the patch changes metadata.name"),
        ({"target": DEPLOYMENT, "json": [{"op": "add", "path": "/x"}]}, "add has no value"),
        ({"target": DEPLOYMENT, "json": [{"op": "move", "path": "/x"}]}, "move has no from"),
        ({"target": DEPLOYMENT, "json": [{"op": "remove", "path": "x"}]}, "'x' is not allowed here"),
    ],
)
def test_a_patch_that_cannot_be_one_is_refused_when_it_is_read(
    tmp_path: Path, patch: dict[str, Any], what: str
) -> None:
    write_monorepo(tmp_path, "dev", {}, [{**WEB_YAML, "needs": [], "patches": [patch]}])
    with pytest.raises(MoorageError, match=what):
        load_project(tmp_path, "dev")
