"""What objects refer to: it has to be in the stack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ..examples import POD, Example
from ..judge import across, each
from ..registry import DEV_ADVISORY, Scope, Severity, rule
from ..selectors import labels_of, selects_by_map

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..objects import Object, Pod
    from ..stack import Stack
    from ..tree import Node, Remark

EXISTING = {"existing": {"type": "array", "items": {"type": "string"}, "default": []}}
"""Names of objects that something else provides, as ``Kind/name``."""


@rule(
    "SEC-04",
    "require-references-to-exist",
    summary="The Secrets, ConfigMaps, claims and service accounts that a pod names are in the stack, with the keys it names.",
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
        namespace = about.home

        def exists(reference: Reference) -> Iterator[Remark]:
            kind, node, keys = reference
            name = node.text()
            if not name or f"{kind}/{name}" in settings["existing"]:
                return
            if not stack.has(kind, namespace, name):
                yield node.remark(f"must be the name of a {kind} in the same namespace")
                return
            found = stack.find(kind, namespace, name)
            if found is not None and keys:
                yield from each(keys, lambda key: _known_key(found, key))

        yield from each(references(pod), exists)

    yield from across((pod.owner for pod in stack.pods), referring)


def _known_key(holder: Object, key: Node) -> Iterator[Remark]:
    """Yield a remark where a Secret or ConfigMap has keys, and not this one; one that has none is filled by somebody else."""
    held = {name for field in ("data", "stringData", "binaryData") for name, _ in holder.root[field].fields()}
    if held and key.text() not in held:
        yield key.remark(f"must be a key of {holder.title}")


class Reference(NamedTuple):
    """What a pod refers to: kind, the field with its name, and the fields with the keys in it that the pod needs."""

    kind: str
    name: Node
    keys: tuple[Node, ...] = ()


def references(pod: Pod, *, optional: bool = False) -> Iterator[Reference]:
    """Yield what a pod refers to, with ``optional`` also what it can do without."""
    yield Reference("ServiceAccount", pod.account)
    for item in pod.spec["imagePullSecrets"].elements() if optional else ():
        yield Reference("Secret", item["name"])
    for volume in pod.spec["volumes"].elements():
        sources = [volume, *volume["projected"]["sources"].elements()]
        for source in sources:
            for key, kind, name in (
                ("secret", "Secret", "secretName" if source is volume else "name"),
                ("configMap", "ConfigMap", "name"),
                ("persistentVolumeClaim", "PersistentVolumeClaim", "claimName"),
            ):
                holder = source[key]
                if holder.present and (optional or not holder["optional"].boolean()):
                    keys = tuple(item["key"] for item in holder["items"].elements())
                    yield Reference(kind, holder[name], keys)
    for container in pod.containers:
        for item in container["env"].elements():
            source = item["valueFrom"]
            yield from _required(source, optional, ("secretKeyRef", "Secret"), ("configMapKeyRef", "ConfigMap"))
        for item in container["envFrom"].elements():
            yield from _required(item, optional, ("secretRef", "Secret"), ("configMapRef", "ConfigMap"))


def _required(holder: Node, optional: bool, *kinds: tuple[str, str]) -> Iterator[Reference]:
    for key, kind in kinds:
        node = holder[key]
        if node.present and (optional or not node["optional"].boolean()):
            keys = (node["key"],) if node["key"].value is not None else ()
            yield Reference(kind, node["name"], keys)


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
        service = stack.find("Service", workload.home, name)
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
        return not name or f"{kind}/{name}" in settings["existing"] or stack.has(kind, namespace, name)

    def bound(binding: Object) -> Iterator[Remark]:
        role = binding.root["roleRef"]
        if role["kind"].text() == "Role" and not found("Role", binding.home, role["name"].text()):
            yield role["name"].remark("must be the name of a Role in the same namespace")
        for subject in binding.root["subjects"].elements():
            namespace = subject["namespace"].text() or binding.home
            if subject["kind"].text() == "ServiceAccount" and not found(
                "ServiceAccount", namespace, subject["name"].text()
            ):
                yield subject["name"].remark("must be the name of a ServiceAccount of the stack")

    yield from across(stack.of("RoleBinding"), bound)
