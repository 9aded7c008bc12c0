"""Rights on the Kubernetes API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..examples import Example
from ..judge import each
from ..registry import ALWAYS, DEV_ADVISORY, Scope, Severity, rule
from ..rights import DELETING, READING, WORKLOADS, WRITING, allows, fits, grants, rules_of, texts
from ..selectors import selects_all

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..objects import Object
    from ..tree import Node, Remark

ROLES: Final = frozenset({"Role", "ClusterRole"})
BINDINGS: Final = frozenset({"RoleBinding", "ClusterRoleBinding"})
ENTERING: Final = tuple(("", f"pods/{sub}") for sub in ("exec", "attach", "portforward"))
"""Ways into a pod, each of which a mere get opens as well."""
ESCALATING: Final = frozenset({"", "rbac.authorization.k8s.io", "authentication.k8s.io"})
"""Groups whose resources can be bound, escalated or impersonated: of others, such verbs are something else."""
_BINDABLE: Final = (
    *(("rbac.authorization.k8s.io", resource) for resource in ("roles", "clusterroles")),
    *(("", resource) for resource in ("users", "groups", "serviceaccounts")),
    *(("authentication.k8s.io", resource) for resource in ("userextras", "uids")),
)
EVERYONE: Final = frozenset(
    {
        "system:masters",
        "system:anonymous",
        "system:unauthenticated",
        "system:authenticated",
        "system:serviceaccounts",
    }
)
"""Groups that are above every role, and groups that anybody is in."""
_ADMISSION: Final = tuple(
    ("admissionregistration.k8s.io", resource)
    for resource in (
        "mutatingwebhookconfigurations",
        "validatingwebhookconfigurations",
        "mutatingadmissionpolicies",
        "mutatingadmissionpolicybindings",
        "validatingadmissionpolicies",
        "validatingadmissionpolicybindings",
    )
)
_POWERS: Final = (
    ((("", "serviceaccounts/token"),), frozenset({"create"})),
    ((("certificates.k8s.io", "certificatesigningrequests/approval"),), frozenset({"update", "patch"})),
    ((("certificates.k8s.io", "signers"),), frozenset({"approve", "sign"})),
    (_ADMISSION, WRITING | DELETING),
    ((("apiregistration.k8s.io", "apiservices"),), WRITING | DELETING),
)
"""Resources and the verbs that make of whoever has them anyone, or of any request anything."""


@rule(
    "RBC-01",
    "disallow-cluster-admin",
    summary="No subject is bound to cluster-admin.",
    why="cluster-admin may do everything, to every namespace: whoever gets its token has the cluster",
    fix="bind a role with the rights that are needed",
    scope=Scope.OBJECT,
    kinds=BINDINGS,
    levels=ALWAYS,
    severity=Severity.CRITICAL,
    standards=("CIS 5.1.1",),
    example=Example(
        target="RoleBinding/web",
        path="roleRef",
        value={"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        unknown="roleRef.name",
    ),
)
def disallow_cluster_admin(binding: Object) -> Iterator[Remark]:
    """Ask for another role."""
    node = binding.root["roleRef"]["name"]
    if node.text() == "cluster-admin" and binding.root["roleRef"]["kind"].text() != "Role":
        yield node.remark("must be a role with fewer rights")


@rule(
    "RBC-02",
    "disallow-wildcard-rights",
    summary="No role has a wildcard in verbs, resources, subresources or API groups, nor aggregates every ClusterRole.",
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
    """Ask for none in the three, for none that stands for all URLs, and for no aggregation of every ClusterRole."""

    def wildcard(item: Node) -> Iterator[Remark]:
        for key in ("verbs", "resources", "apiGroups"):
            for entry in item[key].elements():
                if "*" in (entry.text() or ""):
                    yield entry.remark("must be listed one by one")
        for entry in item["nonResourceURLs"].elements():
            if entry.text() in {"*", "/*"}:
                yield entry.remark("must be listed one by one")

    def everything(selector: Node) -> Iterator[Remark]:
        if selects_all(selector):
            yield selector.remark("must not select every ClusterRole", hide=True)

    yield from each(rules_of(role), wildcard)
    yield from each(role.root["aggregationRule"]["clusterRoleSelectors"].elements(), everything)


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
        if not grants(item, [("", "secrets")]) or not allows(item, READING):
            return
        named = item["resourceNames"].elements() and not allows(item, READING - {"get"})
        if not named:
            yield item["resources"].remark("must not give Secrets that are not named", hide=True)

    yield from each(rules_of(role), reading)


@rule(
    "RBC-04",
    "restrict-workload-creation-and-exec",
    summary="No role may make pods or workloads, run commands in pods, or reach nodes through the API server.",
    why="whoever may make or enter a pod has the rights of every service account of the namespace",
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
    """Ask for no writing verb on what makes pods, for no way into pods, and for nodes/proxy with no verb at all."""

    def entering(item: Node) -> Iterator[Remark]:
        making = grants(item, (*WORKLOADS, ("", "pods/ephemeralcontainers"))) and allows(item, WRITING)
        inside = grants(item, ENTERING) and allows(item, {"create", "get"})
        if making or inside or (grants(item, [("", "nodes/proxy")]) and texts(item["verbs"])):
            yield item["resources"].remark("must not give workloads, the inside of pods, or nodes", hide=True)

    yield from each(rules_of(role), entering)


@rule(
    "RBC-08",
    "restrict-persistent-volume-creation",
    summary="No role may create PersistentVolumes.",
    why="a PersistentVolume can be a folder of the node: whoever makes one and claims it reads the node's files",
    fix="remove the right; let a StorageClass provision the volumes",
    scope=Scope.OBJECT,
    kinds=ROLES,
    levels=DEV_ADVISORY,
    severity=Severity.HIGH,
    standards=("CIS 5.1.9",),
    example=Example(
        target="Role/web",
        path="rules[0]",
        value={"apiGroups": [""], "resources": ["persistentvolumes"], "verbs": ["create"]},
        unknown="rules[0].resources",
    ),
)
def restrict_volume_creation(role: Object) -> Iterator[Remark]:
    """Ask for no writing verb on them."""

    def creating(item: Node) -> Iterator[Remark]:
        if grants(item, [("", "persistentvolumes")]) and allows(item, WRITING):
            yield item["resources"].remark("must not give PersistentVolumes", hide=True)

    yield from each(rules_of(role), creating)


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
        groups = texts(item["apiGroups"])
        if groups and not any(fits(entry, group) for entry in groups for group in ESCALATING):
            return
        for verb in item["verbs"].elements():
            text = verb.text() or ""
            if text in {"bind", "escalate", "impersonate"} or text.startswith("impersonate:"):
                yield verb.remark("must be absent")
            elif "*" in text and grants(item, _BINDABLE):
                yield verb.remark("must not have bind, escalate and impersonate among it")

    yield from each(rules_of(role), escalating)


@rule(
    "RBC-06",
    "disallow-masters-and-tokens",
    summary="No subject is bound through system:masters or a group that everybody is in, and no role makes tokens, approves "
    "certificates or changes admission.",
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
    """Ask for other subjects, and for none of the verbs that make these resources a way past every rule."""

    def subject(item: Node) -> Iterator[Remark]:
        if item["name"].text() in EVERYONE and item["kind"].text() != "ServiceAccount":
            yield item["name"].remark("must be somebody else")

    def power(item: Node) -> Iterator[Remark]:
        if any(grants(item, resources) and allows(item, verbs) for resources, verbs in _POWERS):
            yield item["resources"].remark("must not be given with these verbs", hide=True)

    if about.kind in BINDINGS:
        yield from each(about.root["subjects"].elements(), subject)
    else:
        yield from each(rules_of(about), power)
