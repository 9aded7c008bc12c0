"""The user for previews of docs/access/preview.yaml, on a real API server: it may ask everything and change nothing."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.support.stack import ROOT, Stack, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.live

ACCESS = ROOT / "docs" / "access" / "preview.yaml"
KINDS = "namespaces", "deployments", "statefulsets", "services", "configmaps", "horizontalpodautoscalers"
OTHERS = "ingresses", "networkpolicies", "poddisruptionbudgets"
CONTEXT = "previews"
OURS = "app.kubernetes.io/managed-by=pulumi"


@pytest.fixture(scope="module")
def kubeconfig(dev: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A kubeconfig of that user, made as docs/ci.md says."""
    dev.kubectl("apply", "--namespace=moorage-access", "--filename", str(ACCESS))
    account = "--serviceaccount=moorage-access:preview"
    dev.kubectl("delete", "rolebinding", "preview", "preview-group", "--ignore-not-found")
    dev.kubectl("create", "rolebinding", "preview", "--clusterrole=moorage-preview", account)
    token = dev.kubectl("create", "token", "preview", "--namespace=moorage-access", "--duration=1h").strip()
    found = yaml.safe_load(Path(dev.environment["KUBECONFIG"]).read_text())
    found["users"] = [{"name": CONTEXT, "user": {"token": token}}]
    found["contexts"] = [{"name": CONTEXT, "context": {"cluster": found["clusters"][0]["name"], "user": CONTEXT}}]
    found["current-context"] = CONTEXT
    path = tmp_path_factory.mktemp("preview") / "kubeconfig"
    path.write_text(yaml.safe_dump(found))
    eventually(lambda: "previews" in asked(path, "create", "configmap", "early").stderr, what="the admission policy")
    yield path
    dev.kubectl("delete", "rolebinding", "preview")
    dev.kubectl("delete", "--namespace=moorage-access", "--filename", str(ACCESS), "--wait=false")


def asked(
    kubeconfig: Path, *arguments: str, namespace: str = "harbour-dev", stdin: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run kubectl as that user."""
    command = ["kubectl", f"--kubeconfig={kubeconfig}", f"--namespace={namespace}", *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)


def objects(dev: Stack) -> list[dict[str, Any]]:
    """Return the stack's objects but for Secrets, as somebody would apply them."""
    found: list[dict[str, Any]] = json.loads(
        dev.kubectl("get", ",".join((*KINDS[1:], *OTHERS)), f"--selector={OURS}", "--output=json")
    )["items"]
    found.append(json.loads(dev.kubectl("get", "namespace", dev.namespace, "--output=json")))
    for item in found:
        item.pop("status", None)
        item["metadata"] = {key: item["metadata"][key] for key in ("name", "namespace") if key in item["metadata"]}
    return found


def test_each_object_of_the_stack_can_be_tried_and_none_be_changed(dev: Stack, kubeconfig: Path) -> None:
    found = objects(dev)
    assert {item["kind"].lower() for item in found} >= {"namespace", "deployment", "ingress", "networkpolicy"}
    apply = ("apply", "--server-side", "--force-conflicts", "--field-manager=preview", "--filename=-")
    for item in found:
        text = json.dumps(item | {"metadata": item["metadata"] | {"annotations": {"tried": "true"}}})
        tried = asked(kubeconfig, *apply, "--dry-run=server", stdin=text)
        assert tried.returncode == 0, tried.stderr
        changed = asked(kubeconfig, *apply, stdin=text)
        assert changed.returncode == 1
        assert "this user is for previews, which change nothing" in changed.stderr
    assert '"tried"' not in json.dumps([json.loads(dev.kubectl("get", kind, "--output=json")) for kind in KINDS])


def test_the_group_for_identities_of_a_cloud_is_held_by_the_same_policy(dev: Stack, kubeconfig: Path) -> None:
    dev.kubectl("create", "rolebinding", "preview-group", "--clusterrole=moorage-preview", "--group=moorage-preview")
    groups = ("--as=anna", "--as-group=moorage-preview", "--as-group=system:authenticated")
    try:
        eventually(lambda: dev.kubectl(*groups, "get", "deployments", check=False) != "", what="the binding")
        assert "new" in dev.kubectl(*groups, "create", "configmap", "new", "--dry-run=server")
        dev.kubectl(*groups, "create", "configmap", "new", check=False)
        assert dev.kubectl("get", "configmap", "new", "--ignore-not-found") == ""
    finally:
        dev.kubectl("delete", "rolebinding", "preview-group")


def test_what_is_not_there_can_be_tried_and_not_be_made(dev: Stack, kubeconfig: Path) -> None:
    assert asked(kubeconfig, "create", "configmap", "new", "--dry-run=server").returncode == 0
    assert asked(kubeconfig, "create", "configmap", "new").returncode == 1
    assert dev.kubectl("get", "configmap", "new", "--ignore-not-found") == ""


@pytest.mark.parametrize(
    "command",
    [
        ("get", "secrets"),
        ("delete", "deployment", "backend"),
        ("delete", "deployment", "backend", "--dry-run=server"),
        ("scale", "deployment", "backend", "--replicas=0"),
        ("exec", "deployment/backend", "--", "true"),
        ("create", "token", "default"),
        ("create", "serviceaccount", "other"),
        ("create", "rolebinding", "more", "--clusterrole=cluster-admin", "--user=x"),
    ],
)
def test_whatever_else_the_user_tries_is_refused(command: tuple[str, ...], kubeconfig: Path) -> None:
    result = asked(kubeconfig, *command)
    assert result.returncode == 1
    assert "forbidden" in result.stderr.lower()
