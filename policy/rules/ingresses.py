"""Ingresses: hosts, paths, TLS and what they lead to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from policy.examples import REMOVE, Example
from policy.judge import across, each
from policy.registry import ALWAYS, DEV_ADVISORY, Scope, Severity, rule
from policy.selectors import namespace_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policy.objects import Object
    from policy.stack import Stack
    from policy.tree import Node, Remark


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
    """Ask that each rule's host is in tls, by name, by its wildcard, or by an entry that lists no hosts."""
    covered: set[str] = set()
    for entry in ingress.spec["tls"].elements():
        hosts = entry["hosts"].elements()
        if not hosts:
            return  # the certificate decides
        covered |= {host.text() or "" for host in hosts}

    def host(item: Node) -> Iterator[Remark]:
        node = item["host"]
        name = node.text()
        if name and name not in covered and f"*.{name.partition('.')[2]}" not in covered:
            yield node.remark("must be in spec.tls")

    yield from each(ingress.spec["rules"].elements(), host)
    if ingress.spec["defaultBackend"].present and not covered:
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
        paths = [path for _, path in _paths(ingress)]
        nodes = [path["backend"]["service"] for path in paths]
        yield from each([*nodes, ingress.spec["defaultBackend"]["service"]], lambda node: backend(ingress, node))

    def backend(ingress: Object, node: Node) -> Iterator[Remark]:
        name = node["name"].text()
        if not name:
            return
        service = stack.find("Service", namespace_of(ingress.root), name)
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
    """Ask for no annotation whose name ends in -snippet."""
    for key, node in ingress.root["metadata"]["annotations"].fields():
        if key.endswith("-snippet"):
            yield node.remark("must be absent", hide=True)
