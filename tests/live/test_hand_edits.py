"""Edits by hand on a real cluster: each is named, field by field, and an autoscaler's doings are none."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from moorage.cli.drift_report import DRIFTED
from tests.support.stack import Stack, eventually, moorage

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.live

POLICY = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: open}
spec: {podSelector: {}, ingress: [{}]}
"""
SIDECAR = {"name": "shell", "image": "registry.invalid/shell@sha256:" + "0" * 64}
CONTAINERS = "spec.template.spec.containers"
EDITS: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (("scale", "deployment/worker", "--replicas=0"), "Deployment worker", "spec.replicas 1 → 0"),
    (
        ("set", "image", "deployment/frontend", "frontend=registry.invalid/x"),
        "Deployment frontend",
        f"{CONTAINERS}[frontend].image",
    ),
    (("label", "service/frontend", "team=night"), "Service frontend", "metadata.labels.team (none) → night"),
    (("annotate", "ingress/{application}", "made=by-hand"), "Ingress {application}", "metadata.annotations.made"),
    (
        ("set", "env", "deployment/backend", "DEBUG=1"),
        "Deployment backend",
        f"{CONTAINERS}[backend].env",
    ),
    (
        ("patch", "networkpolicy/backend", "--type=merge", '--patch={"spec": {"ingress": [{}]}}'),
        "NetworkPolicy backend",
        "spec.ingress",
    ),
    (
        ("patch", "poddisruptionbudget/backend", "--type=merge", '--patch={"spec": {"unhealthyPodEvictionPolicy": "IfHealthyBudget"}}'),
        "PodDisruptionBudget backend",
        "spec.unhealthyPodEvictionPolicy",
    ),
    (
        ("patch", "service/backend", "--type=merge", '--patch={"spec": {"sessionAffinity": "ClientIP"}}'),
        "Service backend",
        "spec.sessionAffinity None → ClientIP",
    ),
    (
        ("patch", "serviceaccount/worker", "--type=merge", '--patch={"automountServiceAccountToken": true}'),
        "ServiceAccount worker",
        "automountServiceAccountToken false → true",
    ),
    (
        ("patch", "statefulset/redis", "--type=strategic", f'--patch={json.dumps({"spec": {"template": {"spec": {"containers": [SIDECAR]}}}})}'),
        "StatefulSet redis",
        f"{CONTAINERS}[shell] (none) →",
    ),
    (("delete", "networkpolicy/worker"), "NetworkPolicy worker", ""),
    (("apply", "--filename=-"), "NetworkPolicy open", "is not in the stack's state"),
)  # fmt: skip


def drifted(dev: Stack) -> dict[str, dict[str, Any]]:
    """Return what differs, by kind and name."""
    result = moorage("drift", dev.name, "--json", check=False)
    assert result.returncode in (0, DRIFTED), result.stderr
    found = json.loads(result.stdout)
    return {f"{one['kind']} {one['name']}": one for one in (*found["drifts"], *found["strangers"])}


@pytest.fixture
def edited(dev: Stack) -> Iterator[Stack]:
    """The stack, which is brought back to what is committed."""
    # A stack that was brought up by an earlier version may have what that left behind.
    moorage("up", dev.name)
    yield dev
    dev.kubectl("delete", "networkpolicy/open", "--ignore-not-found")
    moorage("up", dev.name)


def test_an_untouched_stack_has_no_drift_after_its_autoscaler_wrote(edited: Stack) -> None:
    assert drifted(edited) == {}
    for scaler in edited.objects("horizontalpodautoscalers"):
        name = scaler["spec"]["scaleTargetRef"]["name"]
        edited.kubectl("scale", f"deployment/{name}", f"--replicas={scaler['spec']['maxReplicas']}")
    edited.kubectl("delete", "pods", "--selector=app.kubernetes.io/name=worker", "--wait=false")
    eventually(lambda: drifted(edited) == {}, seconds=20, what="no drift")


def test_each_kind_of_edit_by_hand_is_named_and_nothing_else(edited: Stack) -> None:
    (ingress,) = edited.objects("ingresses")
    names = {"application": ingress["metadata"]["name"]}
    for arguments, _, _ in EDITS:
        given = [argument.format(**names) if "{application}" in argument else argument for argument in arguments]
        edited.kubectl(*given, stdin=POLICY if arguments[0] == "apply" else None)
    found = drifted(edited)
    assert sorted(found) == sorted(title.format(**names) for _, title, _ in EDITS)
    for _, title, told in EDITS:
        one = found[title.format(**names)]
        if told:
            assert any(change.startswith(told) for change in one["changes"]), one
            assert "kubectl" in one["by"]
        else:
            assert one["missing"]
    before = edited.kubectl("get", "deployment/worker", "--output=jsonpath={.spec.replicas}")
    assert before == "0", "nothing is changed by looking"
    assert len(EDITS) >= 10
