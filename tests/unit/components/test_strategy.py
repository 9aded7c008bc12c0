"""What a service's strategy makes of its objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pulumi
import pytest

from moorage.components.manifests.deployment import COLOUR, DeploymentParts, deployment, progress_deadline
from tests.unit.component_samples import WORKER, WORKER_YAML, worker
from tests.unit.program_samples import FRONTEND_YAML, run_program
from tests.unit.program_samples import SERVICES as ALL

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.pulumi_mocks import Recording

PARTS = DeploymentParts(image="i@sha256:1", config_map="c")


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ({}, {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}),
        (
            {"maxSurge": "50%", "maxUnavailable": "1"},
            {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "50%", "maxUnavailable": 1}},
        ),
        ({"type": "Recreate"}, {"type": "Recreate"}),
    ],
)
def test_a_deployment_is_rolled_out_as_the_strategy_says(given: dict[str, Any], made: dict[str, Any]) -> None:
    assert deployment(worker(strategy=given), WORKER, PARTS)["spec"]["strategy"] == made


def test_the_pull_policy_and_the_deadline_are_the_service_s_own() -> None:
    service = worker(imagePullPolicy="Always", strategy={"progressDeadlineSeconds": 42})
    made = deployment(service, WORKER, PARTS)
    assert made["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] == "Always"
    assert made["spec"]["progressDeadlineSeconds"] == 42
    assert progress_deadline(worker(), 0) >= 300


def blue_green(root: Path, **strategy: Any) -> Recording:
    frontend = {**FRONTEND_YAML, "strategy": {"type": "BlueGreen", **strategy}}
    services = [frontend if one["name"] == "frontend" else one for one in ALL]
    return run_program(root, "prod", services=services)


@pytest.fixture(scope="module")
def verified(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    return blue_green(tmp_path_factory.mktemp("verified"), verify={"command": ["check"], "timeoutSeconds": 20})


def test_a_blue_green_deployment_has_a_name_and_pods_of_its_own(verified: Recording) -> None:
    made = verified.one("Deployment", "frontend-deployment").inputs
    assert "name" not in made["metadata"]
    colour = made["metadata"]["labels"][COLOUR]
    assert made["spec"]["selector"]["matchLabels"][COLOUR] == colour
    assert made["spec"]["template"]["metadata"]["labels"][COLOUR] == colour
    assert all(
        COLOUR not in one.inputs["metadata"]["labels"]
        for one in verified.of("Deployment")
        if one.name != "frontend-deployment"
    )


def test_the_switch_comes_after_the_check_and_the_check_after_the_pods(verified: Recording) -> None:
    pods = verified.one("Deployment", "frontend-deployment")
    asked = verified.one("Service", "frontend-verifyservice")
    job = verified.one("Job", "frontend-verifyjob")
    switch = verified.one("Service", "frontend-service")
    colour = pods.inputs["metadata"]["labels"][COLOUR]
    assert pods.urn in asked.dependencies
    assert asked.urn in job.dependencies
    assert job.urn in switch.dependencies
    assert asked.inputs["spec"]["selector"][COLOUR] == switch.inputs["spec"]["selector"][COLOUR] == colour


def test_the_check_runs_the_new_image_as_the_service_does_and_is_told_where_to_look(verified: Recording) -> None:
    job = verified.one("Job", "frontend-verifyjob").inputs["spec"]
    pods = verified.one("Deployment", "frontend-deployment").inputs["spec"]["template"]["spec"]
    container, own = job["template"]["spec"]["containers"][0], pods["containers"][0]
    assert (container["image"], container["envFrom"]) == (own["image"], own["envFrom"])
    assert container["command"] == ["check"]
    assert container["env"] == [{"name": "VERIFY_URL", "value": "http://frontend-verify:8080"}]
    assert (job["activeDeadlineSeconds"], job["backoffLimit"]) == (20, 2)
    assert "ttlSecondsAfterFinished" not in job
    annotations = verified.one("Job", "frontend-verifyjob").inputs["metadata"]["annotations"]
    assert annotations["pulumi.com/replaceUnready"] == "true", "the same command goes on after a failed check"


def test_the_check_may_reach_the_service_and_nothing_else(verified: Recording) -> None:
    policy = verified.one("NetworkPolicy", "network-frontend-verify").inputs["spec"]
    (egress,) = policy["egress"]
    assert egress["to"][0]["podSelector"]["matchLabels"]["app.kubernetes.io/name"] == "frontend"
    ingress = verified.one("NetworkPolicy", "network-frontend").inputs["spec"]["ingress"]
    sources = [one["from"][0].get("podSelector", {}).get("matchLabels", {}) for one in ingress]
    assert "frontend-verify" in [one.get("app.kubernetes.io/name") for one in sources]


def test_another_image_is_another_colour_and_the_same_image_the_same(tmp_path: Path) -> None:
    def colour(folder: str, **change: Any) -> str:
        frontend = {**FRONTEND_YAML, "strategy": {"type": "BlueGreen"}, **change}
        services = [frontend if one["name"] == "frontend" else one for one in ALL]
        found = run_program(tmp_path / folder, "prod", services=services)
        return str(found.one("Deployment", "frontend-deployment").inputs["metadata"]["labels"][COLOUR])

    first = colour("first")
    assert colour("second") == first
    assert colour("third", preStopSleepSeconds=9) != first
    assert colour("fourth", replicas=3) == first, "more pods of the same kind"


def test_without_a_check_the_switch_follows_the_pods(tmp_path: Path) -> None:
    found = blue_green(tmp_path)
    assert not found.of("Job")
    assert found.one("Deployment", "frontend-deployment").urn in found.one("Service", "frontend-service").dependencies
    assert found.outputs["services"]["frontend"]["deployment"].startswith("frontend-deployment-")


def test_other_services_are_as_they_were(tmp_path: Path) -> None:
    pulumi.runtime.set_all_config({})
    found = run_program(tmp_path)
    assert found.one("Deployment", "worker-deployment").inputs["metadata"]["name"] == WORKER_YAML["name"]
    assert "deployment" not in found.outputs["services"]["worker"]
