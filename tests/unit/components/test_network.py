"""Which flows are open in a stack: those that services need, in both directions, and no others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moorage.components.network import Network, NetworkArgs
from moorage.config.service import Service
from tests.unit.component_samples import WEB_YAML, scope
from tests.unit.program_samples import run_program
from tests.unit.pulumi_mocks import Recording, record

if TYPE_CHECKING:
    from pathlib import Path

NAME = "app.kubernetes.io/name"
CONTROLLER = "ingress"


def flows(stack: Recording) -> tuple[set[tuple[str, str, int]], set[tuple[str, str, int]]]:
    """Return the flows that policies open for going out and for coming in, as source, target and port."""
    out, into = set(), set()
    for policy in stack.of("NetworkPolicy"):
        spec = policy.inputs["spec"]
        owner = spec["podSelector"].get("matchLabels", {}).get(NAME)
        if owner is None:
            continue
        out |= {(owner, peer, port) for rule in spec.get("egress", []) for peer, port in peers(rule, "to")}
        into |= {(peer, owner, port) for rule in spec.get("ingress", []) for peer, port in peers(rule, "from")}
    return out, into


def peers(rule: dict[str, Any], key: str) -> list[tuple[str, int]]:
    """Return the peers and ports of a rule; a namespace stands as ``namespace:NAME``."""
    assert rule[key], "a rule without peers is open to everyone"
    assert rule["ports"], "a rule without ports opens all of them"
    names = []
    for peer in rule[key]:
        if "podSelector" in peer:
            names.append(peer["podSelector"]["matchLabels"][NAME])
        else:
            names.append("namespace:" + peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"])
    return [(name, int(port["port"])) for name in names for port in rule["ports"]]


def test_exactly_the_needed_flows_are_open(tmp_path: Path) -> None:
    stack = run_program(tmp_path)
    out, into = flows(stack)
    needed = {
        ("backend", "postgres", 5432),
        ("backend", "redis", 6379),
        ("worker", "redis", 6379),
        ("worker", "backend", 8000),
        ("frontend", "backend", 8000),
    }
    assert out == needed
    assert into == needed | {("namespace:ingress", "backend", 8000), ("namespace:ingress", "frontend", 8080)}


def test_everything_else_is_refused_in_both_directions(tmp_path: Path) -> None:
    deny = run_program(tmp_path).one("NetworkPolicy", "network-default-deny").inputs["spec"]
    assert deny == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_the_controllers_namespace_is_the_stacks_own_where_it_is_set(tmp_path: Path) -> None:
    ingress = {"host": "harbour.example", "controllerNamespace": "traefik"}
    _, into = flows(run_program(tmp_path, settings={"ingress": ingress}))
    assert ("namespace:traefik", "frontend", 8080) in into


@settings(deadline=None, max_examples=50)
@given(st.data())
def test_for_any_needs_the_open_flows_are_those_needs(data: st.DataObject) -> None:
    names = [f"s{index}" for index in range(data.draw(st.integers(1, 5)))]
    choices = ("postgres", "redis", *names)
    services = []
    for index, name in enumerate(names):
        needs = data.draw(st.lists(st.sampled_from(choices), unique=True))
        service = {**WEB_YAML, "name": name, "port": 8000 + index, "needs": [need for need in needs if need != name]}
        services.append(Service.model_validate({**service, "route": data.draw(st.sampled_from([None, {}]))}))
    ports = {"postgres": 5432, "redis": 6379, **{service.name: service.port for service in services}}
    args = NetworkArgs(scope=scope(), services=services, controller_namespace=CONTROLLER)
    out, into = flows(record(lambda: Network("network", args)))
    needed = {(service.name, need, ports[need]) for service in services for need in service.needs}
    routed = {(f"namespace:{CONTROLLER}", service.name, service.port) for service in services if service.route}
    assert out == needed
    assert into == needed | routed


@pytest.mark.parametrize("preview", [True, False])
def test_policies_are_the_same_in_a_preview(tmp_path: Path, preview: bool) -> None:
    stack = run_program(tmp_path, preview=preview)
    assert len(stack.of("NetworkPolicy")) == 7
