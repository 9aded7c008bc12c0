"""Every pod that our builders describe is probed in all three ways, at ports that it declares, with times that make sense.

Of what others describe, the policy pack and the API server together let through exactly what is probed so.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import moorage.policy.rules  # noqa: F401  # registers every rule
from moorage.components.labels import Labels, Role
from moorage.components.manifests.deployment import DeploymentParts, deployment
from moorage.components.manifests.routing import namespace
from moorage.components.manifests.stateful import stateful_set
from moorage.components.manifests.store_plans import postgres_plan, redis_plan
from moorage.policy.judge import judge
from moorage.policy.objects import Origin, manifest_objects
from moorage.policy.registry import RULES, Level
from moorage.policy.verdicts import Violation
from tests.properties import foreign_probes, service_models
from tests.properties.cluster import connected
from tests.support.stack import session_environment

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx
    from hypothesis.strategies import DrawFn

    from moorage.config.service import Service

Manifest = dict[str, Any]

IMAGE = f"127.0.0.1:5000/harbour/x@sha256:{'a' * 64}"
PROBES = ("startupProbe", "livenessProbe", "readinessProbe")
PROBE_RULES = [rule for rule in RULES.values() if rule.check.__module__ == "moorage.policy.rules.probes"]
WITHOUT_EXPLAINING = [phase for phase in Phase if phase is not Phase.explain]
"""Explaining a failure would ask the API server hundreds of times for a few comments."""
DISTINCT = "distinguish-liveness-from-readiness"


@dataclass(frozen=True)
class Workload:
    """A manifest, and the service that it was made from; None for a data store."""

    manifest: Manifest
    service: Service | None

    @property
    def pod(self) -> Manifest:
        pod: Manifest = self.manifest["spec"]["template"]["spec"]
        return pod

    @property
    def container(self) -> Manifest:
        (container,) = self.pod["containers"]
        found: Manifest = container
        return found


def labels(name: str, role: Role) -> Labels:
    return Labels(application="harbour", instance="harbour-dev", name=name, role=role)


@st.composite
def workloads(draw: DrawFn) -> Workload:
    """Mostly services of any kind, and now and then a data store."""
    kind = draw(st.sampled_from(["service"] * 6 + ["postgres", "redis"]))
    pull_secrets = draw(st.sampled_from([(), ("registry",)]))
    if kind == "postgres":
        plan = postgres_plan(draw(service_models.postgres()), image=IMAGE, secret="s", pull_secrets=pull_secrets)
        return Workload(stateful_set(labels("postgres", Role.DATABASE), plan), None)
    if kind == "redis":
        plan = redis_plan(draw(service_models.redis()), image=IMAGE, secret="s", pull_secrets=pull_secrets)
        return Workload(stateful_set(labels("redis", Role.CACHE), plan), None)
    service = draw(service_models.services())
    parts = DeploymentParts(
        image=IMAGE,
        config_map=f"{service.name}-config-1",
        secret=f"{service.name}-secret-1" if service.secrets or service.needs else None,
        pull_secrets=pull_secrets,
        min_ready_seconds=draw(st.sampled_from([0, 10])),
    )
    return Workload(deployment(service, labels(service.name, Role(service.kind)), parts), service)


def check_endpoint(workload: Workload, name: str) -> None:
    """Assert that a probe asks one thing of the container, at a port that it declares, as the model says."""
    probe = workload.container[name]
    (kind,) = probe.keys() & {"httpGet", "tcpSocket", "exec", "grpc"}
    asked = probe[kind]
    if kind == "exec":
        assert asked["command"]
        assert all(isinstance(word, str) for word in asked["command"])
    else:
        declared = [port["containerPort"] for port in workload.container["ports"]]
        assert len(declared) == len(set(declared))
        assert asked["port"] in declared
        assert "path" not in asked or asked["path"].startswith("/")
    if workload.service is not None:
        model = workload.service.probes()[name].checks()[kind]
        said = model.model_dump(exclude_none=True) if model else {}
        assert asked == ({} if kind == "exec" else {"port": workload.service.port}) | said


def check_numbers(workload: Workload, name: str) -> None:
    """Assert that a probe of a service has the five numbers that its description says, or leaves to Moorage."""
    if workload.service is None:
        return
    model, probe = workload.service.probes()[name], workload.container[name]
    said = {
        "initialDelaySeconds": model.initial_delay_seconds,
        "periodSeconds": model.period_seconds,
        "timeoutSeconds": model.timeout_seconds or min(2, model.period_seconds),
        "successThreshold": model.success_threshold,
        "failureThreshold": model.failure_threshold,
    }
    assert {key: value for key, value in probe.items() if isinstance(value, int)} == said


def check_times(probe: Manifest, *, restarts: bool) -> None:
    """Assert bounds that Kubernetes knows, and that a check has ended before the next one is due."""
    period, timeout = probe["periodSeconds"], probe["timeoutSeconds"]
    assert 1 <= timeout <= period <= 300
    assert timeout <= 60
    assert 0 <= probe.get("initialDelaySeconds", 0) <= 600
    assert 1 <= probe["failureThreshold"] <= 300
    successes = probe.get("successThreshold", 1)
    assert successes == 1 if restarts else 1 <= successes <= 10


def patience(probe: Manifest) -> int:
    """Return how many seconds a check may fail before that has its consequence."""
    delay: int = probe.get("initialDelaySeconds", 0)
    return delay + int(probe["periodSeconds"] * probe["failureThreshold"])


def check_rollout(workload: Workload) -> None:
    """Assert that a rollout, and a pod's end, wait for as long as the probes and the lifecycle allow."""
    spec, startup = workload.manifest["spec"], workload.container["startupProbe"]
    if workload.manifest["kind"] == "Deployment":
        assert spec["progressDeadlineSeconds"] > patience(startup) + spec["minReadySeconds"]
    sleep = workload.container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
    assert workload.pod["terminationGracePeriodSeconds"] > sleep


def broken_rules(manifest: Manifest) -> set[str]:
    """Return the names of the pack's rules about probes that the manifest breaks."""
    found = set()
    for item in manifest_objects(manifest, Origin()):
        for rule in PROBE_RULES:
            if any(isinstance(outcome, Violation) for outcome in judge(rule, item, rule.defaults)):
                found.add(rule.name)
    return found


def stopped(manifest: Manifest) -> set[str]:
    """Return the rules about probes that keep the manifest out of production."""
    return {name for name in broken_rules(manifest) if RULES[name].levels.of("prod") is Level.MANDATORY}


class ApiServer:
    """The cluster's judgement of manifests, in a namespace that admits restricted pods only; nothing is stored."""

    def __init__(self, client: httpx.Client, space: str) -> None:
        self.client = client
        self.space = space

    def accepts(self, workload: Workload) -> None:
        """Assert that the workload and its pod are accepted, without a warning."""
        manifest, kind = workload.manifest, f"{workload.manifest['kind'].lower()}s"
        path = f"/apis/apps/v1/namespaces/{self.space}/{kind}/{manifest['metadata']['name']}"
        applied = self._apply(path, manifest)
        (container,) = applied["spec"]["template"]["spec"]["containers"]
        for name in PROBES:
            assert _undefaulted(container[name]).items() >= _undefaulted(workload.container[name]).items()
        # A workload is only warned about; pods are refused. Its own account is not there, and does not matter here.
        template = manifest["spec"]["template"]
        claims = [{"name": item["metadata"]["name"], "emptyDir": {}} for item in _claims(manifest)]
        spec = {**template["spec"], "serviceAccountName": "default", "volumes": template["spec"]["volumes"] + claims}
        metadata = {"name": "x", "labels": template["metadata"]["labels"]}
        self._apply(
            f"/api/v1/namespaces/{self.space}/pods/x",
            {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec},
        )

    def admits(self, manifest: Manifest) -> bool:
        """Tell whether a workload is valid, whatever the namespace warns of."""
        answer = self._tried(f"/apis/apps/v1/namespaces/{self.space}/{manifest['kind'].lower()}s/foreign", manifest)
        assert answer.status_code in {200, 201, 422}, answer.text
        return answer.is_success

    def _tried(self, path: str, manifest: Manifest) -> httpx.Response:
        return self.client.patch(
            path,
            params={"dryRun": "All", "fieldManager": "moorage", "force": "true", "fieldValidation": "Strict"},
            headers={"Content-Type": "application/apply-patch+yaml"},
            content=json.dumps(manifest, ensure_ascii=False).encode(),
        )

    def _apply(self, path: str, manifest: Manifest) -> Manifest:
        answer = self._tried(path, manifest)
        assert answer.is_success, answer.json().get("message", answer.text)
        assert "warning" not in answer.headers, answer.headers["warning"]
        found: Manifest = answer.json()
        return found


def _claims(manifest: Manifest) -> list[Manifest]:
    claims: list[Manifest] = manifest["spec"].get("volumeClaimTemplates", [])
    return claims


def _undefaulted(probe: Manifest) -> Manifest:
    """Return a probe without the field that the API server adds to a check, and the delay of none that it leaves out."""
    check = {key: value for key, value in probe.get("httpGet", {}).items() if key != "scheme"}
    said = {key: value for key, value in probe.items() if (key, value) != ("initialDelaySeconds", 0)}
    return {**said, "httpGet": check} if check else said


@contextmanager
def own_namespace(client: httpx.Client) -> Iterator[str]:
    """Make a namespace as the stack's own, and remove it at the end."""
    name = f"property-18-{os.getpid()}"
    client.post("/api/v1/namespaces", json=namespace(name, labels(name, Role.STACK))).raise_for_status()
    try:
        deadline = time.monotonic() + 30
        while not client.get(f"/api/v1/namespaces/{name}/serviceaccounts/default").is_success:
            assert time.monotonic() < deadline, "the namespace got no default account"
            time.sleep(0.05)
        yield name
    finally:
        client.delete(f"/api/v1/namespaces/{name}").raise_for_status()


@pytest.fixture(scope="module")
def api_server(platform: None) -> Iterator[ApiServer]:
    """The platform's API server."""
    with connected(session_environment("dev"), "default") as cluster, own_namespace(cluster.client) as space:
        yield ApiServer(cluster.client, space)


# Feature: optimized-container-infrastructure, Property 18: For any Kubernetes pod specification, both readiness and
# liveness probes should be defined with appropriate endpoints and timing parameters.
@pytest.mark.property_test
@settings(max_examples=300, deadline=None, phases=WITHOUT_EXPLAINING)
@given(workload=workloads(), foreign=foreign_probes.workloads())
def test_every_pod_has_probes_with_declared_endpoints_and_sane_times_as_the_cluster_agrees(
    api_server: ApiServer, workload: Workload, foreign: Manifest
) -> None:
    container = workload.container
    for name in PROBES:
        check_endpoint(workload, name)
        check_numbers(workload, name)
        check_times(container[name], restarts=name != "readinessProbe")
    check_rollout(workload)
    same = container["livenessProbe"] == container["readinessProbe"]
    assert broken_rules(workload.manifest) == ({DISTINCT} if same else set())
    api_server.accepts(workload)
    # The same checks refuse a pod that lacks a probe: the pack knows, whatever the rest of the manifest says.
    for name in PROBES:
        without = json.loads(json.dumps(workload.manifest))
        del without["spec"]["template"]["spec"]["containers"][0][name]
        assert any(name.removesuffix("Probe") in rule for rule in broken_rules(without))
    assert (not stopped(foreign) and api_server.admits(foreign)) == foreign_probes.proper(foreign)
