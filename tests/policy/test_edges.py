"""Where such checks usually go wrong: what must pass, and what must not slip through."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from pulumi_policy.proxy import UNKNOWN_ARRAY_VALUE, UNKNOWN_OBJECT_VALUE, UNKNOWN_STRING_VALUE

from moorage.base.image_reference import parse_image
from moorage.base.quantity import parse_quantity
from moorage.policy.examples import changed, compliant_stack, title_of
from moorage.policy.objects import Origin
from moorage.policy.pulumi_objects import judged, resource_objects
from moorage.policy.secret_names import looks_secret
from moorage.policy.settings import stage_of
from tests.policy.harness import Judge, Manifest, web

FAILS, PASSES = True, False
CASES: list[tuple[str, dict[str, Any], bool]] = [
    # A good pod does not excuse a bad container, nor the other way round.
    ("require-run-as-non-root", {"c__securityContext__runAsNonRoot": False}, FAILS),
    ("require-run-as-non-root", {"securityContext__runAsNonRoot": False, "c__securityContext__runAsNonRoot": True}, FAILS),
    ("require-run-as-non-root", {"securityContext__runAsNonRoot": None, "c__securityContext__runAsNonRoot": True}, PASSES),
    ("require-run-as-non-root", {"securityContext__runAsNonRoot": None, "hostUsers": False}, PASSES),
    ("require-run-as-non-root", {"securityContext__runAsNonRoot": None, "hostUsers": True}, FAILS),
    ("require-run-as-non-root", {"securityContext__runAsNonRoot": "true"}, FAILS),
    ("require-seccomp-profile", {"securityContext__seccompProfile": {}}, FAILS),
    ("require-seccomp-profile", {"securityContext__seccompProfile": {"type": "Localhost"}}, PASSES),
    ("require-seccomp-profile", {"securityContext__seccompProfile": None, "os": {"name": "windows"}}, PASSES),
    ("require-seccomp-profile", {"securityContext__seccompProfile": None, "nodeSelector": {"kubernetes.io/os": "windows"}}, FAILS),
    ("require-drop-all-capabilities", {"c__securityContext__capabilities__drop": ["all"]}, FAILS),
    ("require-drop-all-capabilities", {"c__securityContext__capabilities__drop": ["NET_RAW", "ALL"]}, PASSES),
    ("restrict-added-capabilities", {"c__securityContext__capabilities__add": ["CAP_CHOWN"]}, FAILS),
    ("restrict-added-capabilities", {"c__securityContext__capabilities__add": ["CHOWN"]}, PASSES),
    ("restrict-volume-types", {"volumes": [{"name": "a"}, {"name": "b", "emptyDir": {}}]}, PASSES),
    ("disallow-host-path-volumes", {"volumes": [{"name": "a", "hostPath": {}}]}, FAILS),
    ("disallow-host-ports", {"c__ports": [{"containerPort": 8080, "hostPort": 0}]}, PASSES),
    ("restrict-proc-mount", {"c__securityContext__procMount": "Unmasked", "hostUsers": False}, PASSES),
    ("disallow-unmasked-proc", {"c__securityContext__procMount": "Unmasked", "hostUsers": False}, FAILS),
    ("require-numeric-non-root-user", {"securityContext__runAsUser": None, "c__securityContext__runAsUser": 5}, PASSES),
    ("require-numeric-non-root-user", {"c__securityContext__runAsUser": 0}, FAILS),
    ("require-numeric-non-root-user", {"securityContext__runAsUser": 10001.0}, PASSES),
    # Every list of containers counts.
    ("disallow-privileged-containers", {"initContainers": [{"name": "i", "securityContext": {"privileged": True}}]}, FAILS),
    ("disallow-privileged-containers", {"ephemeralContainers": [{"name": "e", "securityContext": {"privileged": True}}]}, FAILS),
    ("require-memory-limits", {"initContainers": [{"name": "i", "resources": {}}]}, FAILS),
    ("require-memory-limits", {"ephemeralContainers": [{"name": "e"}]}, PASSES),
    ("require-readiness-probes", {"initContainers": [{"name": "i"}]}, PASSES),
    # Tags and registries.
    ("disallow-latest-tag", {"c__image": "registry:5000/team/app"}, FAILS),
    ("disallow-latest-tag", {"c__image": "registry:5000/team/app:1"}, PASSES),
    ("disallow-latest-tag", {"c__image": "app@sha256:0"}, PASSES),
    ("disallow-latest-tag", {"c__image": "app:latest@sha256:0"}, PASSES),
    ("disallow-latest-tag", {"c__image": "app@"}, PASSES),
    ("disallow-latest-tag", {"c__image": ""}, FAILS),
    ("restrict-image-registries", {"c__image": "nginx:1"}, FAILS),
    ("restrict-image-registries", {"c__image": "registry.example.com/x:1"}, PASSES),
    ("require-always-pull-for-moving-tags", {"c__image": "app:main", "c__imagePullPolicy": "Always"}, PASSES),
    ("require-always-pull-for-moving-tags", {"c__image": "app:main@sha256:0"}, PASSES),
    # Resources.
    ("require-cpu-requests", {"c__resources": {"limits": {"cpu": "1", "memory": "1Gi"}}}, PASSES),
    ("require-memory-limits", {"c__resources": {}, "resources": {"limits": {"cpu": "1", "memory": "1Gi"}}}, PASSES),
    ("require-memory-limits", {"c__resources__limits__memory": "0"}, FAILS),
    ("require-memory-limits", {"c__resources__limits__memory": "much"}, FAILS),
    ("disallow-requests-above-limits", {"c__resources__requests__cpu": "501m"}, FAILS),
    ("disallow-requests-above-limits", {"c__resources__requests__cpu": 0.5}, PASSES),
    # Probes.
    ("require-readiness-probes", {"c__readinessProbe": {"grpc": {"port": 8080}}}, PASSES),
    ("require-readiness-probes", {"c__readinessProbe": {}}, FAILS),
    ("distinguish-liveness-from-readiness", {"c__livenessProbe": {"httpGet": {"path": "/readyz", "port": "http"}}}, PASSES),
    ("require-sane-probe-timing", {"c__livenessProbe__periodSeconds": 0}, FAILS),
    # Rollout.
    ("require-graceful-termination", {"terminationGracePeriodSeconds": None}, PASSES),
    ("require-graceful-termination", {"terminationGracePeriodSeconds": 0}, FAILS),
    # Secrets.
    ("disallow-literal-secrets-in-variables", {"c__env": [{"name": "DB_PASSWORD", "valueFrom": {"secretKeyRef": {}}}]}, PASSES),
    ("disallow-literal-secrets-in-variables", {"c__env": [{"name": "SECRET_NAME", "value": "web"}]}, PASSES),
    ("disallow-literal-secrets-in-variables", {"c__env": [{"name": "URL", "value": "postgres://u:hunter2@db/x"}]}, FAILS),
    ("disallow-literal-secrets-in-variables", {"c__env": [{"name": "URL", "value": "http://backend:8000/x@y"}]}, PASSES),
    ("disallow-secrets-in-arguments", {"c__args": ["--password", "hunter2"]}, FAILS),
    ("disallow-secrets-in-arguments", {"c__args": ["--password-file", "/run/secrets/p", "--token=$(TOKEN)"]}, PASSES),
    ("disallow-token-automount", {"automountServiceAccountToken": True}, FAILS),
]  # fmt: skip


@pytest.mark.parametrize(("name", "fields", "fails"), CASES, ids=lambda value: str(value)[:60])
def test_a_pod_that_others_misjudge_is_judged_rightly(name: str, fields: dict[str, Any], fails: bool) -> None:
    assert (Judge(web(**fields), only=name).broken == {name}) == fails


def stack_with(target: str, path: str, value: Any) -> list[Manifest]:
    return changed(compliant_stack(), target, path, value)


STACK_CASES: list[tuple[str, str, str, Any, bool]] = [
    ("require-two-replicas", "Deployment/worker", "spec.replicas", 0, PASSES),
    ("require-two-replicas", "Deployment/worker", "spec", {"strategy": {"type": "Recreate"}}, PASSES),
    ("require-two-replicas", "HorizontalPodAutoscaler/web", "spec.minReplicas", 1, FAILS),
    ("require-two-replicas", "StatefulSet/db", "spec.replicas", 1, PASSES),
    ("disallow-blocking-disruption-budgets", "PodDisruptionBudget/web", "spec", {"minAvailable": "100%", "selector": {}}, FAILS),
    ("disallow-blocking-disruption-budgets", "PodDisruptionBudget/web", "spec.maxUnavailable", "0%", FAILS),
    ("require-services-to-match-pods", "Service/web", "spec.type", "ExternalName", PASSES),
    ("require-services-to-match-pods", "Service/web", "spec.ports[0].targetPort", 9999, PASSES),
    ("require-services-to-match-pods", "Service/web", "spec.ports[0].targetPort", "grpc", FAILS),
    ("require-ingress-tls", "Ingress/web", "spec.tls", [{"secretName": "wildcard"}], PASSES),
    ("require-ingress-tls", "Ingress/web", "spec.tls[0].hosts", ["*.example.com"], PASSES),
    ("require-ingress-tls", "Ingress/web", "spec.tls[0].hosts", ["*.com"], FAILS),
    ("require-references-to-exist", "Deployment/web", "spec.template.spec.volumes[1].secret",
     {"secretName": "none", "optional": True}, PASSES),
    ("isolate-pods", "NetworkPolicy/default-deny", "spec.podSelector",
     {"matchExpressions": [{"key": "app.kubernetes.io/instance", "operator": "Exists"}]}, PASSES),
    ("isolate-pods", "NetworkPolicy/default-deny", "metadata.namespace", "other", FAILS),
    ("require-default-deny", "NetworkPolicy/default-deny", "spec.podSelector", {"matchLabels": {}}, PASSES),
    ("disallow-allow-all-network-policies", "NetworkPolicy/default-deny", "spec.egress", [{"ports": [{"port": 53}]}], PASSES),
    ("restrict-secret-reading", "Role/web", "rules[0]",
     {"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["web-database"], "verbs": ["get"]}, PASSES),
    ("restrict-secret-reading", "Role/web", "rules[0]",
     {"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["web-database"], "verbs": ["get", "list"]}, FAILS),
    ("require-namespace", "Deployment/web", "metadata.namespace", "kube-system", FAILS),
    ("require-rollout-without-unavailability", "Deployment/web", "spec.strategy", {"type": "Recreate"}, FAILS),
    ("disallow-removed-api-versions", "Ingress/web", "apiVersion", "extensions/v1beta1", FAILS),
    ("require-autoscaler-targets-to-exist", "Deployment/web", "spec.template.spec.containers[0].resources", {}, FAILS),
]  # fmt: skip


@pytest.mark.parametrize(("name", "target", "path", "value", "fails"), STACK_CASES, ids=lambda value: str(value)[:40])
def test_a_stack_that_others_misjudge_is_judged_rightly(
    name: str, target: str, path: str, value: Any, *, fails: bool
) -> None:
    assert (Judge(*stack_with(target, path, value), only=name).broken == {name}) == fails


def test_a_patch_is_judged_by_what_it_says_and_not_by_what_it_leaves_out() -> None:
    patch = {"apiVersion": "apps/v1", "kind": "DeploymentPatch", "metadata": {"name": "web", "namespace": "shop"}}
    patch["spec"] = {"template": {"spec": {"containers": [{"name": "web", "securityContext": {"privileged": True}}]}}}
    assert Judge(patch).broken == {"disallow-privileged-containers"}


def test_each_item_of_a_list_is_judged() -> None:
    items = [web(hostNetwork=True), web(hostPID=True)]
    judge = Judge({"apiVersion": "apps/v1", "kind": "DeploymentList", "items": items}, only="disallow-host-namespaces")
    assert "items[0].spec.template.spec.hostNetwork" in judge.messages
    assert "items[1].spec.template.spec.hostPID" in judge.messages


def test_a_custom_resource_with_a_pod_template_is_judged_as_one() -> None:
    rollout = web(hostNetwork=True) | {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout"}
    assert "disallow-host-namespaces" in Judge(rollout).broken
    other = {
        "apiVersion": "example.com/v1",
        "kind": "Thing",
        "metadata": {"name": "x", "namespace": "shop"},
        "spec": {},
    }
    assert Judge(other).broken == set()


@pytest.mark.parametrize("unknown", [UNKNOWN_STRING_VALUE, UNKNOWN_ARRAY_VALUE, UNKNOWN_OBJECT_VALUE])
def test_a_list_of_containers_that_is_not_known_hides_no_other_list(unknown: str) -> None:
    manifest = web(hostNetwork=True, initContainers=[{"name": "i", "securityContext": {"privileged": True}}])
    manifest["spec"]["template"]["spec"]["containers"] = unknown
    judge = Judge(manifest)
    assert {"disallow-privileged-containers", "disallow-host-namespaces"} <= judge.broken
    assert judge.unjudged["disallow-privileged-containers"] == {"spec.template.spec.containers"}


def test_an_object_that_is_not_known_at_all_is_unjudged_and_no_violation() -> None:
    judge = Judge(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "x", "namespace": "shop"},
            "spec": UNKNOWN_OBJECT_VALUE,
        }
    )
    assert judge.broken - {"require-recommended-labels", "list-unjudged-values"} == set()
    assert len(judge.unjudged) > 40


def test_a_selector_that_is_not_known_makes_no_pod_unprotected() -> None:
    stack = stack_with("NetworkPolicy/default-deny", "spec.podSelector", UNKNOWN_OBJECT_VALUE)
    assert Judge(*stack, only="isolate-pods").violations == []
    stack = stack_with("PodDisruptionBudget/web", "spec.selector", UNKNOWN_OBJECT_VALUE)
    assert Judge(*stack, only="require-pod-disruption-budgets").violations == []


def test_a_namespace_that_is_not_known_yet_makes_nothing_dangle() -> None:
    stack = compliant_stack()
    for item in stack:
        if "namespace" in item["metadata"]:
            item["metadata"]["namespace"] = UNKNOWN_STRING_VALUE
        found = Judge(*stack).violations
    assert [name for name, _ in found if name != "list-unjudged-values"] == []


@pytest.mark.parametrize(
    ("text", "path", "tag", "digest"),
    [
        ("nginx", "docker.io/library/nginx", None, None),
        ("team/app:1", "docker.io/team/app", "1", None),
        ("localhost/app:1", "localhost/app", "1", None),
        ("host:5000/app", "host:5000/app", None, None),
        ("index.docker.io/library/nginx:1@sha256:a", "docker.io/library/nginx", "1", "sha256:a"),
    ],
)
def test_an_image_reference_is_taken_apart_as_the_runtime_does(
    text: str, path: str, tag: str | None, digest: str | None
) -> None:
    image = parse_image(text)
    assert (image.path, image.tag, image.digest) == (path, tag, digest)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("100m", "0.1"),
        ("1Gi", str(2**30)),
        ("1.5", "1.5"),
        (2.0, "2"),
        ("1e3", "1000"),
        ("1E", str(10**18)),
        ("x", None),
        ("", None),
        (True, None),
    ],
)
def test_a_quantity_is_read_as_kubernetes_does(text: Any, number: str | None) -> None:
    value = parse_quantity(text)
    assert (value is None) == (number is None)
    assert number is None or value == Decimal(number)


@pytest.mark.parametrize("value", ["8080", "true", "/run/secrets/x", "$(TOKEN)", ""])
def test_values_that_are_no_secrets_are_none_whatever_their_name(value: str) -> None:
    assert not looks_secret("PASSWORD", value)


def test_components_and_other_providers_are_not_judged() -> None:
    for kind in (
        "kubernetes:yaml:ConfigFile",
        "kubernetes:yaml/v2:ConfigGroup",
        "kubernetes:helm.sh/v4:Chart",
        "aws:s3:Bucket",
        "",
    ):
        assert not judged(kind)
        assert list(resource_objects(kind, {}, Origin())) == []
    assert judged("kubernetes:helm.sh/v3:Release")


def test_a_stack_is_dev_only_by_its_name() -> None:
    assert [stage_of(name) for name in ("dev", "dev-7", "local", "DEV", "prod", "devops", "", "staging")] == [
        "dev", "dev", "dev", "dev", "prod", "prod", "prod", "prod",
    ]  # fmt: skip


def test_the_compliant_stack_has_an_object_of_every_kind_that_rules_name() -> None:
    kinds = {title_of(item).partition("/")[0] for item in compliant_stack()}
    assert {
        "Deployment",
        "StatefulSet",
        "CronJob",
        "Job",
        "Service",
        "Ingress",
        "Role",
        "docker-build:index:Image",
    } <= kinds
