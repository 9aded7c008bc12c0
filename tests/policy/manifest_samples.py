"""Manifests for tests of the checks: whole ones, and builders of one object each."""

from __future__ import annotations

POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: shop}\nspec: {hostNetwork: true, containers: []}\n"
HOST = {"all": "disabled", "disallow-host-namespaces": "mandatory"}
DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - {name: web, image: "x:1", resources: {requests: {cpu: 1}}, ports: [{name: http, containerPort: 8080}]}
---
"""


def ingress(spec: str, version: str = "networking.k8s.io/v1", annotations: str = "{}") -> str:
    return f"apiVersion: {version}\nkind: Ingress\nmetadata: {{name: x, namespace: shop, annotations: {annotations}}}\nspec: {spec}\n"


def network(spec: str) -> str:
    head = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: x, namespace: shop}\n"
    return f"{head}spec: {{podSelector: {{}}, {spec}}}\n"


def thing(version: str, kind: str, spec: str = "{}", namespace: str | None = None, **fields: str) -> str:
    where = f", namespace: {namespace}" if namespace else ""
    lines = [f"apiVersion: {version}", f"kind: {kind}", f"metadata: {{name: {fields.pop('name', 'x')}{where}}}"]
    return "\n".join([*lines, *(f"{key}: {value}" for key, value in fields.items()), f"spec: {spec}"]) + "\n"


def pod(spec: str, kind: str = "Pod") -> str:
    return f"apiVersion: v1\nkind: {kind}\nmetadata: {{name: p, namespace: shop}}\nspec: {spec}\n"


def workload(extra: str, kind: str = "Deployment", name: str = "web", version: str = "apps/v1") -> str:
    return (
        f"apiVersion: {version}\nkind: {kind}\nmetadata: {{name: {name}, namespace: shop}}\nspec:\n  template:\n"
        f"    metadata: {{labels: {{app: web}}}}\n    spec: {extra}\n"
    )


CRD = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.example.com}
spec: {group: example.com, scope: %s, names: {kind: Thing, plural: things}}
"""
SECRET = "apiVersion: v1\nkind: Secret\nmetadata: {name: db, namespace: shop}\nstringData: {password: x}\n"
CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: conf, namespace: shop}\ndata: {LEVEL: info}\n"
PATHS = "http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}"


def env(kind: str, name: str, key: str, extra: str = "") -> str:
    reference = f"{{name: {name}, key: {key}{extra}}}"
    return workload(f"{{containers: [{{name: c, env: [{{name: A, valueFrom: {{{kind}KeyRef: {reference}}}}}]}}]}}")


def scaler(spec: str, version: str = "autoscaling/v2", namespace: str | None = "shop", name: str = "web") -> str:
    target = f"scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: {name}}}"
    return thing(version, "HorizontalPodAutoscaler", f"{{{target}, {spec}}}", namespace)
