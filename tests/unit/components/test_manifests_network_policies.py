"""Manifests of network policies, the ingress and the namespace, without an engine."""

from __future__ import annotations

import re

from moorage.components.manifests import network_policies as network
from moorage.components.manifests import routing
from tests.unit.component_samples import BACKEND, DATABASE, WORKER


def test_the_default_policy_selects_every_pod_and_opens_nothing() -> None:
    assert network.default_deny(BACKEND)["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_names_may_be_resolved_by_the_clusters_name_servers_and_nothing_else_there() -> None:
    (rule,) = network.allow_dns(BACKEND)["spec"]["egress"]
    ports = {(port["protocol"], port["port"]) for port in rule["ports"]}
    assert ports == {("UDP", 53), ("TCP", 53), ("UDP", 5353), ("TCP", 5353)}
    (servers,) = rule["to"]
    assert servers["namespaceSelector"] == {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}
    assert servers["podSelector"] == {"matchLabels": {"k8s-app": "kube-dns"}}


def test_a_flow_opens_exactly_its_port_on_both_sides() -> None:
    flows = [network.Flow(source=BACKEND, target=DATABASE, port=5432)]
    out = network.workload_policy(BACKEND, flows)
    into = network.workload_policy(DATABASE, flows)
    assert out is not None
    assert into is not None
    port = [{"protocol": "TCP", "port": 5432}]
    assert out["spec"]["egress"] == [{"to": [{"podSelector": {"matchLabels": DATABASE.selector()}}], "ports": port}]
    assert out["spec"]["policyTypes"] == ["Egress"]
    assert into["spec"]["ingress"] == [{"from": [{"podSelector": {"matchLabels": BACKEND.selector()}}], "ports": port}]
    assert into["spec"]["policyTypes"] == ["Ingress"]
    assert network.workload_policy(WORKER, flows) is None


def test_a_routed_service_lets_in_the_controllers_namespace_alone() -> None:
    policy = network.workload_policy(BACKEND, [], routed_port=8000, controller_namespace="ingress")
    assert policy is not None
    (rule,) = policy["spec"]["ingress"]
    assert rule["from"] == [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress"}}}]
    assert rule["ports"] == [{"protocol": "TCP", "port": 8000}]


def test_the_longest_path_of_a_host_comes_first() -> None:
    routes = [
        routing.PathRoute(host="harbour.example", path="/", service="frontend"),
        routing.PathRoute(host="harbour.example", path="/api", service="backend"),
        routing.PathRoute(host="other.example", path="/", service="other"),
    ]
    spec = routing.ingress(BACKEND, routes, class_name="nginx", annotations={}, tls_secret="certificate")["spec"]
    assert [rule["host"] for rule in spec["rules"]] == ["harbour.example", "other.example"]
    first = spec["rules"][0]["http"]["paths"]
    assert [(path["path"], path["backend"]["service"]["name"]) for path in first] == [
        ("/api", "backend"),
        ("/", "frontend"),
    ]
    assert spec["tls"] == [{"hosts": ["harbour.example", "other.example"], "secretName": "certificate"}]


def test_an_ingress_without_certificate_says_nothing_of_tls() -> None:
    routes = [routing.PathRoute(host="harbour.example", path="/", service="frontend")]
    manifest = routing.ingress(BACKEND, routes, class_name="nginx", annotations={"a": "b"})
    assert "tls" not in manifest["spec"]
    assert manifest["metadata"]["annotations"]["a"] == "b"


def test_the_namespace_enforces_the_restricted_level() -> None:
    labels = routing.namespace("harbour-dev", BACKEND)["metadata"]["labels"]
    for mode in ("enforce", "audit", "warn"):
        assert labels[f"pod-security.kubernetes.io/{mode}"] == "restricted"
    assert re.fullmatch(r"v1\.\d+", labels["pod-security.kubernetes.io/enforce-version"])
