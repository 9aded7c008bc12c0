"""Services and network policies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ..examples import CONTAINER, Example
from ..judge import across, each
from ..registry import ADVICE, DEV_ADVISORY, Scope, Severity, rule
from ..selectors import selects_all
from ..tree import UnknownError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..objects import Container, Object
    from ..stack import Stack
    from ..tree import Node, Remark

DIRECTIONS: Final = ("Ingress", "Egress")


@rule(
    "NET-03",
    "disallow-exposed-services",
    summary="No Service is of type NodePort or LoadBalancer, nor has external addresses.",
    why="each opens a way into the cluster past the Ingress, its TLS and its logs; an external IP can take over another's traffic",
    fix="use type ClusterIP and an Ingress, or list the Service in allowedLoadBalancers",
    scope=Scope.OBJECT,
    kinds=frozenset({"Service"}),
    levels=DEV_ADVISORY,
    severity=Severity.MEDIUM,
    standards=("NSA network separation",),
    settings={"allowedLoadBalancers": {"type": "array", "items": {"type": "string"}, "default": []}},
    example=Example(target="Service/web", path="spec.type", value="NodePort"),
)
def disallow_exposed(service: Object, settings: Mapping[str, Any]) -> Iterator[Remark]:
    """Ask for another type, but for LoadBalancers that are listed by name, and for no externalIPs."""
    kind, addresses = service.spec["type"], service.spec["externalIPs"]
    listed = service.name in settings["allowedLoadBalancers"]
    if kind.text() == "NodePort" or (kind.text() == "LoadBalancer" and not listed):
        yield kind.remark("must be ClusterIP")
    if addresses.elements():
        yield addresses.remark("must be absent")


@rule(
    "NET-04",
    "require-services-to-match-pods",
    summary="A Service's selector fits pods of the stack, and a target port given by name is a port of theirs.",
    why="otherwise every request to the Service fails",
    fix="correct the selector, or the targetPort",
    scope=Scope.STACK,
    levels=DEV_ADVISORY,
    severity=Severity.HIGH,
    standards=(),
    example=Example(target="Service/web", path='spec.selector["app.kubernetes.io/name"]', value="wbe"),
)
def require_matching_services(stack: Stack) -> Iterator[tuple[Object, Remark]]:
    """Ask for a pod that is selected, and that a targetPort by name is declared by one of them."""

    def matching(service: Object) -> Iterator[Remark]:
        selector = service.spec["selector"]
        if service.spec["type"].text() == "ExternalName" or not selector.fields():
            return
        pods = stack.matching(service)
        if not pods and stack.made_elsewhere(service):
            return
        if not pods:
            yield selector.remark("must fit the labels of a pod in the same namespace", hide=True)
            return
        for port in service.spec["ports"].elements():
            node = port["targetPort"]
            target = node.scalar()
            if isinstance(target, str) and not target.isdigit():
                containers = [container for pod in pods for container in pod.of("containers", "initContainers")]
                declared = {item["name"].text() for container in containers for item in container["ports"].elements()}
                if target not in declared:
                    yield node.remark("must be the name of a port of the selected pods")

    yield from across(stack.of("Service"), matching)


@rule(
    "NET-08",
    "disallow-privileged-ports",
    summary="Containers listen on ports above 1023.",
    why="lower ports need root or a capability",
    fix="listen on a higher port; the Service maps it to any port you like",
    scope=Scope.CONTAINER,
    levels=ADVICE,
    severity=Severity.LOW,
    standards=(),
    example=Example(path=f"{CONTAINER}.ports[0].containerPort", value=80),
)
def disallow_privileged_ports(container: Container) -> Iterator[Remark]:
    """Ask for a containerPort of 1024 or more."""

    def port(item: Node) -> Iterator[Remark]:
        node = item["containerPort"]
        number = node.number()
        if number is not None and number < 1024:
            yield node.remark("must be 1024 or more")

    yield from each(container["ports"].elements(), port)


@rule(
    "NET-01",
    "isolate-pods",
    summary="Every pod is selected by network policies for both directions.",
    why="a pod that no policy selects may reach, and be reached from, everything in the cluster",
    fix="add a NetworkPolicy that selects the pod, with policyTypes [Ingress, Egress] and what it needs",
    scope=Scope.STACK,
    levels=DEV_ADVISORY,
    severity=Severity.MEDIUM,
    standards=("CIS 5.3.2", "NSA network separation"),
    example=Example(target="NetworkPolicy/default-deny", path="spec.policyTypes", value=["Ingress"]),
)
def isolate_pods(stack: Stack) -> Iterator[tuple[Object, Remark]]:
    """Ask that policies select the pod for Ingress and for Egress; a pod on the node's network has none."""
    selecting, unknown = stack.selecting("NetworkPolicy")

    def isolated(about: Object) -> Iterator[Remark]:
        pod = about.pod
        if pod is None or pod.spec["hostNetwork"].boolean():
            return
        directions = {direction for item in selecting.get(pod, ()) for direction in policy_types(item)}
        missing = [direction for direction in DIRECTIONS if direction not in directions]
        if missing and unknown is not None:
            raise UnknownError(unknown)
        if missing:
            yield pod.metadata["labels"].remark(
                f"must be selected by a NetworkPolicy for {' and '.join(missing)}", hide=True
            )

    yield from across((pod.owner for pod in stack.pods), isolated)


def policy_types(policy: Object) -> tuple[str, ...]:
    """Return the directions that a NetworkPolicy isolates; without policyTypes, Egress only where it has rules."""
    given = tuple(item.text() or "" for item in policy.spec["policyTypes"].elements())
    return given or (DIRECTIONS if policy.spec["egress"].elements() else ("Ingress",))


@rule(
    "NET-02",
    "disallow-allow-all-network-policies",
    summary="No network policy is open to every address or every namespace, on all ports.",
    why="rules add up: one that allows everything undoes all others",
    fix="name the peers, or the ports, that are needed; leave out what is private with ipBlock.except",
    scope=Scope.OBJECT,
    kinds=frozenset({"NetworkPolicy"}),
    levels=DEV_ADVISORY,
    severity=Severity.MEDIUM,
    standards=("CIS 5.3.2",),
    example=Example(target="NetworkPolicy/web", path="spec.ingress[0]", value={}),
)
def disallow_allow_all(policy: Object) -> Iterator[Remark]:
    """Ask that no rule is open to every address or every namespace on every port."""

    def everything(node: Node) -> Iterator[Remark]:
        peers = [*node["from"].elements(), *node["to"].elements()]
        if not _all_ports(node["ports"].elements()):
            return
        if not peers:
            yield node.remark("must name peers or ports", hide=True)
        halves = {peer["ipBlock"]["cidr"].text() for peer in peers}
        for peer in peers:
            if _everyone(peer) or ("0.0.0.0/1" in halves and peer["ipBlock"]["cidr"].text() == "128.0.0.0/1"):
                yield peer.remark("must not be everybody, or the rule must name ports", hide=True)

    yield from each([*policy.spec["ingress"].elements(), *policy.spec["egress"].elements()], everything)


def _everyone(peer: Node) -> bool:
    """Tell whether a peer is every address, or every pod of every namespace."""
    block, namespaces, pods = peer["ipBlock"], peer["namespaceSelector"], peer["podSelector"]
    if block.present:
        return (block["cidr"].text() or "").strip() in {"0.0.0.0/0", "::/0", "0::/0"} and not block["except"].elements()
    return namespaces.present and selects_all(namespaces) and (not pods.present or selects_all(pods))


def _all_ports(ports: tuple[Node, ...]) -> bool:
    """Tell whether ports leave out none: there are none, or one of them has no number or ends where all numbers do."""

    def every(item: Node) -> bool:
        port, end = item["port"].scalar(), item["endPort"].integer()
        return port is None or (not isinstance(port, str) and port <= 1 and end is not None and end >= 65535)

    return not ports or any(every(item) for item in ports)


@rule(
    "NET-02D",
    "require-network-policies-to-match-pods",
    summary="A network policy selects pods of the stack.",
    why="a selector with a slip protects nothing, and nothing says so",
    fix="correct podSelector",
    scope=Scope.STACK,
    levels=DEV_ADVISORY,
    severity=Severity.MEDIUM,
    standards=(),
    example=Example(
        target="NetworkPolicy/web", path='spec.podSelector.matchLabels["app.kubernetes.io/name"]', value="wbe"
    ),
)
def require_matching_policies(stack: Stack) -> Iterator[tuple[Object, Remark]]:
    """Ask for a pod that is selected, of each policy that does not select all."""

    def matching(policy: Object) -> Iterator[Remark]:
        selector = policy.spec["podSelector"]
        if not selects_all(selector) and not stack.matching(policy) and not stack.made_elsewhere(policy):
            yield selector.remark("must fit the labels of a pod in the same namespace", hide=True)

    yield from across(stack.of("NetworkPolicy"), matching)
