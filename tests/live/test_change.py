"""What a change touches, and what it leaves alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx
import pytest

from moorage.platform.layout import Layout
from tests.support.stack import ROOT, Stack

if TYPE_CHECKING:
    from tests.live.one_line import OneLine
    from tests.support.checkout import Checkout

pytestmark = pytest.mark.live

KINDS = "deployments,statefulsets,services,configmaps,secrets,ingresses,networkpolicies,horizontalpodautoscalers"
ELSEWHERE = {"dev", "prod"}
"""Tags of stacks that other tests bring up meanwhile."""


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


def registry_content(stack: Stack) -> dict[str, str]:
    """Return the digest of every tag that the stack could have written to the embedded registry."""
    found = {}
    with httpx.Client(base_url=f"http://{Layout.of(ROOT).registry}/v2", trust_env=False) as client:
        for repository in client.get("/_catalog?n=1000").json()["repositories"]:
            if not repository.startswith("harbour/"):
                continue
            for tag in set(client.get(f"/{repository}/tags/list").json()["tags"] or ()) - ELSEWHERE:
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


def test_one_changed_line_of_the_backend_rebuilds_and_rolls_the_backend_alone(one_line: OneLine) -> None:
    before, changed, back = one_line.before, one_line.changed, one_line.back
    assert one_line.status == 200
    assert {name for name in before if before[name][0] != changed[name][0]} == {"backend"}
    assert {name for name in before if before[name][2] != changed[name][2]} == {"backend"}
    assert not before["backend"][2] & changed["backend"][2]
    images = [{name: state[0] for name, state in each.items()} for each in (before, back)]
    assert images[0] == images[1], "the same source gives the same digest again"


def test_a_preview_touches_neither_registry_nor_cluster(copy: Checkout) -> None:
    stack = copy.running
    registry, objects = registry_content(stack), versions(stack)
    assert registry
    copy.edit("apps/worker/worker/__main__.py", '"""', '"""Changed. ')
    result = stack.pulumi("preview", "--json")
    assert result.returncode == 0, result.stdout + result.stderr
    steps = json.loads(result.stdout)["steps"]
    assert [step["urn"] for step in steps if step["op"] == "update"], "the change is seen"
    assert registry_content(stack) == registry
    assert versions(stack) == objects
