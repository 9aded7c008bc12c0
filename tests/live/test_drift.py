"""What somebody deleted or changed behind Pulumi's back is named and brought back; a dead page is never called open."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.live.test_change import changed
from tests.support.stack import ROOT, Stack, eventually, moorage

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.live


@pytest.fixture(autouse=True)
def whole_again(dev: Stack) -> Iterator[None]:
    """Bring the stack back to what is committed."""
    yield
    moorage("up", "dev")


def is_open(dev: Stack) -> bool:
    with dev.http() as client:
        return client.get("/").status_code == 200


def test_what_was_deleted_is_named_by_a_preview_and_brought_back_by_an_update(dev: Stack) -> None:
    gone = ["deployment/frontend", "networkpolicy/backend", "service/frontend", "serviceaccount/worker"]
    gone += ["poddisruptionbudget/backend", "ingress/harbour"]
    before = {name for kind_name in gone for name in [kind_name] if dev.kubectl("get", kind_name, "--output=name")}
    assert len(before) == len(gone)
    dev.kubectl("delete", *gone)
    eventually(lambda: not is_open(dev), what="a closed page")

    previewed = moorage("preview", "dev")
    for kind_name in gone:
        kind, name = kind_name.split("/")
        assert f"{kind} {name} is missing" in previewed.stderr.lower()
    assert "`moorage up dev` restores them" in previewed.stderr
    assert dev.kubectl("get", "deployment/frontend", check=False) == "", "a preview changes nothing"

    updated = moorage("up", "dev")
    assert "Deployment frontend is missing" in updated.stderr
    assert "open" in updated.stdout
    assert is_open(dev)
    for kind_name in gone:
        dev.kubectl("get", kind_name)
    assert "missing" not in moorage("up", "dev").stderr


def test_what_was_changed_by_hand_is_named_with_both_values_and_taken_back(dev: Stack) -> None:
    dev.kubectl("scale", "deployment/worker", "--replicas=2")
    image = dev.kubectl("get", "deployment/frontend", "--output=jsonpath={.spec.template.spec.containers[0].image}")
    other = dev.kubectl("get", "deployment/worker", "--output=jsonpath={.spec.template.spec.containers[0].image}")
    dev.kubectl("set", "image", "deployment/frontend", f"frontend={other}")
    updated = moorage("up", "dev")
    assert "Deployment worker was changed: spec.replicas 1 → 2" in updated.stderr
    assert "Deployment frontend was changed: spec.template.spec.containers[frontend].image" in updated.stderr
    assert dev.kubectl("get", "deployment/worker", "--output=jsonpath={.spec.replicas}") == "1"
    found = dev.kubectl("get", "deployment/frontend", "--output=jsonpath={.spec.template.spec.containers[0].image}")
    assert found == image
    assert is_open(dev)


def test_where_the_controller_is_cut_off_the_update_fails_and_names_the_namespace_it_runs_in(dev: Stack) -> None:
    settings = ROOT / "Pulumi.dev.yaml"
    host = "    host: harbour.localhost\n"
    with changed(settings, host, f"{host}    controllerNamespace: ingress-nginx\n"):
        warned = moorage("up", "dev")
        assert "run in ingress" in warned.stderr, "while old connections are still answered"
        # New pods are reached by new connections, which the policies refuse.
        dev.kubectl("rollout", "restart", "deployment/frontend", "deployment/backend")
        dev.kubectl("rollout", "status", "deployment/frontend", "deployment/backend")
        eventually(lambda: not is_open(dev), seconds=120, what="the cut between controller and pods")
        result = moorage("up", "dev", check=False)
    assert not any(line.startswith("open ") for line in result.stdout.splitlines())
    assert "run in ingress" in result.stderr
    assert "controllerNamespace: ingress" in result.stderr
    assert "Traceback" not in result.stderr
