"""Ingresses: hosts, paths, TLS and what they lead to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ..examples import REMOVE, Example
from ..judge import across, each
from ..registry import ALWAYS, DEV_ADVISORY, Scope, Severity, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..objects import Object
    from ..stack import Stack
    from ..tree import Node, Remark


CERTIFICATES: Final = (
    "alb.ingress.kubernetes.io/certificate-arn",
    "networking.gke.io/managed-certificates",
    "networking.gke.io/pre-shared-certs",
    "ingress.gcp.kubernetes.io/pre-shared-cert",
    "networking.gke.io/certmap",
)
"""Annotations that name a certificate where the load balancer keeps it."""
_SNIPPETS: Final = (
    "-snippet",
    "-snippets",
    "/config-backend",
    "/config-global",
    "/config-frontend",
    "/config-defaults",
)
"""Ends of annotations that carry configuration as the controller's program reads it."""


@rule(
    "NET-05",
    "require-ingress-tls",
    summary="Every host of an Ingress is served with TLS.",
    why="without TLS anyone on the way reads and changes what users send",
    fix="add the host to spec.tls, with a Secret that holds its certificate",
    scope=Scope.OBJECT,
    kinds=frozenset({"Ingress"}),
    levels=DEV_ADVISORY,
    severity=Severity.HIGH,
    standards=("NSA network separation",),
    example=Example(target="Ingress/web", path="spec.tls", value=REMOVE, unknown="spec.tls"),
)
def require_tls(ingress: Object) -> Iterator[Remark]:
    """Ask that each rule's host is in tls, by name, by its wildcard, or by an entry that lists no hosts.

    A rule without a host answers for all of them, and so asks for an entry at all. Some load balancers take the
    certificate from an annotation instead.
    """
    annotations = ingress.root["metadata"]["annotations"]
    if any(annotations[key].text() for key in CERTIFICATES):
        return
    covered: set[str] = set()
    entries = ingress.spec["tls"].elements()
    for entry in entries:
        hosts = entry["hosts"].elements()
        if not hosts:
            return  # the certificate decides
        covered |= {host.text() or "" for host in hosts}

    def host(item: Node) -> Iterator[Remark]:
        node = item["host"]
        name = node.text()
        if not name:
            if not entries:
                yield item.remark("must have a host that is in spec.tls", hide=True)
        elif name not in covered and f"*.{name.partition('.')[2]}" not in covered:
            yield node.remark("must be in spec.tls")

    yield from each(ingress.spec["rules"].elements(), host)
    if (ingress.spec["defaultBackend"].present or ingress.spec["backend"].present) and not covered:
        yield ingress.spec["tls"].remark("must be set")


@rule(
    "NET-06",
    "require-ingress-hosts",
    summary="Every rule of an Ingress names a host, without a wildcard.",
    why="a rule without a host answers for every name, those of others among them",
    fix="set host",
    scope=Scope.OBJECT,
    kinds=frozenset({"Ingress"}),
    levels=DEV_ADVISORY,
    severity=Severity.MEDIUM,
    standards=(),
    example=Example(target="Ingress/web", path="spec.rules[0].host", value="*.example.com"),
)
def require_hosts(ingress: Object) -> Iterator[Remark]:
    """Ask for a host that begins with no asterisk."""

    def host(item: Node) -> Iterator[Remark]:
        node = item["host"]
        name = node.text()
        if not name or name.startswith("*"):
            yield node.remark("must be one full host name")

    yield from each(ingress.spec["rules"].elements(), host)


@rule(
    "NET-06B",
    "require-ingress-backends-to-exist",
    summary="Every backend of an Ingress is a Service of the stack, and a port that it has.",
    why="requests to that path fail",
    fix="correct the name or the port",
    scope=Scope.STACK,
    levels=DEV_ADVISORY,
    severity=Severity.HIGH,
    standards=(),
    example=Example(target="Ingress/web", path="spec.rules[0].http.paths[0].backend.service.name", value="wbe"),
)
def require_backends(stack: Stack) -> Iterator[tuple[Object, Remark]]:
    """Ask for a Service in the same namespace with the port that is named or numbered."""

    def backends(ingress: Object) -> Iterator[Remark]:
        holders = [*(path["backend"] for _, path in _paths(ingress)), ingress.spec["defaultBackend"]]
        if ingress.api_version == "networking.k8s.io/v1":
            yield from each([*holders, ingress.spec["backend"]], old)
        yield from each([holder["service"] for holder in holders], lambda node: backend(ingress, node))

    def old(holder: Node) -> Iterator[Remark]:
        if holder["serviceName"].present or holder["servicePort"].present:
            yield holder.remark(
                "must be written as service.name and service.port, since networking.k8s.io/v1", hide=True
            )

    def backend(ingress: Object, node: Node) -> Iterator[Remark]:
        name = node["name"].text()
        if not name:
            return
        service = stack.find("Service", ingress.home, name)
        if service is None:
            yield node["name"].remark("must be a Service in the same namespace")
            return
        ports = service.spec["ports"].elements()
        number, named = node["port"]["number"], node["port"]["name"]
        if number.present and number.number() not in {port["port"].number() for port in ports}:
            yield number.remark("must be a port of the Service")
        if named.present and named.text() not in {port["name"].text() for port in ports}:
            yield named.remark("must be the name of a port of the Service")

    yield from across(stack.of("Ingress"), backends)


def _paths(ingress: Object) -> Iterator[tuple[Node, Node]]:
    """Yield each rule of an Ingress with each of its paths."""
    for item in ingress.spec["rules"].elements():
        for path in item["http"]["paths"].elements():
            yield item, path


@rule(
    "NET-06D",
    "disallow-duplicate-routes",
    summary="No two routes have the same host and path.",
    why="which of them is served depends on the controller and on their age",
    fix="remove one of them, or give it another path",
    scope=Scope.STACK,
    levels=ALWAYS,
    severity=Severity.MEDIUM,
    standards=(),
    example=Example(target="Ingress/web", path="spec.rules[0].http.paths[1].path", value="/"),
)
def disallow_duplicate_routes(stack: Stack) -> Iterator[tuple[Object, Remark]]:
    """Ask that class, host, path and its type together are there once."""
    seen: set[tuple[Any, ...]] = set()

    def routes(ingress: Object) -> Iterator[Remark]:
        # Canaries of the nginx controller repeat a route on purpose.
        annotations = ingress.root["metadata"]["annotations"]
        if annotations["nginx.ingress.kubernetes.io/canary"].text() == "true":
            return
        controller = ingress.spec["ingressClassName"].text()
        for item, path in _paths(ingress):
            route = (controller, item["host"].text(), path["path"].text() or "/", path["pathType"].text())
            if route in seen:
                yield path["path"].remark("must be routed once for each host")
            seen.add(route)

    yield from across(stack.of("Ingress"), routes)


@rule(
    "NET-07",
    "disallow-ingress-snippets",
    summary="No Ingress carries configuration of the controller's own language.",
    why="a snippet runs in the controller, which holds the certificates and the traffic of everyone",
    fix="remove the annotation; use the controller's other annotations",
    scope=Scope.OBJECT,
    kinds=frozenset({"Ingress"}),
    levels=ALWAYS,
    severity=Severity.HIGH,
    standards=(),
    example=Example(
        target="Ingress/web",
        path='metadata.annotations["nginx.ingress.kubernetes.io/configuration-snippet"]',
        value="return 200;",
        unknown="metadata.annotations",
    ),
)
def disallow_snippets(ingress: Object) -> Iterator[Remark]:
    """Ask for no annotation that is named as one, of any controller."""
    for key, node in ingress.root["metadata"]["annotations"].fields():
        if key.endswith(_SNIPPETS):
            yield node.remark("must be absent", hide=True)
