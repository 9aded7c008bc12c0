"""Rights on the Kubernetes API: every way to write a power is found, and what only looks like one is not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.policy.harness import Judge

RBAC = "rbac.authorization.k8s.io"
FAILS, PASSES = True, False
CREATE, EXEC = "restrict-workload-creation-and-exec", "restrict-workload-creation-and-exec"
WILD, SECRETS, ESCALATE = "disallow-wildcard-rights", "restrict-secret-reading", "disallow-escalating-rights"
POWER, VOLUMES = "disallow-masters-and-tokens", "restrict-persistent-volume-creation"

RIGHTS: list[tuple[str, list[str], list[str], list[str], bool]] = [
    # Everything of Kubernetes' own that makes pods, in its own group.
    (CREATE, [""], ["pods"], ["create"], FAILS),
    (CREATE, [""], ["replicationcontrollers"], ["create"], FAILS),
    (CREATE, ["batch"], ["jobs"], ["create"], FAILS),
    (CREATE, ["batch"], ["cronjobs"], ["update"], FAILS),
    (CREATE, ["apps"], ["deployments"], ["create"], FAILS),
    (CREATE, ["apps"], ["statefulsets"], ["patch"], FAILS),
    (CREATE, ["apps"], ["daemonsets", "replicasets"], ["create"], FAILS),
    (CREATE, ["extensions"], ["deployments"], ["create"], FAILS),
    (CREATE, ["", "apps"], ["configmaps", "deployments"], ["get", "create"], FAILS),
    (CREATE, ["apps"], ["deployments"], ["get", "list", "watch"], PASSES),
    (CREATE, ["apps"], ["deployments"], ["delete"], PASSES),
    (CREATE, ["apps"], ["deployments/scale"], ["patch"], PASSES),
    (CREATE, ["apps"], ["deployments/status"], ["update"], PASSES),
    (CREATE, [""], ["configmaps"], ["create"], PASSES),
    (CREATE, ["example.com"], ["pods"], ["create"], PASSES),
    (CREATE, ["argoproj.io"], ["rollouts"], ["create"], PASSES),
    (CREATE, [""], ["jobs"], ["create"], PASSES),
    # Wildcards, whole and in part, wherever they stand.
    (CREATE, [""], ["pods/*"], ["create"], FAILS),
    (CREATE, ["apps"], ["*"], ["create"], FAILS),
    (CREATE, ["*"], ["deployments"], ["create"], FAILS),
    (CREATE, ["batch"], ["jobs"], ["*"], FAILS),
    (CREATE, [""], ["po*"], ["create"], FAILS),
    (CREATE, [""], ["*/exec"], ["create"], FAILS),
    (CREATE, [""], ["*/*"], ["create"], FAILS),
    (CREATE, [""], ["services/*"], ["create"], PASSES),
    (CREATE, [""], ["*/status"], ["update"], PASSES),
    (WILD, [""], ["pods/*"], ["get"], FAILS),
    (WILD, [""], ["*/log"], ["get"], FAILS),
    (WILD, ["*.example.com"], ["things"], ["get"], FAILS),
    (WILD, [""], ["configmaps"], ["*"], FAILS),
    (WILD, ["*"], ["configmaps"], ["get"], FAILS),
    (WILD, [""], ["configmaps"], ["get*"], FAILS),
    (WILD, [""], ["configmaps"], ["get"], PASSES),
    # Into a pod.
    (EXEC, [""], ["pods/exec"], ["get"], FAILS),
    (EXEC, [""], ["*"], ["get"], FAILS),
    (EXEC, [""], ["pods/attach"], ["create"], FAILS),
    (EXEC, [""], ["pods/portforward"], ["get"], FAILS),
    (EXEC, [""], ["pods/ephemeralcontainers"], ["patch"], FAILS),
    (EXEC, [""], ["nodes/proxy"], ["get"], FAILS),
    (EXEC, [""], ["nodes/*"], ["get"], FAILS),
    (EXEC, [""], ["pods/log"], ["get"], PASSES),
    (EXEC, [""], ["pods/ephemeralcontainers"], ["get"], PASSES),
    (EXEC, ["metrics.k8s.io"], ["nodes/proxy"], ["get"], PASSES),
    # Secrets.
    (SECRETS, [""], ["secrets"], ["list"], FAILS),
    (SECRETS, ["*"], ["secrets"], ["get"], FAILS),
    (SECRETS, [""], ["*"], ["watch"], FAILS),
    (SECRETS, [""], ["secrets"], ["*"], FAILS),
    (SECRETS, [""], ["secret*"], ["get"], FAILS),
    (SECRETS, [""], ["secrets"], ["create"], PASSES),
    (SECRETS, ["example.com"], ["secrets"], ["list"], PASSES),
    # Turning one role into another.
    (ESCALATE, [RBAC], ["clusterroles"], ["bind"], FAILS),
    (ESCALATE, [RBAC], ["roles"], ["escalate"], FAILS),
    (ESCALATE, [""], ["users", "groups"], ["impersonate"], FAILS),
    (ESCALATE, ["authentication.k8s.io"], ["users"], ["impersonate:user-info"], FAILS),
    (ESCALATE, [RBAC], ["clusterroles"], ["*"], FAILS),
    (ESCALATE, ["*"], ["*"], ["*"], FAILS),
    (ESCALATE, [RBAC], ["clusterroles"], ["get", "list"], PASSES),
    (ESCALATE, ["apis.kcp.io"], ["apiexports"], ["bind"], PASSES),
    # Past every other rule.
    (POWER, ["admissionregistration.k8s.io"], ["validatingwebhookconfigurations"], ["deletecollection"], FAILS),
    (POWER, ["admissionregistration.k8s.io"], ["mutatingwebhookconfigurations"], ["delete"], FAILS),
    (POWER, ["admissionregistration.k8s.io"], ["validatingadmissionpolicybindings"], ["patch"], FAILS),
    (POWER, ["admissionregistration.k8s.io"], ["*"], ["update"], FAILS),
    (POWER, ["apiregistration.k8s.io"], ["apiservices"], ["create"], FAILS),
    (POWER, [""], ["serviceaccounts/token"], ["create"], FAILS),
    (POWER, [""], ["serviceaccounts/*"], ["*"], FAILS),
    (POWER, ["certificates.k8s.io"], ["certificatesigningrequests/approval"], ["update"], FAILS),
    (POWER, ["certificates.k8s.io"], ["signers"], ["sign"], FAILS),
    (POWER, ["admissionregistration.k8s.io"], ["validatingwebhookconfigurations"], ["get", "watch"], PASSES),
    (POWER, [""], ["serviceaccounts"], ["create"], PASSES),
    (POWER, ["example.com"], ["signers"], ["sign"], PASSES),
    (VOLUMES, [""], ["persistentvolumes"], ["create"], FAILS),
    (VOLUMES, ["*"], ["persistentvolumes"], ["*"], FAILS),
    (VOLUMES, [""], ["*"], ["patch"], FAILS),
    (VOLUMES, [""], ["persistentvolumeclaims"], ["create"], PASSES),
    (VOLUMES, [""], ["persistentvolumes"], ["list"], PASSES),
]  # fmt: skip


def role(kind: str = "ClusterRole", **fields: Any) -> dict[str, Any]:
    return {"apiVersion": f"{RBAC}/v1", "kind": kind, "metadata": {"name": "x", "namespace": "shop"}, **fields}


@pytest.mark.parametrize("kind", ["Role", "ClusterRole"])
@pytest.mark.parametrize(("name", "groups", "resources", "verbs", "fails"), RIGHTS, ids=str)
def test_a_right_is_found_however_it_is_written(
    name: str, groups: list[str], resources: list[str], verbs: list[str], *, fails: bool, kind: str
) -> None:
    item = role(kind, rules=[{"apiGroups": groups, "resources": resources, "verbs": verbs}])
    assert (Judge(item, only=name).broken == {name}) == fails


@pytest.mark.parametrize("wild", ["*", "/*"])
def test_all_urls_are_a_wildcard_and_a_tree_of_them_is_not(wild: str) -> None:
    assert Judge(role(rules=[{"nonResourceURLs": [wild], "verbs": ["get"]}]), only=WILD).broken == {WILD}
    assert Judge(role(rules=[{"nonResourceURLs": ["/metrics/*"], "verbs": ["get"]}]), only=WILD).broken == set()


def test_an_aggregated_role_is_judged_by_its_rules_and_by_what_it_aggregates() -> None:
    every: dict[str, Any] = {"clusterRoleSelectors": [{}]}
    some = {"clusterRoleSelectors": [{"matchLabels": {"example.com/aggregate": "true"}}]}
    jobs = [{"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["create"]}]
    assert Judge(role(aggregationRule=every, rules=[]), only=WILD).broken == {WILD}
    assert Judge(role(aggregationRule=some, rules=[]), only=WILD).broken == set()
    assert Judge(role(aggregationRule=some, rules=jobs), only=CREATE).broken == {CREATE}


@pytest.mark.parametrize(
    ("subject", "fails"),
    [
        ({"kind": "Group", "name": "system:masters"}, FAILS),
        ({"kind": "Group", "name": "system:authenticated"}, FAILS),
        ({"kind": "Group", "name": "system:unauthenticated"}, FAILS),
        ({"kind": "Group", "name": "system:serviceaccounts"}, FAILS),
        ({"kind": "User", "name": "system:anonymous"}, FAILS),
        ({"kind": "Group", "name": "system:serviceaccounts:shop"}, PASSES),
        ({"kind": "Group", "name": "developers"}, PASSES),
        ({"kind": "ServiceAccount", "name": "web", "namespace": "shop"}, PASSES),
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", ["RoleBinding", "ClusterRoleBinding"])
def test_a_binding_to_everybody_is_found(subject: dict[str, str], *, fails: bool, kind: str) -> None:
    binding = role(kind, roleRef={"apiGroup": RBAC, "kind": "ClusterRole", "name": "view"}, subjects=[subject])
    assert (Judge(binding, only=POWER).broken == {POWER}) == fails


def test_a_role_of_the_namespace_that_is_called_cluster_admin_is_not_the_cluster_role() -> None:
    name = "disallow-cluster-admin"
    for kind, broken in (("Role", set()), ("ClusterRole", {name})):
        reference = {"apiGroup": RBAC, "kind": kind, "name": "cluster-admin"}
        assert Judge(role("RoleBinding", roleRef=reference), only=name).broken == broken
