"""What objects refer to: it has to be in the stack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from policy.examples import POD, Example
from policy.judge import across, each
from policy.registry import DEV_ADVISORY, Scope, Severity, rule
from policy.selectors import labels_of, namespace_of, selects_by_map

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from policy.objects import Object, Pod
    from policy.stack import Stack
    from policy.tree import Node, Remark

EXISTING = {"existing": {"type": "array", "items": {"type": "string"}, "default": []}}
"""Names of objects that something else provides, as ``Kind/name``."""


@rule(
    "SEC-04",
    "require-references-to-exist",
    summary="The Secrets, ConfigMaps, claims and service accounts that a pod names are in the stack.",
    why="the pod waits for them for ever",
    fix="correct the name, mark the reference optional, or list what something else provides in existing",
    scope=Scope.STACK,
    levels=DEV_ADVISORY,
    severity=Severity.HIGH,
    standards=(),
    settings=EXISTING,
    example=Example(path=f"{POD}.volumes[1].secret.secretName", value="web-databse"),
)
def require_references(stack: Stack, settings: Mapping[str, Any]) -> Iterator[tuple[Object, Remark]]:
    """Ask for an object of that kind and name in the pod's namespace."""

    def referring(about: Object) -> Iterator[Remark]:
        pod = about.pod
        if pod is None:
            return
        namespace = namespace_of(about.root)

        def exists(reference: tuple[str, Node]) -> Iterator[Remark]:
            kind, node = reference
            name = node.text()
            if name and f"{kind}/{name}" not in settings["existing"] and not stack.find(kind, namespace, name):
                yield node.remark(f"must be the name of a {kind} in the same namespace")

        yield from each(references(pod), exists)

    yield from across((pod.owner for pod in stack.pods), referring)


def references(pod: Pod, *, optional: bool = False) -> Iterator[tuple[str, Node]]:
    """Yield kind and name of what a pod refers to, with ``optional`` also what it can do without."""
    account = pod.spec["serviceAccountName"]
    if account.unknown or account.value != "default":
        yield "ServiceAccount", account
    for volume in pod.spec["volumes"].elements():
        sources = [volume, *volume["projected"]["sources"].elements()]
        for source in sources:
            for key, kind, name in (
                ("secret", "Secret", "secretName" if source is volume else "name"),
                ("configMap", "ConfigMap", "name"),
                ("persistentVolumeClaim", "PersistentVolumeClaim", "claimName"),
            ):
                if source[key].present and (optional or not source[key]["optional"].boolean()):
                    yield kind, source[key][name]
    for container in pod.containers:
        for item in container["env"].elements():
            yield from _required(item["valueFrom"], optional, secret="secretKeyRef", config="configMapKeyRef")  # noqa: S106
        for item in container["envFrom"].elements():
            yield from _required(item, optional, secret="secretRef", config="configMapRef")  # noqa: S106


def _required(holder: Node, optional: bool, *, secret: str, config: str) -> Iterator[tuple[str, Node]]:
    for key, kind in ((secret, "Secret"), (config, "ConfigMap")):
        if holder[key].present and (optional or not holder[key]["optional"].boolean()):
            yield kind, holder[key]["name"]


@rule(
    "AVL-11S",
    "require-governing-services-to-exist",
    summary="The Service that a StatefulSet names is in the stack, is headless and selects its pods.",
    why="without it the pods have no names of their own in DNS",
    fix="add a Service of that name with clusterIP: None and the pods' labels as its selector",
    scope=Scope.STACK,
    levels=DEV_ADVISORY,
    severity=Severity.MEDIUM,
    standards=(),
    example=Example(target="StatefulSet/db", path="spec.serviceName", value="dbs"),
)
def require_governing_services(stack: Stack) -> Iterator[tuple[Object, Remark]]:
    """Ask for the Service, where one is named, for ``clusterIP: None`` and for a selector that fits the pods."""

    def governed(workload: Object) -> Iterator[Remark]:
        node = workload.spec["serviceName"]
        name = node.text()
        if not name:
            return
        service = stack.find("Service", namespace_of(workload.root), name)
        if service is None:
            yield node.remark("must be the name of a Service in the same namespace")
        elif service.spec["clusterIP"].text() != "None":
            yield node.remark("must be the name of a headless Service, with clusterIP: None")
        elif workload.pod is not None and not selects_by_map(
            service.spec["selector"], labels_of(workload.pod.metadata)
        ):
            yield node.remark("must be the name of a Service whose selector fits these pods")

    yield from across(stack.of("StatefulSet"), governed)


@rule(
    "RBC-07",
    "require-binding-roles-to-exist",
    summary="The Role that a binding in a namespace refers to is in the stack, and so are its service accounts.",
    why="the binding gives nothing, or gives it to an account that somebody else may create",
    fix="correct roleRef or the subject",
    scope=Scope.STACK,
    levels=DEV_ADVISORY,
    severity=Severity.MEDIUM,
    standards=(),
    settings=EXISTING,
    example=Example(target="RoleBinding/web", path="roleRef.name", value="wbe"),
)
def require_bound_roles(stack: Stack, settings: Mapping[str, Any]) -> Iterator[tuple[Object, Remark]]:
    """Ask for the Role in the binding's namespace and for each ServiceAccount in the namespace of its own."""

    def found(kind: str, namespace: str, name: str | None) -> bool:
        return not name or f"{kind}/{name}" in settings["existing"] or stack.find(kind, namespace, name) is not None

    def bound(binding: Object) -> Iterator[Remark]:
        role = binding.root["roleRef"]
        if role["kind"].text() == "Role" and not found("Role", namespace_of(binding.root), role["name"].text()):
            yield role["name"].remark("must be the name of a Role in the same namespace")
        for subject in binding.root["subjects"].elements():
            namespace = subject["namespace"].text() or namespace_of(binding.root)
            if subject["kind"].text() == "ServiceAccount" and not found(
                "ServiceAccount", namespace, subject["name"].text()
            ):
                yield subject["name"].remark("must be the name of a ServiceAccount of the stack")

    yield from across(stack.of("RoleBinding"), bound)
