"""The prod stack beside dev on the same platform, and what is left when it goes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from moorage.base.quantity import quantity_value
from moorage.config.loader import load_project
from tests.support.stack import ROOT, Stack, eventually, moorage, running_stack

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def prod(dev: Stack) -> Iterator[Stack]:
    moorage("up", "prod")
    yield running_stack("prod")
    moorage("down", "prod", "--unprotect", check=False)


def volumes(stack: Stack) -> list[str]:
    items = json.loads(stack.kubectl("get", "persistentvolumes", "--output=json"))["items"]
    return [item["metadata"]["name"] for item in items if item["spec"]["claimRef"]["namespace"] == stack.namespace]


def test_prod_answers_over_tls_beside_dev(dev: Stack, prod: Stack) -> None:
    with prod.http() as client:
        eventually(lambda: client.get("/api/berths").status_code == 200, seconds=30)
        assert "Harbour" in client.get("/").text
    with dev.http() as client:
        assert client.get("/api/berths").status_code == 200
    assert prod.namespace != dev.namespace


def test_prod_has_the_specified_numbers_with_only_sizes_lowered(prod: Stack) -> None:
    (scaler,) = prod.objects("horizontalpodautoscalers", "--field-selector=metadata.name=backend")
    spec = scaler["spec"]
    assert (spec["minReplicas"], spec["maxReplicas"]) == (2, 10)
    targets = {
        metric["resource"]["name"]: metric["resource"]["target"]["averageUtilization"] for metric in spec["metrics"]
    }
    assert targets == {"cpu": 70, "memory": 80}
    (backend,) = prod.objects("deployments", "--field-selector=metadata.name=backend")
    container = backend["spec"]["template"]["spec"]["containers"][0]
    assert container["imagePullPolicy"] == "IfNotPresent"
    assert "@sha256:" in container["image"]
    factor = load_project(ROOT, "prod").settings.embedded.resource_factor
    assert factor < 1
    requests = {name: float(quantity_value(value)) for name, value in container["resources"]["requests"].items()}
    assert requests == {"cpu": pytest.approx(0.5 * factor), "memory": pytest.approx(2**30 * factor, rel=0.01)}


def test_prods_autoscalers_read_metrics(prod: Stack) -> None:
    def active() -> bool:
        scalers = prod.objects("horizontalpodautoscalers")
        conditions = [
            {condition["type"]: condition["status"] for condition in scaler["status"].get("conditions", [])}
            for scaler in scalers
        ]
        return bool(scalers) and all(condition.get("ScalingActive") == "True" for condition in conditions)

    eventually(active, seconds=120, what="ScalingActive")


def test_data_is_protected_from_down(prod: Stack) -> None:
    result = moorage("down", "prod", check=False)
    assert result.returncode == 1
    assert "protect" in result.stdout + result.stderr
    assert "--unprotect" in result.stderr
    assert prod.objects("statefulsets")
    assert prod.objects("deployments")


def test_down_leaves_nothing_behind(prod: Stack) -> None:
    moorage("up", "prod")
    assert volumes(prod)
    moorage("down", "prod", "--unprotect")
    assert prod.kubectl("get", "namespace", prod.namespace, "--ignore-not-found") == ""
    eventually(lambda: volumes(prod) == [], seconds=60, what="no volume of the stack")
    folders = [path.name for path in (ROOT / ".moorage" / "platform" / "volumes").glob(f"*_{prod.namespace}_*")]
    assert folders == []
    assert "prod" not in prod.pulumi("stack", "ls", "--json").stdout
