"""Where a stack is deployed: your own cluster, registry and builder, or the embedded platform."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from moorage.base.errors import MoorageError, Problem
from moorage.base.image_reference import DOCKER_HUB
from moorage.base.words import did_you_mean, listed
from moorage.config.validate import Source, validated
from moorage.config.yamlfile import Document, read_yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

    from moorage.config.stack import Cluster, Stack

ENDPOINT_FILE = Path(".moorage/platform/endpoint.json")
"""Written by the embedded platform when it has started; relative to the repository's root."""

_HTTP, _HTTPS = 80, 443


@dataclass(frozen=True, kw_only=True)
class Target:
    """Everything that leads to the platform that a stack runs on."""

    embedded: bool
    kubeconfig: str
    """Absolute path."""
    context: str
    registry: str
    """What stands before an image's name: host, port where it is unusual, and path."""
    builder: str
    """Name of a buildx builder."""
    docker_config: str | None
    """``DOCKER_CONFIG`` that knows the builder; None for the user's own."""
    http_port: int
    https_port: int
    url_port: int | None
    """The port in the stack's URL; None where its scheme implies it."""
    controller_namespace: str
    """Namespace of the ingress controller's pods."""
    ca: str | None
    """Certificate bundle that builds may need behind a TLS proxy."""
    mirrors: Mapping[str, str] = field(default_factory=dict)
    """Registry and path from which builds take another registry's images, by that one's host."""


class Endpoint(BaseModel):
    """What the embedded platform says of itself; without a file, what it will say once it has started."""

    model_config = ConfigDict(frozen=True, strict=True, alias_generator=to_camel, populate_by_name=True)

    kubeconfig: str = ".moorage/platform/kubeconfig"
    context: str = "moorage"
    registry: str = "127.0.0.1:5000"
    builder: str = "moorage"
    docker_config: str = ".moorage/docker"
    http_port: int = 8080
    https_port: int = 8443
    controller_namespace: str = "ingress"
    ca: str | None = None


def resolve_target(root: Path, settings: Stack, source: Source, problems: list[Problem]) -> Target | None:
    """Return where the stack goes; where that is unknown add the problems and return None."""
    if settings.cluster and settings.registry and settings.builder:
        return _own_target(root, settings, settings.cluster, source, problems)
    return embedded_target(root, settings, problems)


def _own_target(
    root: Path, settings: Stack, cluster: Cluster, source: Source, problems: list[Problem]
) -> Target | None:
    kubeconfig = _find_kubeconfig(root, cluster, source, problems)
    if kubeconfig is None or settings.registry is None or settings.builder is None:
        return None
    return Target(
        embedded=False,
        kubeconfig=str(kubeconfig),
        context=cluster.context,
        registry=settings.registry.address,
        builder=settings.builder,
        docker_config=None,
        http_port=_HTTP,
        https_port=_HTTPS,
        url_port=None,
        controller_namespace=settings.ingress.controller_namespace,
        ca=None,
        mirrors=settings.registry.mirrors,
    )


def embedded_target(root: Path, settings: Stack, problems: list[Problem]) -> Target | None:
    """Return where the embedded platform is, as it says itself; where that cannot be read add the problems."""
    endpoint = _read_endpoint(root, problems)
    if endpoint is None:
        return None
    own_namespace = "controller_namespace" in settings.ingress.model_fields_set
    port, usual = (endpoint.https_port, _HTTPS) if settings.ingress.tls else (endpoint.http_port, _HTTP)
    return Target(
        embedded=True,
        kubeconfig=str(root / endpoint.kubeconfig),
        context=endpoint.context,
        registry=endpoint.registry,
        builder=endpoint.builder,
        docker_config=str(root / endpoint.docker_config),
        http_port=endpoint.http_port,
        https_port=endpoint.https_port,
        url_port=None if port == usual else port,
        controller_namespace=(
            settings.ingress.controller_namespace if own_namespace else endpoint.controller_namespace
        ),
        ca=endpoint.ca,
        mirrors={DOCKER_HUB: endpoint.registry, **(settings.registry.mirrors if settings.registry else {})},
    )


def _read_endpoint(root: Path, problems: list[Problem]) -> Endpoint | None:
    path = root / ENDPOINT_FILE
    if not path.exists():
        return Endpoint()
    found: list[Problem] = []
    try:
        document = read_yaml(path)  # JSON is YAML, and the positions come with it
    except MoorageError as error:
        found.extend(error.problems)
        endpoint = None
    else:
        endpoint = validated(Endpoint, document.data, Source(document), found)
    for problem in found:
        remedy = "run moorage platform stop, then moorage platform start, which writes it again"
        problems.append(
            Problem(what=problem.what, where=problem.where, why=problem.why, remedy=remedy, detail=problem.detail)
        )
    return endpoint


def _find_kubeconfig(root: Path, cluster: Cluster, source: Source, problems: list[Problem]) -> Path | None:
    """Return the first kubeconfig that has the cluster's context; where none has it add a problem."""
    candidates = _kubeconfigs(root, cluster)
    present = [path for path in candidates if path.is_file()]
    if not present:
        problems.append(
            source.problem(
                ("cluster", "kubeconfig") if cluster.kubeconfig else ("cluster",),
                what=f"the kubeconfig {listed(map(str, candidates))} does not exist",
                why="it holds the cluster's address and your credentials",
                remedy="correct cluster.kubeconfig or $KUBECONFIG, or remove cluster, registry and builder for the "
                "embedded platform",
            )
        )
        return None
    contexts: dict[str, Path] = {}
    try:
        for path in present:
            for name in _contexts(read_yaml(path, secret=True)):
                contexts.setdefault(name, path)
    except MoorageError as error:
        problems.extend(error.problems)
        return None
    if cluster.context not in contexts:
        problems.append(
            source.problem(
                ("cluster", "context"),
                what=f"the context {cluster.context} is not in {listed(map(str, present))}",
                why=f"contexts there: {listed(contexts)}",
                remedy=did_you_mean(cluster.context, contexts, "name one of them, or another kubeconfig"),
            )
        )
    return contexts.get(cluster.context)


def _kubeconfigs(root: Path, cluster: Cluster) -> list[Path]:
    if cluster.kubeconfig is not None:
        return [root / Path(cluster.kubeconfig).expanduser()]
    listed_paths = [part for part in os.environ.get("KUBECONFIG", "").split(os.pathsep) if part]
    return [Path(part).expanduser().absolute() for part in listed_paths or ["~/.kube/config"]]


def _contexts(document: Document) -> list[str]:
    contexts = document.data.get("contexts")
    entries = contexts if isinstance(contexts, list) else []
    return [str(entry["name"]) for entry in entries if isinstance(entry, dict) and "name" in entry]
