"""Names, labels, namespaces and versions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from ..examples import REMOVE, Example
from ..objects import DEFAULT_NAMESPACE, POD_PATHS
from ..registry import ALWAYS, DEV_ADVISORY, REMEDIED_IN_DEV, Scope, Severity, rule
from ..remediation import ensure
from ..unknowns import UNKNOWN_STRINGS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..objects import Object
    from ..tree import Remark

NAME_LABEL: Final = "app.kubernetes.io/name"
MANAGED_LABEL: Final = "app.kubernetes.io/managed-by"
WORKLOADS: Final = frozenset(POD_PATHS)
REMOVED: Final[dict[tuple[str, str], str]] = {
    ("extensions/v1beta1", "Deployment"): "apps/v1",
    ("extensions/v1beta1", "DaemonSet"): "apps/v1",
    ("extensions/v1beta1", "ReplicaSet"): "apps/v1",
    ("extensions/v1beta1", "Ingress"): "networking.k8s.io/v1",
    ("extensions/v1beta1", "NetworkPolicy"): "networking.k8s.io/v1",
    ("extensions/v1beta1", "PodSecurityPolicy"): "Pod Security labels",
    ("networking.k8s.io/v1beta1", "Ingress"): "networking.k8s.io/v1",
    ("networking.k8s.io/v1beta1", "IngressClass"): "networking.k8s.io/v1",
    ("batch/v1beta1", "CronJob"): "batch/v1",
    ("batch/v2alpha1", "CronJob"): "batch/v1",
    ("policy/v1beta1", "PodDisruptionBudget"): "policy/v1",
    ("policy/v1beta1", "PodSecurityPolicy"): "Pod Security labels",
    ("autoscaling/v2beta1", "HorizontalPodAutoscaler"): "autoscaling/v2",
    ("autoscaling/v2beta2", "HorizontalPodAutoscaler"): "autoscaling/v2",
    ("discovery.k8s.io/v1beta1", "EndpointSlice"): "discovery.k8s.io/v1",
    ("storage.k8s.io/v1beta1", "CSIDriver"): "storage.k8s.io/v1",
    ("storage.k8s.io/v1beta1", "CSINode"): "storage.k8s.io/v1",
    ("storage.k8s.io/v1beta1", "StorageClass"): "storage.k8s.io/v1",
    ("storage.k8s.io/v1beta1", "VolumeAttachment"): "storage.k8s.io/v1",
    ("storage.k8s.io/v1beta1", "CSIStorageCapacity"): "storage.k8s.io/v1",
    ("apiregistration.k8s.io/v1beta1", "APIService"): "apiregistration.k8s.io/v1",
    ("apiextensions.k8s.io/v1beta1", "CustomResourceDefinition"): "apiextensions.k8s.io/v1",
    ("certificates.k8s.io/v1beta1", "CertificateSigningRequest"): "certificates.k8s.io/v1",
    ("coordination.k8s.io/v1beta1", "Lease"): "coordination.k8s.io/v1",
    ("scheduling.k8s.io/v1beta1", "PriorityClass"): "scheduling.k8s.io/v1",
    ("node.k8s.io/v1beta1", "RuntimeClass"): "node.k8s.io/v1",
}
"""Versions that Kubernetes no longer serves (all were gone by 1.27), and what took their place."""
REMOVED_GROUPS: Final = {
    "apps/v1beta1": "apps/v1",
    "apps/v1beta2": "apps/v1",
    "rbac.authorization.k8s.io/v1beta1": "rbac.authorization.k8s.io/v1",
    "admissionregistration.k8s.io/v1beta1": "admissionregistration.k8s.io/v1",
    "events.k8s.io/v1beta1": "events.k8s.io/v1",
    "flowcontrol.apiserver.k8s.io/v1beta1": "flowcontrol.apiserver.k8s.io/v1",
    "flowcontrol.apiserver.k8s.io/v1beta2": "flowcontrol.apiserver.k8s.io/v1",
    "flowcontrol.apiserver.k8s.io/v1beta3": "flowcontrol.apiserver.k8s.io/v1",
}


def fix_labels(root: Any) -> bool:
    """Add the labels that follow from the object itself: its name, and that Pulumi manages it."""
    metadata = root.get("metadata") if isinstance(root, Mapping) else None
    name = metadata.get("name") if isinstance(metadata, Mapping) else None
    changed = False
    if isinstance(name, str) and name not in UNKNOWN_STRINGS:
        for label, value in ((NAME_LABEL, name), (MANAGED_LABEL, "pulumi")):
            changed |= ensure(metadata, ("labels", label), value[:63].rstrip("-."), lambda _: True)
    return changed


@rule(
    "MET-01",
    "require-recommended-labels",
    summary="Workloads, Services and Ingresses carry the recommended labels.",
    why="nobody can tell otherwise whose an object is, in the cluster, in metrics and on invoices",
    fix="add the labels app.kubernetes.io/name and app.kubernetes.io/managed-by, and those of your own list",
    scope=Scope.OBJECT,
    kinds=WORKLOADS | {"Service", "Ingress"},
    levels=REMEDIED_IN_DEV,
    severity=Severity.LOW,
    standards=(),
    settings={"labels": {"type": "array", "items": {"type": "string"}, "default": [NAME_LABEL, MANAGED_LABEL]}},
    remedy=fix_labels,
    example=Example(target="Service/web", path='metadata.labels["app.kubernetes.io/name"]', value=REMOVE),
)
def require_labels(about: Object, settings: Mapping[str, Any]) -> Iterator[Remark]:
    """Ask for each label of the setting, with a value."""
    labels = about.root["metadata"]["labels"]
    for label in settings["labels"]:
        if not labels[label].text():
            yield labels[label].remark("must be set")


@rule(
    "MET-02",
    "require-namespace",
    summary="Every object names its namespace, which is neither default nor one of Kubernetes' own.",
    why="without a namespace of its own, nothing separates an application's rights, quota and network from others",
    fix="set metadata.namespace",
    scope=Scope.OBJECT,
    levels=ALWAYS,
    severity=Severity.MEDIUM,
    standards=("CIS 5.6.4",),
    settings={"allowed": {"type": "array", "items": {"type": "string"}, "default": []}},
    among=True,
    example=Example(path="metadata.namespace", value="default"),
)
def require_namespace(about: Object, settings: Mapping[str, Any]) -> Iterator[Remark]:
    """Ask for a namespace where the kind is known to live in one; of other kinds only that it is not a shared one."""
    if ":" in about.kind or about.partial or about.reach == "Cluster":
        return
    node = about.root["metadata"]["namespace"]
    name = node.text() or (about.home if about.home != DEFAULT_NAMESPACE else None)
    if not name and about.reach is None:
        return  # it may well live in the cluster
    if name not in settings["allowed"] and (not name or name == DEFAULT_NAMESPACE or name.startswith("kube-")):
        yield node.remark("must be a namespace of the application's own")


@rule(
    "MET-06",
    "require-api-version",
    summary="Every object says of which API version it is.",
    why="the API server refuses an object without one, and no tool can tell what its fields mean",
    fix="set apiVersion, such as apps/v1",
    scope=Scope.OBJECT,
    levels=ALWAYS,
    severity=Severity.HIGH,
    standards=(),
    example=Example(target="ConfigMap/web", path="apiVersion", value=REMOVE, reads=False),
)
def require_api_version(about: Object) -> Iterator[Remark]:
    """Ask for apiVersion, also of the items of a list that names none for them."""
    if not about.api_version and ":" not in about.kind:
        yield about.root["apiVersion"].remark("must be set")


@rule(
    "MET-04",
    "disallow-removed-api-versions",
    summary="No object is of an API version that Kubernetes has removed.",
    why="the API server refuses it",
    fix="use the version that took its place",
    scope=Scope.OBJECT,
    levels=DEV_ADVISORY,
    severity=Severity.HIGH,
    standards=(),
    example=Example(target="PodDisruptionBudget/web", path="apiVersion", value="policy/v1beta1", reads=False),
)
def disallow_removed_versions(about: Object) -> Iterator[Remark]:
    """Ask for a version that is served by 1.27 and later."""
    instead = REMOVED.get((about.api_version, about.kind)) or REMOVED_GROUPS.get(about.api_version)
    if instead is not None:
        yield about.root["apiVersion"].remark(f"must be {instead} instead of {about.api_version}", hide=True)


def fix_pod_security_labels(root: Any) -> bool:
    """Enforce restricted where nothing is said; a level that was chosen stays."""
    way = ("labels", "pod-security.kubernetes.io/enforce")
    metadata = root.get("metadata")
    return isinstance(metadata, Mapping) and ensure(metadata, way, "restricted", lambda _: True)


@rule(
    "MET-03",
    "require-pod-security-labels",
    summary="Every Namespace has the API server enforce a Pod Security Standard.",
    why="whatever reaches the namespace by another way than this stack is held to nothing otherwise",
    fix="label the Namespace pod-security.kubernetes.io/enforce: restricted",
    scope=Scope.OBJECT,
    kinds=frozenset({"Namespace"}),
    levels=REMEDIED_IN_DEV,
    severity=Severity.HIGH,
    standards=("NSA pod security",),
    settings={"levels": {"type": "array", "items": {"type": "string"}, "default": ["restricted"]}},
    remedy=fix_pod_security_labels,
    example=Example(
        target="Namespace/shop-prod", path='metadata.labels["pod-security.kubernetes.io/enforce"]', value=REMOVE
    ),
)
def require_pod_security_labels(namespace: Object, settings: Mapping[str, Any]) -> Iterator[Remark]:
    """Ask for one of the levels in the setting."""
    node = namespace.root["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
    if node.text() not in settings["levels"]:
        yield node.remark(f"must be {' or '.join(settings['levels'])}")
