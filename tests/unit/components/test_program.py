"""The whole program: what it makes of a monorepo, in which order, and what differs between stacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi
import pytest

from moorage.components.stack import declare
from moorage.config.loader import load_project
from tests.unit.program_samples import FRONTEND_YAML, ROOT, SERVICES, run_program, text_of, write_monorepo
from tests.unit.pulumi_mocks import DIGEST, Recording, Registration, record

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def dev(tmp_path: Path) -> Recording:
    """Return stack dev."""
    return run_program(tmp_path)


def waits_for(stack: Recording, later: Registration, earlier: Registration) -> bool:
    """Return whether `later` starts only once `earlier` is done."""
    by_urn = {found.urn: found for found in stack.registrations}
    seen: set[str] = set()
    waiting = [later.urn]
    while waiting:
        urn = waiting.pop()
        if urn not in seen and urn in by_urn:
            seen.add(urn)
            # A child is registered once its parent is, so it waits for whatever that waits for.
            waiting.extend({*by_urn[urn].dependencies, by_urn[urn].parent})
    return earlier.urn in seen


def test_a_service_starts_only_after_what_it_needs_is_ready(dev: Recording) -> None:
    backend, worker = dev.one("Deployment", "backend-deployment"), dev.one("Deployment", "worker-deployment")
    frontend = dev.one("Deployment", "frontend-deployment")
    postgres, redis = dev.one("StatefulSet", "postgres-statefulset"), dev.one("StatefulSet", "redis-statefulset")
    assert {postgres.urn, redis.urn} <= backend.dependencies
    assert backend.urn in frontend.dependencies
    assert {backend.urn, redis.urn} <= worker.dependencies
    assert not waits_for(dev, redis, postgres)
    assert not waits_for(dev, frontend, worker)


def test_no_pod_starts_before_the_network_is_closed(dev: Recording) -> None:
    policies = {policy.urn for policy in dev.of("NetworkPolicy")}
    assert policies
    for workload in (*dev.of("Deployment"), *dev.of("StatefulSet")):
        assert policies <= workload.dependencies, workload.urn


def test_an_image_waits_only_for_the_images_it_is_built_from(tmp_path: Path) -> None:
    dev = run_program(tmp_path, settings={"buildParallelism": 8})
    image = {found.name: found for found in dev.of("Image")}
    assert waits_for(dev, image["backend-image"], image["base-python-build-image"])
    assert waits_for(dev, image["base-python-build-image"], image["base-python-image"])
    assert not waits_for(dev, image["base-redis-image"], image["base-postgres-image"])
    assert not waits_for(dev, image["frontend-image"], image["base-python-image"])


def test_only_images_that_something_runs_are_built(dev: Recording) -> None:
    assert {found.name for found in dev.of("Image")} == {
        "backend-image",
        "base-nginx-image",
        "base-postgres-image",
        "base-python-build-image",
        "base-python-image",
        "base-redis-image",
        "frontend-image",
        "worker-image",
    }


def test_no_more_images_are_built_at_once_than_the_stack_allows(tmp_path: Path) -> None:
    stack = run_program(tmp_path, settings={"buildParallelism": 1})
    images = stack.of("Image")
    assert len(images) == 8
    for index, image in enumerate(images):
        for later in images[index + 1 :]:
            assert waits_for(stack, later, image) or waits_for(stack, image, later)


def test_a_service_that_does_not_run_here_leaves_nothing_behind(tmp_path: Path) -> None:
    stack = run_program(tmp_path, settings={"services": {"worker": {"run": False}}})
    assert "worker" not in text_of([found.inputs for found in stack.registrations])
    assert not [found for found in stack.registrations if "worker" in found.name]


def test_addresses_and_files_of_secrets_arrive_in_the_environment(dev: Recording) -> None:
    data = {found.name: found.inputs["data"] for found in dev.of("ConfigMap")}
    assert data["backend-config"] == {
        "DATABASE_HOST": "postgres",
        "DATABASE_NAME": "app",
        "DATABASE_PASSWORD_FILE": "/run/secrets/moorage/DATABASE_PASSWORD",
        "DATABASE_PORT": "5432",
        "DATABASE_USER": "moorage",
        "ENVIRONMENT": "development",
        "LOG_LEVEL": "info",
        "REDIS_HOST": "redis",
        "REDIS_PASSWORD_FILE": "/run/secrets/moorage/REDIS_PASSWORD",
        "REDIS_PORT": "6379",
        "SIGNING_KEY_FILE": "/run/secrets/moorage/SIGNING_KEY",
    }
    assert data["worker-config"]["BACKEND_URL"] == "http://backend:8000"
    assert data["frontend-config"] == {
        "BACKEND_HOST": "backend",
        "BACKEND_PORT": "8000",
        "BACKEND_URL": "http://backend:8000",
        "ENVIRONMENT": "development",
        "LOG_LEVEL": "info",
    }


def test_a_service_holds_only_the_secrets_of_what_it_needs(dev: Recording) -> None:
    keys = {found.name: set(found.inputs["stringData"]) for found in dev.of("Secret")}
    assert keys == {
        "backend-secret": {"DATABASE_PASSWORD", "REDIS_PASSWORD", "SIGNING_KEY"},
        "worker-secret": {"REDIS_PASSWORD"},
        "postgres-secret": {"POSTGRES_PASSWORD"},
        "redis-secret": {"REDIS_PASSWORD"},
    }


def test_store_and_consumer_hold_the_same_password(dev: Recording) -> None:
    value = {found.name: found.inputs["stringData"] for found in dev.of("Secret")}
    assert value["backend-secret"]["DATABASE_PASSWORD"] == value["postgres-secret"]["POSTGRES_PASSWORD"]
    assert value["worker-secret"]["REDIS_PASSWORD"] == value["redis-secret"]["REDIS_PASSWORD"]
    assert value["redis-secret"]["REDIS_PASSWORD"] != value["postgres-secret"]["POSTGRES_PASSWORD"]


def test_outside_development_rollouts_are_careful_and_services_know_it(tmp_path: Path) -> None:
    prod = run_program(tmp_path, "prod")
    assert prod.one("ConfigMap", "backend-config").inputs["data"]["ENVIRONMENT"] == "production"
    assert all(found.inputs["spec"]["minReadySeconds"] == 10 for found in prod.of("Deployment"))


def test_in_development_a_rollout_goes_on_as_soon_as_a_pod_is_ready(dev: Recording) -> None:
    assert all(found.inputs["spec"]["minReadySeconds"] == 0 for found in dev.of("Deployment"))


def test_a_service_scaled_to_nothing_is_waited_for_by_nobody(tmp_path: Path) -> None:
    stack = run_program(tmp_path, settings={"services": {"worker": {"replicas": 0}}})
    deployment = stack.one("Deployment", "worker-deployment").inputs
    assert deployment["spec"]["replicas"] == 0
    assert "pulumi.com/waitFor" not in deployment["metadata"]["annotations"]


def test_protected_data_can_neither_be_deleted_nor_replaced(tmp_path: Path, dev: Recording) -> None:
    prod = run_program(tmp_path / "prod", "prod", {"protect": True})
    protected = {found.name for found in prod.registrations if found.protect}
    assert protected == {
        "namespace",
        "postgres-password",
        "postgres-statefulset",
        "redis-password",
        "redis-statefulset",
    }
    assert not [found for found in dev.registrations if found.protect]


def test_changed_storage_never_replaces_a_data_store(dev: Recording) -> None:
    for store in dev.of("StatefulSet"):
        assert store.ignore_changes == ("spec.volumeClaimTemplates",)


def test_in_the_preview_of_a_change_a_placeholder_stands_for_the_digest(tmp_path: Path) -> None:
    preview = run_program(tmp_path, preview=True, built=False)
    (container,) = preview.one("Deployment", "worker-deployment").inputs["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "127.0.0.1:5000/harbour/worker:preview"


def test_an_unchanged_image_keeps_its_digest_in_a_preview(tmp_path: Path) -> None:
    preview = run_program(tmp_path, preview=True)
    (container,) = preview.one("Deployment", "worker-deployment").inputs["spec"]["template"]["spec"]["containers"]
    assert container["image"] == f"127.0.0.1:5000/harbour/worker@{DIGEST}"


def test_the_outputs_say_where_the_stack_is_and_what_runs(dev: Recording) -> None:
    outputs = dev.outputs
    assert outputs["url"] == "http://harbour.example:8080/"
    assert outputs["namespace"] == "harbour-dev"
    assert outputs["images"]["backend"] == f"127.0.0.1:5000/harbour/backend@{DIGEST}"
    assert outputs["services"]["backend"] == {"kind": "web", "minReplicas": 2, "maxReplicas": 10}
    assert outputs["services"]["worker"] == {"kind": "worker", "minReplicas": 1, "maxReplicas": 1}


def test_without_network_policies_there_are_none(tmp_path: Path) -> None:
    assert run_program(tmp_path, settings={"networkPolicies": False}).of("NetworkPolicy") == []


def test_a_stack_that_needs_no_data_store_has_none(tmp_path: Path) -> None:
    stack = run_program(tmp_path, services=[{**FRONTEND_YAML, "needs": []}])
    assert len(stack.of("Deployment")) == 1
    assert stack.of("StatefulSet") == []


def test_a_stack_without_routes_has_no_ingress(tmp_path: Path) -> None:
    stack = run_program(tmp_path, services=[{**FRONTEND_YAML, "needs": [], "route": None}])
    assert len(stack.of("Deployment")) == 1
    assert [found for found in stack.registrations if found.kind == "Ingress"] == []


@pytest.mark.parametrize("name", ["acme", "moorage", "shop-7"])
def test_a_project_may_have_any_name(tmp_path: Path, name: str) -> None:
    write_monorepo(tmp_path, "dev", {}, SERVICES)
    project = load_project(tmp_path, "dev")
    key = {"moorage:signingKey": "canary-signing-key"}
    pulumi.runtime.set_all_config(key, list(key))
    found = record(lambda: declare(project), project=name)
    assert found.one("Secret", "backend-secret").inputs["stringData"]["SIGNING_KEY"] == "canary-signing-key"


def test_the_program_is_one_page() -> None:
    assert len([line for line in (ROOT / "__main__.py").read_text().splitlines() if line]) == 3
    assert len((ROOT / "components/stack.py").read_text().splitlines()) < 150
