"""What somebody deleted or changed behind Pulumi's back is named and brought back; a dead page is never called open."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.stack import eventually

if TYPE_CHECKING:
    from tests.support.checkout import Checkout
    from tests.support.stack import Stack

pytestmark = pytest.mark.live


def is_open(stack: Stack) -> bool:
    with stack.http() as client:
        return client.get("/").status_code == 200


def test_what_was_deleted_is_named_by_a_preview_and_brought_back_by_an_update(copy: Checkout) -> None:
    stack = copy.running
    gone = ["deployment/frontend", "networkpolicy/backend", "service/frontend", "serviceaccount/worker"]
    gone += ["poddisruptionbudget/backend", "ingress/harbour"]
    before = {name for kind_name in gone for name in [kind_name] if stack.kubectl("get", kind_name, "--output=name")}
    assert len(before) == len(gone)
    copy.disturbed()
    stack.kubectl("delete", *gone)
    eventually(lambda: not is_open(stack), what="a closed page")

    previewed = copy.moorage("preview", copy.stack)
    for kind_name in gone:
        kind, name = kind_name.split("/")
        assert f"{kind} {name} is missing" in previewed.stderr.lower()
    assert f"`moorage up {copy.stack}` restores them" in previewed.stderr
    assert stack.kubectl("get", "deployment/frontend", check=False) == "", "a preview changes nothing"

    updated = copy.moorage("up", copy.stack)
    assert "Deployment frontend is missing" in updated.stderr
    assert "open" in updated.stdout
    assert is_open(stack)
    for kind_name in gone:
        stack.kubectl("get", kind_name)
    assert "missing" not in copy.moorage("up", copy.stack).stderr


def test_what_was_changed_by_hand_is_named_with_both_values_and_taken_back(copy: Checkout) -> None:
    stack, path = copy.running, "--output=jsonpath={.spec.template.spec.containers[0].image}"
    copy.disturbed()
    stack.kubectl("scale", "deployment/worker", "--replicas=2")
    image = stack.kubectl("get", "deployment/frontend", path)
    other = stack.kubectl("get", "deployment/worker", path)
    stack.kubectl("set", "image", "deployment/frontend", f"frontend={other}")
    updated = copy.moorage("up", copy.stack)
    assert "Deployment worker was changed: spec.replicas 1 → 2" in updated.stderr
    assert "Deployment frontend was changed: spec.template.spec.containers[frontend].image" in updated.stderr
    assert stack.kubectl("get", "deployment/worker", "--output=jsonpath={.spec.replicas}") == "1"
    assert stack.kubectl("get", "deployment/frontend", path) == image
    assert is_open(stack)


def test_where_the_controller_is_cut_off_the_update_fails_and_names_the_namespace_it_runs_in(copy: Checkout) -> None:
    stack = copy.running
    with copy.settings() as config:
        config["moorage:ingress"]["controllerNamespace"] = "ingress-nginx"
    warned = copy.moorage("up", copy.stack)
    copy.disturbed()
    assert "run in ingress" in warned.stderr, "while old connections are still answered"
    # New pods are reached by new connections, which the policies refuse.
    stack.kubectl("rollout", "restart", "deployment/frontend", "deployment/backend")
    stack.kubectl("rollout", "status", "deployment/frontend", "deployment/backend")
    eventually(lambda: not is_open(stack), seconds=120, what="the cut between controller and pods")
    result = copy.moorage("up", copy.stack, check=False)
    assert not any(line.startswith("open ") for line in result.stdout.splitlines())
    assert "run in ingress" in result.stderr
    assert "controllerNamespace: ingress" in result.stderr
    assert "Traceback" not in result.stderr
