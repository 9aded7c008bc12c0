"""Where the ingress controller of a stack's IngressClass really runs, found by asking the cluster."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from moorage.base.errors import Problem
from moorage.engine import kubectl

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from moorage.config.project import Project
    from moorage.engine.session import Session

_RELEASE_NAMESPACE = "meta.helm.sh/release-namespace"
_NAME_LABELS = ("app.kubernetes.io/name", "app.kubernetes.io/component", "app", "name", "k8s-app")
_GENERIC = frozenset({"io", "com", "org", "net", "k8s", "kubernetes", "ingress", "controller", "gateway", "api"})
"""Words of a controller's name that say nothing about which one it is."""
_WEB_SERVERS = frozenset({"nginx", "haproxy", "envoy"})
"""Programs that are controllers, and much else in a cluster."""
_TELLING = 5
"""Letters of a word that is not found within others by chance."""


def misplaced(session: Session, project: Project) -> Problem | None:
    """Return the problem where the controller's pods run in another namespace than the network policies let in.

    None where they run there, where none can be found, and where the stack has no network policies.
    """
    if not project.settings.network_policies:
        return None
    found = namespaces(session, project)
    told = project.target.controller_namespace
    if not found or told in found:
        return None
    return Problem(
        what="the network policies block the ingress controller",
        where=f"namespace {project.namespace}",
        why=f"they let in the namespace {told}, but the pods of the controller of ingress class "
        f"{project.settings.ingress.class_name} run in {' and '.join(found)}",
        remedy=f"set controllerNamespace: {found[0]} under moorage:ingress in Pulumi.{project.stack_name}.yaml, and run "
        "`moorage up` again",
    )


def namespaces(session: Session, project: Project) -> list[str]:
    """Return the namespaces in which pods of the ingress class's controller run; none where that cannot be found out."""
    answer = kubectl.run(
        session, "get", f"ingressclasses.v1.networking.k8s.io/{project.settings.ingress.class_name}", "--output=json"
    )
    pods = kubectl.run(session, "get", "pods", "--all-namespaces", "--output=json")
    if answer.returncode or pods.returncode:
        return []
    items = [item for item in json.loads(pods.stdout)["items"] if item["metadata"]["namespace"] != project.namespace]
    return running_in(json.loads(answer.stdout), items)


def running_in(ingress_class: Mapping[str, Any], pods: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the namespaces of those of the pods that are the controller of an IngressClass, the likeliest first.

    That is told by the class that a pod's arguments name, by the release that brought the class, or by name.
    """
    controller = ingress_class.get("spec", {}).get("controller", "")
    name = ingress_class["metadata"]["name"]
    release = ingress_class["metadata"].get("annotations", {}).get(_RELEASE_NAMESPACE)
    words = set(re.findall(r"[a-z0-9]+", controller.lower())) - _GENERIC
    scores: dict[str, int] = {}
    for pod in pods:
        if pod.get("status", {}).get("phase") not in ("Running", "Pending"):
            continue
        score = _score(pod, controller, name, words)
        namespace = pod["metadata"]["namespace"]
        if score and namespace == release:
            score += 4
        scores[namespace] = max(scores.get(namespace, 0), score)
    best = max(scores.values(), default=0)
    return sorted(namespace for namespace, score in scores.items() if score == best > 0)


def _score(pod: Mapping[str, Any], controller: str, class_name: str, words: set[str]) -> int:
    """Return how sure it is that a pod is the controller: 8 where its arguments say so, 2 by name, 1 by image alone."""
    metadata, containers = pod["metadata"], pod["spec"]["containers"]
    arguments = [
        text for container in containers for text in (*container.get("command", []), *container.get("args", []))
    ]
    classes = (f"controller-class={controller}", f"ingress-class={class_name}", f"ingressclass={class_name}")
    if any(text.lower().endswith(suffix.lower()) for text in arguments for suffix in classes):
        return 8
    if any("ingress" in text.lower() and word in text.lower() for text in arguments for word in words):
        return 4
    labels = metadata.get("labels", {})
    named = {word for label in _NAME_LABELS for word in re.findall(r"[a-z0-9]+", str(labels.get(label, "")).lower())}
    images = {word for container in containers for word in re.findall(r"[a-z0-9]+", container.get("image", "").lower())}
    if _meet(words, named):
        # A web server is not a controller: what serves an IngressClass has that in its name, or is named for itself alone.
        return 3 if {"ingress", "controller"} & (images | named) else 2
    telling = {"ingress", "controller"} & images or not words & _WEB_SERVERS
    return 1 if telling and _meet(words, images) else 0


def _meet(words: set[str], others: set[str]) -> bool:
    """Whether a word is among others, or is part of one of them: ``contour`` and ``projectcontour``."""
    return any(a == b or (min(len(a), len(b)) >= _TELLING and (a in b or b in a)) for a in words for b in others)
