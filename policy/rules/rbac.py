"""Rights on the Kubernetes API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from policy.examples import Example
from policy.judge import each
from policy.registry import ALWAYS, DEV_ADVISORY, Scope, Severity, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policy.objects import Object
    from policy.tree import Node, Remark

ROLES: Final = frozenset({"Role", "ClusterRole"})
BINDINGS: Final = frozenset({"RoleBinding", "ClusterRoleBinding"})
READING: Final = frozenset({"get", "list", "watch", "*"})
WRITING: Final = frozenset({"create", "update", "patch", "*"})


def texts(node: Node) -> set[str]:
    """Return the strings of a list; raises UnknownError where one is not known."""
    return {item.text() or "" for item in node.elements()}


def _rules(role: Object) -> list[Node]:
    """Return the rules of a role; those of an aggregated one are the controller's."""
    return [] if role.root["aggregationRule"].present else list(role.root["rules"].elements())


@rule(
    "RBC-01",
    "disallow-cluster-admin",
    summary="Nobody is bound to cluster-admin.",
    why="cluster-admin may do everything, to every namespace: whoever gets its token has the cluster",
    fix="bind a role with the rights that are needed",
    scope=Scope.OBJECT,
    kinds=BINDINGS,
    levels=ALWAYS,
    severity=Severity.CRITICAL,
    standards=("CIS 5.1.1",),
    example=Example(target="RoleBinding/web", path="roleRef.name", value="cluster-admin"),
)
def disallow_cluster_admin(binding: Object) -> Iterator[Remark]:
    """Ask for another role."""
    node = binding.root["roleRef"]["name"]
    if node.text() == "cluster-admin":
        yield node.remark("must be a role with fewer rights")


@rule(
    "RBC-02",
    "disallow-wildcard-rights",
    summary="No role has a wildcard for verbs, resources or API groups.",
    why="a wildcard grants what will exist one day as well",
    fix="list the verbs, resources and groups that are needed",
    scope=Scope.OBJECT,
    kinds=ROLES,
    levels=ALWAYS,
    severity=Severity.HIGH,
    standards=("CIS 5.1.3",),
    example=Example(target="Role/web", path="rules[0].verbs", value=["*"]),
)
def disallow_wildcards(role: Object) -> Iterator[Remark]:
    """Ask for none of the three."""

    def wildcard(item: Node) -> Iterator[Remark]:
        for key in ("verbs", "resources", "apiGroups"):
            for entry in item[key].elements():
                if entry.text() in {"*", "*/*"}:
                    yield entry.remark("must be listed one by one")

    yield from each(_rules(role), wildcard)


@rule(
    "RBC-03",
    "restrict-secret-reading",
    summary="A role that reads Secrets names them.",
    why="whoever may list Secrets has every password and every token of the namespace",
    fix="name the Secrets in resourceNames, with verb get; or mount them instead",
    scope=Scope.OBJECT,
    kinds=ROLES,
    levels=DEV_ADVISORY,
    severity=Severity.HIGH,
    standards=("CIS 5.1.2",),
    example=Example(target="Role/web", path="rules[0].resources", value=["secrets"]),
)
def restrict_secret_reading(role: Object) -> Iterator[Remark]:
    """Ask for resourceNames with get; list and watch cannot be confined by name."""

    def reading(item: Node) -> Iterator[Remark]:
        if not texts(item["resources"]) & {"secrets", "*"} or not texts(item["apiGroups"]) & {"", "*"}:
            return
        verbs = texts(item["verbs"]) & READING
        if verbs and (verbs != {"get"} or not item["resourceNames"].elements()):
            yield item["resources"].remark("must not give Secrets that are not named", hide=True)

    yield from each(_rules(role), reading)


@rule(
    "RBC-04",
    "restrict-workload-creation-and-exec",
    summary="No role may create pods, run commands in them, or reach nodes through the API server.",
    why="whoever may create or enter a pod has the rights of every service account of the namespace",
    fix="remove the right; deploy through the pipeline",
    scope=Scope.OBJECT,
    kinds=ROLES,
    levels=DEV_ADVISORY,
    severity=Severity.HIGH,
    standards=("CIS 5.1.4", "CIS 5.1.10"),
    example=Example(
        target="Role/web",
        path="rules[0]",
        value={"apiGroups": [""], "resources": ["pods/exec"], "verbs": ["create"]},
        unknown="rules[0].resources",
    ),
)
def restrict_exec(role: Object) -> Iterator[Remark]:
    """Ask for none of pods, pods/exec, pods/attach, pods/ephemeralcontainers and nodes/proxy with a writing verb."""
    workloads = {"pods", "pods/exec", "pods/attach", "pods/portforward", "pods/ephemeralcontainers"}

    def entering(item: Node) -> Iterator[Remark]:
        resources, verbs = texts(item["resources"]), texts(item["verbs"])
        exec_by_get = verbs & {"get", "*"} and resources & {"pods/exec", "pods/attach"}
        if exec_by_get or (verbs & WRITING and resources & workloads) or "nodes/proxy" in resources:
            yield item["resources"].remark("must not give pods, their inside, or nodes", hide=True)

    yield from each(_rules(role), entering)


@rule(
    "RBC-05",
    "disallow-escalating-rights",
    summary="No role may bind, escalate or impersonate.",
    why="each of these verbs turns a role into any other",
    fix="remove the verb",
    scope=Scope.OBJECT,
    kinds=ROLES,
    levels=ALWAYS,
    severity=Severity.CRITICAL,
    standards=("CIS 5.1.8",),
    example=Example(target="Role/web", path="rules[0].verbs", value=["impersonate"]),
)
def disallow_escalation(role: Object) -> Iterator[Remark]:
    """Ask for none of the three verbs."""

    def escalating(item: Node) -> Iterator[Remark]:
        for verb in item["verbs"].elements():
            if verb.text() in {"bind", "escalate", "impersonate"}:
                yield verb.remark("must be absent")

    yield from each(_rules(role), escalating)


@rule(
    "RBC-06",
    "disallow-masters-and-tokens",
    summary="Nobody is bound into system:masters, and no role makes tokens, approves certificates or changes webhooks.",
    why="each is a way to become anyone, past every other rule",
    fix="remove the subject or the right",
    scope=Scope.OBJECT,
    kinds=ROLES | BINDINGS,
    levels=ALWAYS,
    severity=Severity.CRITICAL,
    standards=("CIS 5.1.7", "CIS 5.1.11-5.1.13"),
    example=Example(
        target="RoleBinding/web",
        path="subjects[0]",
        value={"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": "system:masters"},
        unknown="subjects[0].name",
    ),
)
def disallow_masters(about: Object) -> Iterator[Remark]:
    """Ask for other subjects, and for no writing verb on these resources."""
    powers = {
        "serviceaccounts/token", "certificatesigningrequests/approval", "signers",
        "mutatingwebhookconfigurations", "validatingwebhookconfigurations",
    }  # fmt: skip

    def subject(item: Node) -> Iterator[Remark]:
        if item["name"].text() in {"system:masters", "system:anonymous", "system:unauthenticated"}:
            yield item["name"].remark("must be somebody else")

    def power(item: Node) -> Iterator[Remark]:
        if texts(item["resources"]) & powers and texts(item["verbs"]) & (WRITING | {"approve", "sign", "delete"}):
            yield item["resources"].remark("must not be writable", hide=True)

    if about.kind in BINDINGS:
        yield from each(about.root["subjects"].elements(), subject)
    else:
        yield from each(_rules(about), power)
