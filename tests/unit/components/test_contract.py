"""What holds for every resource of a stack, whichever component made it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from moorage.base.quantity import quantity_value
from tests.unit.program_samples import run_program, text_of

if TYPE_CHECKING:
    from tests.unit.pulumi_mocks import Recording, Registration

STACKS: dict[str, dict[str, Any]] = {
    "dev": {},
    "prod": {"protect": True, "ingress": {"host": "harbour.example", "tls": {"selfSigned": True}}},
}
NAMES = {"name", "instance", "component", "part-of", "managed-by"}


@pytest.fixture(scope="module", params=sorted(STACKS))
def stack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """Return each kind of stack in turn."""
    return run_program(tmp_path_factory.mktemp(request.param), request.param, STACKS[request.param])


def workloads(stack: Recording) -> list[Registration]:
    """Return the Deployments and StatefulSets: five of them, so that no test of all passes on none."""
    found = [*stack.of("Deployment"), *stack.of("StatefulSet")]
    assert sorted(workload.inputs["metadata"]["name"] for workload in found) == [
        "backend",
        "frontend",
        "postgres",
        "redis",
        "worker",
    ]
    return found


def pods(stack: Recording) -> list[dict[str, Any]]:
    """Return the pod templates of all workloads."""
    return [workload.inputs["spec"]["template"] for workload in workloads(stack)]


def containers(stack: Recording) -> list[dict[str, Any]]:
    """Return the containers of all workloads."""
    return [container for pod in pods(stack) for container in pod["spec"]["containers"]]


def test_every_object_carries_the_recommended_labels(stack: Recording) -> None:
    for found in stack.objects():
        labels = found.inputs["metadata"]["labels"]
        assert {f"app.kubernetes.io/{name}" for name in NAMES} <= labels.keys(), found.urn


def test_every_object_is_owned_under_the_stacks_own_name(stack: Recording) -> None:
    (namespace,) = stack.of("Namespace")
    for found in stack.objects():
        manager = found.inputs["metadata"]["annotations"]["pulumi.com/patchFieldManager"]
        assert manager == namespace.inputs["metadata"]["name"], found.urn


def test_every_pod_carries_its_workloads_labels_and_is_selected_by_two_of_them(stack: Recording) -> None:
    for workload in workloads(stack):
        template, selector = workload.inputs["spec"]["template"], workload.inputs["spec"]["selector"]["matchLabels"]
        assert template["metadata"]["labels"] == workload.inputs["metadata"]["labels"]
        assert selector.keys() == {"app.kubernetes.io/name", "app.kubernetes.io/instance"}
        assert selector.items() <= template["metadata"]["labels"].items()


def test_no_pod_runs_as_root(stack: Recording) -> None:
    for pod in pods(stack):
        context = pod["spec"]["securityContext"]
        assert context["runAsNonRoot"] is True
        assert context["runAsUser"] > 0
        assert context["runAsGroup"] > 0
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}


def test_no_container_has_a_privilege_or_a_writable_root(stack: Recording) -> None:
    for container in containers(stack):
        context = container["securityContext"]
        assert context["privileged"] is False
        assert context["allowPrivilegeEscalation"] is False
        assert context["readOnlyRootFilesystem"] is True
        assert context["capabilities"] == {"drop": ["ALL"]}


def test_every_container_has_requests_limits_and_three_probes(stack: Recording) -> None:
    for container in containers(stack):
        for name in ("cpu", "memory"):
            request, limit = container["resources"]["requests"][name], container["resources"]["limits"][name]
            assert 0 < quantity_value(request) <= quantity_value(limit)
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            assert container[probe]["periodSeconds"] >= 1, container["name"]


def test_every_image_is_a_digest_that_is_pulled_only_when_absent(stack: Recording) -> None:
    for container in containers(stack):
        assert "@sha256:" in container["image"]
        assert container["imagePullPolicy"] == "IfNotPresent"


def test_no_pod_holds_a_token_it_did_not_ask_for_or_another_services_address(stack: Recording) -> None:
    for pod in pods(stack):
        assert pod["spec"]["automountServiceAccountToken"] is False
        assert pod["spec"]["enableServiceLinks"] is False
    for account in stack.of("ServiceAccount"):
        assert account.inputs["automountServiceAccountToken"] is False


def test_every_pod_runs_as_its_own_service_account(stack: Recording) -> None:
    accounts = {account.inputs["metadata"]["name"] for account in stack.of("ServiceAccount")}
    used = [pod["spec"]["serviceAccountName"] for pod in pods(stack)]
    assert sorted(used) == sorted(accounts)


def test_every_empty_dir_is_bounded(stack: Recording) -> None:
    volumes = [volume for pod in pods(stack) for volume in pod["spec"]["volumes"]]
    scratch = [volume["emptyDir"] for volume in volumes if "emptyDir" in volume]
    assert len(scratch) >= len(workloads(stack))
    assert all(quantity_value(each["sizeLimit"]) > 0 for each in scratch)


def test_every_mount_has_its_volume(stack: Recording) -> None:
    for workload in workloads(stack):
        spec = workload.inputs["spec"]
        claims = {claim["metadata"]["name"] for claim in spec.get("volumeClaimTemplates", [])}
        volumes = {volume["name"] for volume in spec["template"]["spec"]["volumes"]} | claims
        (container,) = spec["template"]["spec"]["containers"]
        assert {mount["name"] for mount in container["volumeMounts"]} == volumes


def test_every_object_but_the_namespace_is_in_the_stacks_namespace(stack: Recording) -> None:
    (namespace,) = stack.of("Namespace")
    for found in stack.objects():
        if found is not namespace:
            assert found.inputs["metadata"]["namespace"] == namespace.inputs["metadata"]["name"], found.urn
            assert namespace.urn in found.dependencies, found.urn


def test_every_object_goes_to_the_named_cluster_by_one_provider(stack: Recording) -> None:
    (provider,) = stack.of("kubernetes")
    assert provider.inputs["context"] == "moorage"
    assert {found.provider.rsplit("::", 1)[0] for found in stack.objects()} == {provider.urn}


def test_every_child_of_a_component_is_named_after_it(stack: Recording) -> None:
    names = {found.urn: found.name for found in stack.registrations}
    children = [found for found in stack.registrations if found.in_component]
    assert len(children) > 20
    for child in children:
        assert child.name.startswith(f"{names[child.parent]}-"), child.urn


def test_a_secrets_value_is_in_a_secret_and_nowhere_else(stack: Recording) -> None:
    values = [value for secret in stack.of("Secret") for value in secret.inputs["stringData"].values()]
    assert "canary-signing-key" in values
    assert len(values) >= 5
    for found in stack.registrations:
        if found.kind == "Secret":
            assert "stringData" in found.secrets
            assert set(found.secret_outputs) == {"data", "stringData"}
        elif found.kind == "Stash":
            assert found.secrets == {"input"}
            assert set(found.secret_outputs) == {"input", "output"}
        else:
            assert not [value for value in values if value in text_of(found.inputs)], found.urn


def test_every_workload_is_awaited_until_its_own_spec_is_rolled_out(stack: Recording) -> None:
    found = {w.name: w.inputs["metadata"]["annotations"]["pulumi.com/waitFor"] for w in workloads(stack)}
    assert len(set(found.values())) == len(found)


def test_every_rollout_has_a_limit_of_time(stack: Recording) -> None:
    for workload in workloads(stack):
        assert workload.create_timeout in {"6m0s", "6m", "7m0s", "7m"}
    for deployment in stack.of("Deployment"):
        assert deployment.inputs["spec"]["progressDeadlineSeconds"] == 300
