# ruff: noqa: E501  # manifests of one line are easier to compare
"""What other people's manifests and suites found in the pack: each fault with its relatives, as a check of manifests."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from moorage.policy.check import check_manifests
from moorage.policy.kinds import KINDS, served
from tests.policy.manifest_samples import (
    CONFIG,
    CRD,
    DEPLOYMENT,
    PATHS,
    SECRET,
    env,
    ingress,
    network,
    pod,
    scaler,
    thing,
    workload,
)

if TYPE_CHECKING:
    from pathlib import Path

TODAY = date(2026, 12, 1)
FAILS, PASSES = True, False
TLS, ALL = "require-ingress-tls", "disallow-allow-all-network-policies"
NAMESPACE, EXIST, TOKEN = "require-namespace", "require-references-to-exist", "disallow-token-automount"
BACKEND, PDB, SERVICE = (
    "require-ingress-backends-to-exist",
    "disallow-blocking-disruption-budgets",
    "require-services-to-match-pods",
)
TARGET, BOUNDS, LIVE = (
    "require-autoscaler-targets-to-exist",
    "require-sane-autoscaler-bounds",
    "require-liveness-probes",
)
GRACE, SPREAD, SNIPPET = "require-graceful-termination", "require-pods-to-spread", "disallow-ingress-snippets"
CRON, ACCOUNT, VERSION = (
    "require-cron-job-concurrency-policy",
    "disallow-default-service-account",
    "require-api-version",
)

CASES: list[tuple[str, str, str, bool]] = [
    # P6: where a kind lives is known from Kubernetes itself, or from the definition in the set.
    ("P6", NAMESPACE, thing("gateway.networking.k8s.io/v1", "GatewayClass"), PASSES),
    ("P6", NAMESPACE, thing("snapshot.storage.k8s.io/v1", "VolumeSnapshotClass"), PASSES),
    ("P6", NAMESPACE, thing("networking.k8s.io/v1", "IngressClass"), PASSES),
    ("P6", NAMESPACE, thing("resource.k8s.io/v1", "DeviceClass"), PASSES),
    ("P6", NAMESPACE, thing("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy"), PASSES),
    ("P6", NAMESPACE, thing("policy/v1beta1", "PodSecurityPolicy"), PASSES),
    ("P6", NAMESPACE, thing("example.com/v1", "Thing"), PASSES),
    ("P6", NAMESPACE, thing("example.com/v1", "Thing") + "---" + CRD % "Cluster", PASSES),
    ("P6", NAMESPACE, CRD % "Namespaced" + "---\n" + thing("example.com/v1", "Thing"), FAILS),
    ("P6", NAMESPACE, thing("example.com/v1", "Thing") + "---" + CRD % "Namespaced", FAILS),
    ("P6", NAMESPACE, thing("networking.k8s.io/v1", "Ingress"), FAILS),
    ("P6", NAMESPACE, thing("coordination.k8s.io/v1", "Lease"), FAILS),
    ("P6", NAMESPACE, thing("v1", "Endpoints"), FAILS),
    ("P6", NAMESPACE, thing("example.com/v1", "Thing", namespace="default"), FAILS),
    # A kind of somebody else's that has the name of one of Kubernetes' own is another kind.
    ("P6", SERVICE, thing("serving.knative.dev/v1", "Service", "{selector: {app: none}}", "shop"), PASSES),
    ("P6", ALL, thing("crd.projectcalico.org/v1", "NetworkPolicy", "{ingress: [{}]}", "shop"), PASSES),
    # Only what no API server takes is configuration of clients, and not every group that ends like one.
    ("P22", "disallow-removed-api-versions", thing("flowcontrol.apiserver.k8s.io/v1beta3", "FlowSchema"), FAILS),
    # P7
    ("P7", TLS, ingress("{rules: [{" + PATHS + "}]}"), FAILS),
    ("P7", TLS, ingress("{rules: [{host: a.example.com}, {" + PATHS + "}]}"), FAILS),
    ("P7", TLS, ingress("{defaultBackend: {service: {name: web, port: {number: 80}}}}"), FAILS),
    ("P7", TLS, ingress("{tls: [{hosts: [a.example.com]}], rules: [{host: b.example.com}]}"), FAILS),
    ("P7", TLS, ingress("{tls: [{secretName: x}], rules: [{" + PATHS + "}]}"), PASSES),
    ("P7", TLS, ingress("{tls: [{hosts: [a.example.com]}], rules: [{host: a.example.com}]}"), PASSES),
    ("P7", TLS, ingress("{rules: [{host: a.example.com}]}", annotations="{alb.ingress.kubernetes.io/certificate-arn: 'arn:x'}"), PASSES),
    # P8
    ("P8", ALL, network("egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0}}]}]"), FAILS),
    ("P8", ALL, network("egress: [{to: [{ipBlock: {cidr: '::/0'}}]}]"), FAILS),
    ("P8", ALL, network("egress: [{to: [{ipBlock: {cidr: 0.0.0.0/1}}, {ipBlock: {cidr: 128.0.0.0/1}}]}]"), FAILS),
    ("P8", ALL, network("ingress: [{from: [{namespaceSelector: {}}]}]"), FAILS),
    ("P8", ALL, network("ingress: [{from: [{namespaceSelector: {}, podSelector: {}}]}]"), FAILS),
    ("P8", ALL, network("ingress: [{from: [{podSelector: {matchLabels: {a: b}}}, {namespaceSelector: {matchLabels: {}}}]}]"), FAILS),
    ("P8", ALL, network("ingress: [{ports: [{protocol: TCP}]}]"), FAILS),
    ("P8", ALL, network("egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0}}], ports: [{port: 1, endPort: 65535}]}]"), FAILS),
    ("P8", ALL, network("egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0}}], ports: [{port: 443}]}]"), PASSES),
    ("P8", ALL, network("egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0, except: [10.0.0.0/8]}}]}]"), PASSES),
    ("P8", ALL, network("egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8}}]}]"), PASSES),
    ("P8", ALL, network("ingress: [{from: [{podSelector: {}}]}]"), PASSES),
    ("P8", ALL, network("ingress: [{from: [{namespaceSelector: {matchLabels: {a: b}}}]}]"), PASSES),
    ("P8", ALL, network("egress: [{to: [{namespaceSelector: {}}], ports: [{port: 53, protocol: UDP}]}]"), PASSES),
    # P11
    ("P11", TOKEN, "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: web, namespace: shop}\nautomountServiceAccountToken: false\n---\n"
     + workload("{serviceAccountName: web, containers: []}"), PASSES),
    ("P11", TOKEN, workload("{serviceAccountName: web, containers: []}")
     + "---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {name: web, namespace: shop}\nautomountServiceAccountToken: false\n", PASSES),
    ("P11", TOKEN, "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: default, namespace: shop}\nautomountServiceAccountToken: false\n---\n"
     + workload("{containers: []}"), PASSES),
    ("P11", TOKEN, "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: web, namespace: shop}\nautomountServiceAccountToken: false\n---\n"
     + workload("{serviceAccountName: web, automountServiceAccountToken: true, containers: []}"), FAILS),
    ("P11", TOKEN, "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: web, namespace: other}\nautomountServiceAccountToken: false\n---\n"
     + workload("{serviceAccountName: web, containers: []}"), FAILS),
    # P12
    ("P12", EXIST, SECRET + "---\n" + env("secret", "db", "passwrod"), FAILS),
    ("P12", EXIST, SECRET + "---\n" + env("secret", "db", "password"), PASSES),
    ("P12", EXIST, SECRET + "---\n" + env("secret", "db", "passwrod", ", optional: true"), PASSES),
    ("P12", EXIST, CONFIG + "---\n" + env("configMap", "conf", "LEVLE"), FAILS),
    ("P12", EXIST, CONFIG + "---\n" + workload("{volumes: [{name: a, configMap: {name: conf, items: [{key: no, path: x}]}}]}"), FAILS),
    ("P12", EXIST, SECRET + "---\n" + workload(
        "{volumes: [{name: a, projected: {sources: [{secret: {name: db, items: [{key: no, path: x}]}}]}}]}"), FAILS),
    ("P12", EXIST, SECRET.replace("stringData: {password: x}", "type: Opaque") + "---\n" + env("secret", "db", "any"), PASSES),
    # P13
    ("P13", ACCOUNT, workload("{serviceAccount: web, containers: []}"), PASSES),
    ("P13", ACCOUNT, workload("{serviceAccount: default, containers: []}"), FAILS),
    ("P13", EXIST, workload("{serviceAccount: missing, containers: []}"), FAILS),
    ("P13", EXIST, workload("{serviceAccount: default, containers: []}"), PASSES),
    # P14
    ("P14", TARGET, DEPLOYMENT.replace("shop", "default") + scaler("maxReplicas: 3", namespace=None), PASSES),
    ("P14", TARGET, DEPLOYMENT.replace(", namespace: shop", "") + scaler("maxReplicas: 3", namespace="default"), PASSES),
    ("P14", SERVICE, DEPLOYMENT.replace("shop", "default") + thing("v1", "Service", "{selector: {app: web}}"), PASSES),
    ("P14", TARGET, DEPLOYMENT + scaler("maxReplicas: 3", namespace=None), FAILS),
    # P15
    ("P15", BACKEND, ingress("{rules: [{http: {paths: [{backend: {serviceName: web, servicePort: 80}}]}}]}"), FAILS),
    ("P15", BACKEND, ingress("{backend: {serviceName: web, servicePort: 80}}"), FAILS),
    ("P15", BACKEND, ingress("{defaultBackend: {serviceName: web}}"), FAILS),
    ("P15", BACKEND, ingress("{rules: [{http: {paths: [{backend: {serviceName: web}}]}}]}", "networking.k8s.io/v1beta1"), PASSES),
    # P16
    ("P16", PDB, thing("policy/v1", "PodDisruptionBudget", "{minAvailable: 100%, selector: {}}", "shop"), FAILS),
    ("P16", PDB, thing("policy/v1", "PodDisruptionBudget", "{maxUnavailable: 0%, selector: {}}", "shop"), FAILS),
    ("P16", PDB, thing("policy/v1", "PodDisruptionBudget", "{maxUnavailable: -1, selector: {}}", "shop"), FAILS),
    ("P16", PDB, thing("policy/v1", "PodDisruptionBudget", "{minAvailable: 50%, selector: {}}", "shop"), PASSES),
    ("P16", PDB, thing("policy/v1", "PodDisruptionBudget", "{minAvailable: 1, selector: {}}", "shop"), PASSES),
    # P17
    ("P17", EXIST, workload("{volumes: [{name: a, configMap: {name: kube-root-ca.crt}}]}"), PASSES),
    ("P17", EXIST, workload("{volumes: [{name: a, projected: {sources: [{configMap: {name: kube-root-ca.crt}}]}}]}"), PASSES),
    ("P17", EXIST, workload("{serviceAccountName: default}"), PASSES),
    ("P17", EXIST, thing("cert-manager.io/v1", "Certificate", "{secretName: web-tls}", "shop") + "---\n"
     + workload("{volumes: [{name: a, secret: {secretName: web-tls}}]}"), PASSES),
    ("P17", EXIST, thing("external-secrets.io/v1", "ExternalSecret", "{}", "shop", name="db") + "---\n" + env("secret", "db", "any"), PASSES),
    ("P17", EXIST, thing("bitnami.com/v1alpha1", "SealedSecret", "{}", "shop", name="db") + "---\n" + env("secret", "db", "any"), PASSES),
    ("P17", EXIST, thing("bitnami.com/v1alpha1", "SealedSecret", "{}", "other", name="db") + "---\n" + env("secret", "db", "any"), FAILS),
    ("P17", EXIST, thing("cert-manager.io/v1", "Certificate", "{secretName: other}", "shop") + "---\n"
     + workload("{volumes: [{name: a, secret: {secretName: web-tls}}]}"), FAILS),
    ("P17", SERVICE, workload("{containers: []}", "StatefulSet") + "---\n"
     + thing("v1", "Service", "{selector: {app: web, statefulset.kubernetes.io/pod-name: web-0}}", "shop"), PASSES),
    ("P17", SERVICE, workload("{containers: []}", "StatefulSet") + "---\n"
     + thing("v1", "Service", "{selector: {statefulset.kubernetes.io/pod-name: web-0, app: wbe}}", "shop"), FAILS),
    ("P17", SERVICE, "apiVersion: monitoring.coreos.com/v1\nkind: Prometheus\nmetadata: {name: k8s, namespace: shop, labels: {app: prom}}\n"
      "---\n" + thing("v1", "Service", "{selector: {app: prom}}", "shop"), PASSES),
    ("P17", SERVICE, "apiVersion: monitoring.coreos.com/v1\nkind: Prometheus\nmetadata: {name: k8s, namespace: shop, labels: {app: prom}}\n"
      "---\n" + thing("v1", "Service", "{selector: {app: other}}", "shop"), FAILS),
    ("P17", "require-binding-roles-to-exist", ("apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\n"
     "metadata: {name: x, namespace: kube-system}\nroleRef: {kind: Role, name: extension-apiserver-authentication-reader}\n"), PASSES),
    # P25
    ("P25", LIVE, workload("{initContainers: [{name: s, restartPolicy: Always}], containers: []}"), FAILS),
    ("P25", LIVE, workload("{initContainers: [{name: s}], containers: []}"), PASSES),
    ("P25", GRACE, workload("{containers: [{name: c, lifecycle: {preStop: {exec: {command: [sleep, '60']}}}}]}"), FAILS),
    ("P25", GRACE, workload("{containers: [{name: c, lifecycle: {preStop: {exec: {command: [sh, -c, 'sleep 1m; nginx -s quit']}}}}]}"), FAILS),
    ("P25", GRACE, workload("{containers: [{name: c, lifecycle: {preStop: {exec: {command: [/bin/sh, -c, '/bin/sleep 15 && sleep 15']}}}}]}"), FAILS),
    ("P25", GRACE, workload("{containers: [{name: c, lifecycle: {preStop: {exec: {command: [sleep, '10']}}}}]}"), PASSES),
    ("P25", GRACE, workload(
        "{terminationGracePeriodSeconds: 90, containers: [{name: c, lifecycle: {preStop: {exec: {command: [sleep, '60']}}}}]}"), PASSES),
    # P26
    ("P26", SPREAD, DEPLOYMENT.replace("spec:\n  sel", "spec:\n  replicas: 2\n  sel").replace(
        "      containers", "      affinity: {podAntiAffinity: {}}\n      containers"), FAILS),
    ("P26", SPREAD, DEPLOYMENT.replace("spec:\n  sel", "spec:\n  replicas: 2\n  sel").replace(
        "      containers", "      affinity: {podAntiAffinity: {preferredDuringSchedulingIgnoredDuringExecution: []}}\n      containers"), FAILS),
    ("P26", SPREAD, DEPLOYMENT.replace("spec:\n  sel", "spec:\n  replicas: 2\n  sel").replace("      containers",
        "      affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: a}]}}\n      containers"), PASSES),
    ("P26", VERSION, "kind: ConfigMap\nmetadata: {name: x, namespace: shop}\n", FAILS),
    ("P26", VERSION, "apiVersion: v1\nkind: List\nitems: [{kind: Service, metadata: {name: x}}]\n", PASSES),
    ("P26", SNIPPET, ingress("{}", annotations="{nginx.org/server-snippets: x}"), FAILS),
    ("P26", SNIPPET, ingress("{}", annotations="{nginx.org/location-snippets: x}"), FAILS),
    ("P26", SNIPPET, ingress("{}", annotations="{nginx.ingress.kubernetes.io/auth-snippet: x}"), FAILS),
    ("P26", SNIPPET, ingress("{}", annotations="{haproxy-ingress.github.io/config-backend: x}"), FAILS),
    ("P26", SNIPPET, ingress("{}", annotations="{nginx.org/proxy-read-timeout: 20s}"), PASSES),
    # P28
    ("P28", BOUNDS, scaler("minReplicas: 0, maxReplicas: 3"), FAILS),
    ("P28", BOUNDS, scaler("maxReplicas: 3"), PASSES),
    ("P28", CRON, thing("batch/v1", "CronJob", "{concurrencyPolicy: Allow, startingDeadlineSeconds: 60}", "shop"), FAILS),
    ("P28", CRON, thing("batch/v1", "CronJob", "{concurrencyPolicy: Replace, startingDeadlineSeconds: 60}", "shop"), PASSES),
    ("P28", TARGET, DEPLOYMENT + scaler("maxReplicas: 3, targetCPUUtilizationPercentage: 80", "autoscaling/v1"), PASSES),
    ("P28", TARGET, DEPLOYMENT.replace("cpu: 1", "memory: 1") + scaler("maxReplicas: 3, targetCPUUtilizationPercentage: 80", "autoscaling/v1"), FAILS),
    ("P28", TARGET, DEPLOYMENT + scaler("metrics: [{type: ContainerResource, containerResource: "
     "{name: memory, container: web, target: {type: Utilization}}}]"), FAILS),
    ("P28", TARGET, DEPLOYMENT + scaler("metrics: [{type: ContainerResource, containerResource: "
     "{name: cpu, container: wbe, target: {type: Utilization}}}]"), FAILS),
    ("P28", TARGET, DEPLOYMENT + scaler("metrics: [{type: ContainerResource, containerResource: "
     "{name: cpu, container: web, target: {type: Utilization}}}]"), PASSES),
    ("P28", TARGET, workload("{containers: []}", "Rollout", version="argoproj.io/v1alpha1") + "---\n"
     + thing("autoscaling/v2", "HorizontalPodAutoscaler",
             "{scaleTargetRef: {apiVersion: argoproj.io/v1alpha1, kind: Rollout, name: web}, maxReplicas: 3}", "shop"), PASSES),
]  # fmt: skip


@pytest.mark.parametrize(
    ("row", "name", "text", "fails"), CASES, ids=[f"{c[0]}-{c[1]}-{i}" for i, c in enumerate(CASES)]
)
def test_a_kind_of_fault_is_judged_rightly(row: str, name: str, text: str, *, fails: bool, tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text(text)
    report = check_manifests([file], config={"all": "disabled", name: "mandatory"}, today=TODAY)
    assert report.unreadable == ()
    assert ({item.violation.rule.name for item in report.results} == {name}) == fails, row


@pytest.mark.parametrize("day", ["9999-12-31", "2032-12-31"])
def test_an_exemption_that_never_ends_is_a_violation(day: str, tmp_path: Path) -> None:
    note = f"metadata: {{name: p, namespace: shop, annotations: {{policy.moorage.dev/disallow-bare-pods: 'until {day}: it is a test pod'}}}}"
    (tmp_path / "x.yaml").write_text(pod("{containers: []}").replace("metadata: {name: p, namespace: shop}", note))
    config: dict[str, Any] = {
        "all": "disabled",
        "disallow-bare-pods": "mandatory",
        "require-valid-exemptions": "mandatory",
    }
    report = check_manifests([tmp_path], config=config, today=TODAY)
    (blocking,) = (item for item in report.results if item.blocks)
    assert blocking.violation.rule.name == "require-valid-exemptions"
    assert "must end within five years" in blocking.violation.message


def test_an_exemption_of_a_few_years_holds(tmp_path: Path) -> None:
    listed = [
        {"policy": "disallow-bare-pods", "object": "Pod/p", "reason": "it is a test pod", "expires": "2030-01-31"}
    ]
    (tmp_path / "x.yaml").write_text(pod("{containers: []}"))
    config: dict[str, Any] = {
        "all": "disabled",
        "disallow-bare-pods": "mandatory",
        "require-valid-exemptions": "mandatory",
    }
    assert check_manifests([tmp_path], config=config, exemptions=listed, today=TODAY).exit_status == 0


def test_a_remark_on_a_whole_object_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(pod("{containers: []}"))
    (result,) = check_manifests([tmp_path], config={"all": "disabled", "disallow-bare-pods": "mandatory"}).results
    assert result.violation.message.startswith("Pod/p in shop must be made by a workload.")


def test_every_sentence_of_the_whole_pack_has_a_subject(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("\n---\n".join(case[2] for case in CASES))
    messages = [item.violation.message for item in check_manifests([tmp_path], today=TODAY).results]
    assert len(messages) > 300
    assert not [message for message in messages if ":  " in message or ": must" in message.partition("\n")[0]]


def test_discovery_is_read_in_both_of_its_forms() -> None:
    whole = {"items": [{"metadata": {"name": "a.b"}, "versions": [{"resources": [
        {"responseKind": {"kind": "Thing"}, "scope": "Cluster"}]}]}]}  # fmt: skip
    single = {"groupVersion": "v1", "resources": [
        {"name": "pods", "kind": "Pod", "namespaced": True}, {"name": "pods/log", "kind": "Pod", "namespaced": True}]}  # fmt: skip
    assert list(served(whole)) == [("a.b", "Thing", "Cluster")]
    assert list(served(single)) == [("", "Pod", "Namespaced")]
    assert KINDS[""]["Pod"] == "Namespaced"
    assert yaml.__with_libyaml__
