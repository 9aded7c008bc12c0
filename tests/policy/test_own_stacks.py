"""Moorage's own dev and prod stacks, whole, against the pack: they pass, and broken variants of them do not."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pulumi
import pytest

import moorage.policy.rules  # noqa: F401  # registers every rule
from moorage.components.stack import declare
from moorage.config.loader import load_project
from moorage.config.observability import Observability
from moorage.policy.examples import REMOVE, put
from moorage.policy.judge import judge, judge_stack
from moorage.policy.objects import Object, Origin
from moorage.policy.pulumi_objects import resource_objects, thaw
from moorage.policy.registry import RULES, Level, Scope
from moorage.policy.stack import Stack
from moorage.policy.verdicts import Unjudged, Violation
from tests.unit.program_samples import ROOT
from tests.unit.pulumi_mocks import Recording, Registration, record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from moorage.policy.verdicts import Outcome

KUBERNETES = "kubernetes:"


def program(stack: str, *, preview: bool = False, **changes: Any) -> Recording:
    """Run the repository's own program for one of its stacks, with `changes` of the stack's settings."""
    project = load_project(ROOT, stack)
    project = dataclasses.replace(project, settings=project.settings.model_copy(update=changes))
    secrets = {
        f"moorage:{key}": f"canary-{key}" for service in project.services.values() for key in service.secrets.values()
    }
    pulumi.runtime.set_all_config(secrets, list(secrets))
    return record(lambda: declare(project), stack=stack, preview=preview, built=not preview)


def declared(
    recording: Recording, change: Callable[[Registration, dict[str, Any]], None] = lambda _found, _inputs: None
) -> Stack:
    """Return what the engine would show the pack: names filled in as the provider does, ``change`` applied to each."""
    objects: list[Object] = []
    for found in recording.registrations:
        inputs = thaw(found.inputs)
        if found.type.startswith(KUBERNETES):
            inputs["metadata"].setdefault("name", f"{found.name}-0a1b2c3d")
            change(found, inputs)
        objects += resource_objects(found.type, inputs, Origin(urn=found.urn, protect=found.protect))
    return Stack(tuple(objects), {found.urn: found.dependencies for found in recording.registrations}, dry_run=True)


def outcomes(stack: Stack) -> Iterator[Outcome]:
    for rule in RULES.values():
        if rule.scope is Scope.STACK:
            yield from judge_stack(rule, stack, rule.defaults)
        else:
            for item in stack.objects:
                yield from judge(rule, item, rule.defaults)


def stopped(stack: Stack, stage: str) -> dict[str, str]:
    """Return what would stop a deployment: the problem by policy."""
    found = [item for item in outcomes(stack) if isinstance(item, Violation)]
    levels = {Level.MANDATORY, Level.REMEDIATE}
    return {
        item.rule.name: f"{item.about.title}: {item.problem}" for item in found if item.rule.levels.of(stage) in levels
    }


@pytest.fixture(scope="module")
def recordings() -> dict[str, Recording]:
    return {stack: program(stack) for stack in ("dev", "prod")}


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_our_own_stack_passes_without_an_exemption(recordings: dict[str, Recording], stage: str) -> None:
    stack = declared(recordings[stage])
    assert len(list(stack.of("Deployment"))) == 3
    assert stopped(stack, stage) == {}


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_our_own_stack_with_everything_that_observes_it_passes_without_an_exemption(stage: str) -> None:
    stack = declared(program(stage, observability=Observability(watcher=True)))
    assert "watcher" in {found.name for found in stack.of("StatefulSet")}
    assert stopped(stack, stage) == {}


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_a_digest_that_a_preview_cannot_know_is_listed_and_stops_nothing(stage: str) -> None:
    stack = declared(program(stage, preview=True))
    assert stopped(stack, stage) == {}
    unjudged = [item for item in outcomes(stack) if isinstance(item, Unjudged)]
    assert {item.about.kind for item in unjudged if item.path.endswith(".image")} == {"Deployment", "StatefulSet"}


POD = "spec.template.spec"
FIRST = f"{POD}.containers[0]"
VARIANTS: list[tuple[str, str, Any, str]] = [
    ("Deployment", f"{FIRST}.securityContext.privileged", True, "disallow-privileged-containers"),
    ("StatefulSet", f"{FIRST}.securityContext.privileged", True, "disallow-privileged-containers"),
    ("Deployment", f"{FIRST}.securityContext.runAsUser", 0, "disallow-root-user"),
    ("StatefulSet", f"{POD}.securityContext.runAsNonRoot", False, "require-run-as-non-root"),
    ("Deployment", f"{POD}.securityContext.runAsUser", None, "require-numeric-non-root-user"),
    ("Deployment", f"{FIRST}.securityContext.capabilities.add", ["SYS_ADMIN"], "restrict-added-capabilities"),
    ("Deployment", f"{FIRST}.securityContext.capabilities", None, "require-drop-all-capabilities"),
    ("Deployment", f"{FIRST}.securityContext.allowPrivilegeEscalation", True, "disallow-privilege-escalation"),
    ("Deployment", f"{POD}.securityContext.seccompProfile.type", "Unconfined", "disallow-unconfined-seccomp"),
    ("StatefulSet", f"{POD}.securityContext.seccompProfile", None, "require-seccomp-profile"),
    ("Deployment", f"{POD}.hostNetwork", True, "disallow-host-namespaces"),
    ("Deployment", f"{POD}.hostPID", True, "disallow-host-namespaces"),
    ("Deployment", f"{POD}.shareProcessNamespace", True, "disallow-shared-process-namespace"),
    ("Deployment", f"{POD}.volumes[0]", {"name": "s", "hostPath": {"path": "/"}}, "disallow-host-path-volumes"),
    ("Deployment", f"{FIRST}.ports", [{"containerPort": 8000, "hostPort": 80}], "disallow-host-ports"),
    ("Deployment", f"{FIRST}.livenessProbe.tcpSocket", {"host": "10.0.0.1", "port": 1}, "disallow-probe-hosts"),
    ("Deployment", f"{POD}.automountServiceAccountToken", True, "disallow-token-automount"),
    ("Deployment", f"{FIRST}.resources.limits.memory", None, "require-memory-limits"),
    ("Deployment", f"{FIRST}.resources.requests.memory", "8Gi", "disallow-requests-above-limits"),
    ("StatefulSet", f"{FIRST}.resources", None, "require-cpu-requests"),
    ("StatefulSet", f"{FIRST}.resources", None, "require-memory-requests"),
    ("Deployment", f"{FIRST}.image", "registry.example.com/team/web:latest", "disallow-latest-tag"),
    ("Deployment", f"{FIRST}.image", "registry.example.com:5000/team/web", "disallow-latest-tag"),
    ("Deployment", f"{FIRST}.image", "registry.example.com/team/web:main", "require-always-pull-for-moving-tags"),
    ("Deployment", f"{FIRST}.imagePullPolicy", "Never", "require-image-pull-policy"),
    ("Deployment", f"{FIRST}.readinessProbe", None, "require-readiness-probes"),
    ("StatefulSet", f"{FIRST}.readinessProbe", {"periodSeconds": 1}, "require-readiness-probes"),
    (
        "Deployment",
        f"{FIRST}.env",
        [{"name": "DATABASE_PASSWORD", "value": "p4ss word"}],
        "disallow-literal-secrets-in-variables",
    ),
    ("Deployment", f"{FIRST}.args", ["--token", "p4ss word"], "disallow-secrets-in-arguments"),
    ("ConfigMap", "data", {"DATABASE_PASSWORD": "p4ss word"}, "disallow-secrets-in-config-maps"),
    ("Deployment", "metadata.namespace", "default", "require-namespace"),
    ("Deployment", "spec.selector.matchLabels", {"app": "other"}, "require-selectors-to-match-template"),
    (
        "Ingress",
        "metadata.annotations",
        {"nginx.ingress.kubernetes.io/server-snippet": "x"},
        "disallow-ingress-snippets",
    ),
]
PROD_VARIANTS: list[tuple[str, str, Any, str]] = [
    ("Deployment", f"{FIRST}.livenessProbe", None, "require-liveness-probes"),
    ("Deployment", f"{FIRST}.startupProbe", None, "require-startup-probes"),
    ("Deployment", f"{FIRST}.securityContext.readOnlyRootFilesystem", False, "require-read-only-root-filesystem"),
    ("Deployment", f"{FIRST}.resources.limits.cpu", None, "require-cpu-limits"),
    ("Deployment", f"{POD}.serviceAccountName", "default", "disallow-default-service-account"),
    ("Deployment", "spec.strategy", {"type": "Recreate"}, "require-rollout-without-unavailability"),
    ("Deployment", f"{POD}.terminationGracePeriodSeconds", 0, "require-graceful-termination"),
    ("Deployment", f"{FIRST}.image", "registry.example.com/team/web:1.4.2", "require-image-digests"),
    ("HorizontalPodAutoscaler", "spec.minReplicas", 1, "require-two-replicas"),
    ("HorizontalPodAutoscaler", "spec.scaleTargetRef.name", "other", "require-autoscaler-targets-to-exist"),
    ("PodDisruptionBudget", "spec.maxUnavailable", 0, "disallow-blocking-disruption-budgets"),
    ("PodDisruptionBudget", "spec.selector.matchLabels", {"app": "other"}, "require-pod-disruption-budgets"),
    ("Service", "spec.selector", {"app": "other"}, "require-services-to-match-pods"),
    ("Service", "spec.type", "NodePort", "disallow-exposed-services"),
    ("Ingress", "spec.tls", None, "require-ingress-tls"),
    ("Ingress", "spec.rules[0].host", None, "require-ingress-hosts"),
    ("Ingress", "spec.rules[0].http.paths[0].backend.service.name", "other", "require-ingress-backends-to-exist"),
    ("NetworkPolicy", "spec.policyTypes", ["Ingress"], "isolate-pods"),
    ("StatefulSet", "spec.persistentVolumeClaimRetentionPolicy", {"whenDeleted": "Delete"}, "retain-volumes"),
    ("StatefulSet", "spec.serviceName", "other", "require-governing-services-to-exist"),
    ("Namespace", "metadata.labels", {}, "require-pod-security-labels"),
    ("ServiceAccount", "metadata.name", "other", "require-references-to-exist"),
]


@pytest.mark.parametrize(
    ("stage", "variant"),
    [(stage, variant) for variant in VARIANTS for stage in ("dev", "prod")]
    + [("prod", item) for item in PROD_VARIANTS],
    ids=str,
)
def test_a_broken_variant_of_our_own_stack_is_stopped_with_the_right_message(
    recordings: dict[str, Recording], stage: str, variant: tuple[str, str, Any, str]
) -> None:
    kind, path, value, name = variant

    def change(registration: Registration, inputs: dict[str, Any]) -> None:
        if registration.kind == kind:
            put(inputs, path, REMOVE if value is None else value)

    found = stopped(declared(recordings[stage], change), stage)
    assert name in found, sorted(found)
    assert (
        found[name].startswith(f"{kind}/")
        or name in {"isolate-pods", "require-pod-disruption-budgets"}
        or (kind in {"HorizontalPodAutoscaler", "ServiceAccount"})
    )
