"""The pack's verdict on Kubernetes' own fixtures and on variants of our pod is that of the running API server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from moorage.policy.examples import REMOVE
from moorage.policy.kinds import KINDS, served
from moorage.policy.registry import RULES
from tests.policy import api_server, pod_security
from tests.policy.harness import web
from tests.policy.test_pod_security_fixtures import forbidden

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.live


def pod_of(deployment: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "variant"},
        "spec": deployment["spec"]["template"]["spec"],
    }


def variants() -> dict[str, dict[str, Any]]:
    """Return our own pod, broken by the example of each rule of the Pod Security Standards."""
    result = {"compliant": pod_of(web())}
    for rule in RULES.values():
        path = rule.example.path.removeprefix("spec.template.spec.")
        if rule.profile != "all":
            value = None if rule.example.value is REMOVE else rule.example.value
            result[rule.name] = pod_of(web(**{path.replace("containers[0].", "c.").replace(".", "__"): value}))
    return result


@pytest.fixture(scope="module")
def testdata(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pod_security.fetch(tmp_path_factory.mktemp("pod-security"))


def test_the_table_of_kinds_is_what_the_api_server_serves() -> None:
    found = [item for document in api_server.ApiServer().discovery() for item in served(document)]
    own = [(group, kind, reach) for group, kind, reach in found if group in KINDS]
    assert len(own) > 60
    assert [item for item in own if KINDS[item[0]].get(item[1]) != item[2]] == []


@pytest.mark.parametrize("level", ["baseline", "restricted"])
def test_the_verdict_is_the_api_servers(testdata: Path, level: str) -> None:
    pods = variants()
    for verdict in ("pass", "fail"):
        pods |= pod_security.pods(testdata, level, pod_security.NEWEST, verdict)
    server = api_server.ApiServer()
    with server.namespace(level) as where:
        said = {name: server.verdict(where, pod) for name, pod in pods.items()}
    judged = {name: verdict for name, verdict in said.items() if verdict in {"allowed", "forbidden"}}
    # A pod that is not even valid is refused before Pod Security looks at it: nothing privileged is, on this platform.
    assert all("is invalid" in said[name] for name in set(said) - set(judged))
    assert len(judged) > len(pods) * 0.75
    assert {name: "forbidden" if forbidden(pods[name], level) else "allowed" for name in judged} == judged
