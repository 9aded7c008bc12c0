"""What a change touches, and what it leaves alone."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.support.stack import ROOT, Stack, moorage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.live

KINDS = "deployments,statefulsets,services,configmaps,secrets,ingresses,networkpolicies,horizontalpodautoscalers"


@contextmanager
def changed(path: Path, old: str, new: str) -> Iterator[None]:
    """Change a file of the checkout for a while."""
    before = path.read_text()
    assert old in before
    path.write_text(before.replace(old, new, 1))
    try:
        yield
    finally:
        path.write_text(before)


def templates(stack: Stack) -> dict[str, Any]:
    return {
        item["metadata"]["name"]: item["spec"]["template"]["spec"]["containers"][0]["image"]
        for item in stack.objects("deployments,statefulsets")
    }


def pod_uids(stack: Stack) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for pod in stack.pods():
        found.setdefault(pod["metadata"]["labels"]["app.kubernetes.io/name"], set()).add(pod["metadata"]["uid"])
    return found


def versions(stack: Stack) -> dict[str, str]:
    """Return the generation, or version, of every object that the stack declares."""
    return {
        f"{item['kind']}/{item['metadata']['name']}": str(item["metadata"].get("generation", item["metadata"]["uid"]))
        for item in stack.objects(KINDS)
    }


def registry_content() -> dict[str, str]:
    """Return the digest of every tag of the embedded registry."""
    found = {}
    with httpx.Client(base_url="http://127.0.0.1:5000/v2", trust_env=False) as client:
        for repository in client.get("/_catalog?n=1000").json()["repositories"]:
            for tag in client.get(f"/{repository}/tags/list").json()["tags"] or []:
                accept = "application/vnd.oci.image.index.v1+json,application/vnd.oci.image.manifest.v1+json"
                answer = client.head(f"/{repository}/manifests/{tag}", headers={"Accept": accept})
                found[f"{repository}:{tag}"] = answer.headers["Docker-Content-Digest"]
    return found


def test_a_second_up_changes_nothing(dev: Stack) -> None:
    before, pods = versions(dev), pod_uids(dev)
    result = dev.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes")
    assert result.returncode == 0, result.stdout + result.stderr
    assert versions(dev) == before
    assert pod_uids(dev) == pods


def test_one_changed_line_of_the_backend_rebuilds_and_rolls_the_backend_alone(dev: Stack) -> None:
    images, pods = templates(dev), pod_uids(dev)
    source = ROOT / "apps" / "backend" / "backend" / "api.py"
    with changed(source, 'return {"status": "ok"}', 'return {"status": "fine"}'):
        moorage("up", "dev")
        with dev.http() as client:
            assert client.get("/api/berths").status_code == 200
        after_images, after_pods = templates(dev), pod_uids(dev)
    differing = {name for name in images if images[name] != after_images[name]}
    assert differing == {"backend"}
    assert {name for name in pods if pods[name] != after_pods[name]} == {"backend"}
    assert not pods["backend"] & after_pods["backend"]
    moorage("up", "dev")
    assert templates(dev) == images, "the same source gives the same digest again"


def test_a_changed_setting_rolls_its_consumer_alone(dev: Stack) -> None:
    pods = pod_uids(dev)
    with changed(ROOT / "Pulumi.dev.yaml", "LOG_LEVEL: DEBUG", "LOG_LEVEL: WARNING"):
        moorage("up", "dev")
        after = pod_uids(dev)
    assert {name for name in pods if pods[name] != after[name]} == {"backend"}
    moorage("up", "dev")


def test_a_preview_touches_neither_registry_nor_cluster(dev: Stack) -> None:
    registry, objects = registry_content(), versions(dev)
    assert registry
    source = ROOT / "apps" / "worker" / "worker" / "__main__.py"
    with changed(source, '"""', '"""Changed. '):
        result = dev.pulumi("preview", "--json")
    assert result.returncode == 0, result.stdout + result.stderr
    steps = json.loads(result.stdout)["steps"]
    assert [step["urn"] for step in steps if step["op"] == "update"], "the change is seen"
    assert registry_content() == registry
    assert versions(dev) == objects
