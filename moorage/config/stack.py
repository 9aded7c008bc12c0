"""``Pulumi.<stack>.yaml``: what differs from stack to stack, under the keys ``moorage:…``."""

# ruff: noqa: RUF012  # pydantic gives each instance its own copy of a mutable default
from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import ConfigDict, Field

from moorage.base.errors import KeyPath, Problem
from moorage.config.ephemeral import Ephemeral  # noqa: TC001  # pydantic reads annotations
from moorage.config.fields import BytesQuantity, DnsLabel, EnvName, Hostname, Model, Text, Unique
from moorage.config.observability import Observability
from moorage.config.patches import Patch  # noqa: TC001  # pydantic reads annotations
from moorage.config.processtext import KeptText  # noqa: TC001  # pydantic reads annotations
from moorage.config.service import Amounts, Resources, Service

if TYPE_CHECKING:
    from collections.abc import Iterator

RegistryAddress = Annotated[
    str,
    Text(
        pattern=r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?(:[0-9]{1,5})?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*",
        rule="a registry is host, port where it is unusual, and path: no scheme, no tag, no slash at the end",
        example="ghcr.io/acme",
    ),
]
FilePath = Annotated[str, Text(pattern=r"[^\n]+", rule="a path is not empty", example="/etc/ssl/certs/ca.crt")]


class Cluster(Model):
    """The cluster to deploy to; without it the embedded platform is used."""

    example = "{context: my-cluster}"

    context: str = Field(min_length=1)
    """Context of the kubeconfig; never the current one, so that a stack cannot land in the wrong cluster."""
    kubeconfig: FilePath | None = None
    """Default: ``$KUBECONFIG``, else ``~/.kube/config``. A relative path starts at the repository's root."""


class Registry(Model):
    """Where images go."""

    example = "{address: ghcr.io/acme}"

    address: RegistryAddress
    """Registry and path before the image's name: ``ghcr.io/acme``."""
    image_pull_secret: DnsLabel | None = None
    """Name of a Secret in the stack's namespace with which the cluster pulls."""
    mirrors: dict[Hostname, RegistryAddress] = {}
    """Where ``moorage images update`` asks instead of a registry, by its host: the mirrors that your builder is set to."""


class Tls(Model):
    """TLS of the ingress: exactly one of a Secret, a cert-manager issuer, and a self-signed certificate."""

    example = "{clusterIssuer: letsencrypt}"

    secret_name: str | None = Field(default=None, min_length=1)
    """A Secret of type ``kubernetes.io/tls`` in the stack's namespace."""
    cluster_issuer: str | None = Field(default=None, min_length=1)
    """A ClusterIssuer of cert-manager."""
    self_signed: bool = False
    """Generate a certificate of our own; for trials."""

    def problems(self) -> Iterator[Problem]:
        """Yield a number of sources other than one."""
        sources = {"secretName": self.secret_name, "clusterIssuer": self.cluster_issuer, "selfSigned": self.self_signed}
        given = [name for name, value in sources.items() if value]
        if len(given) != 1:
            yield Problem(
                what=f"tls has {' and '.join(given)}" if given else "tls names no certificate",
                why="the certificate comes from exactly one of secretName, clusterIssuer and selfSigned: true",
                remedy="keep one of them" if given else "add one of them, or remove tls for plain HTTP",
                where=KeyPath.of(given[1]) if given else None,
            )


class Ingress(Model):
    """How the outside reaches the stack."""

    example = "{host: harbour.example.com}"

    host: Hostname
    """Where every route lives that names no host of its own."""
    class_name: str = "nginx"
    """IngressClass of the controller that serves the stack."""
    tls: Tls | None = None
    """Default: plain HTTP."""
    controller_namespace: DnsLabel = "ingress-nginx"
    """Namespace of the ingress controller's pods: the only ones that may call routed services.

    The embedded platform has its own, which is used there unless this is set.
    """
    annotations: dict[str, KeptText] = {}
    """Further annotations of the Ingress, for the controller's own features."""


class Cache(Model):
    """Registry cache of the builds."""

    example = "{enabled: true}"

    enabled: bool = True
    """Read from and write to the registry; the builder's own cache is used either way."""
    branch: str = Field(default="main", min_length=1)
    """Cache is read from this branch's reference, then from main's, and written to this branch's."""


class Postgres(Model):
    """The stack's PostgreSQL."""

    example = "{storage: 10Gi}"

    storage: BytesQuantity = "1Gi"
    """Size of the volume that holds the database."""
    storage_class: str | None = None
    """Default: the cluster's default StorageClass."""
    resources: Resources = Resources(
        requests=Amounts(cpu="100m", memory="128Mi"), limits=Amounts(cpu="1", memory="512Mi")
    )
    """What the container is given of cpu and memory."""
    database: DnsLabel = "app"
    """Name of the database."""
    max_connections: int = Field(default=100, ge=10, le=1000)
    """Connections at the same time, of all services together."""


class Redis(Model):
    """The stack's Redis."""

    example = "{storage: 1Gi}"

    storage: BytesQuantity = "256Mi"
    """Size of the volume that holds the append-only file."""
    storage_class: str | None = None
    """Default: the cluster's default StorageClass."""
    resources: Resources = Resources(
        requests=Amounts(cpu="50m", memory="64Mi"), limits=Amounts(cpu="500m", memory="128Mi")
    )
    """What the container is given of cpu and memory."""
    maxmemory_percent: int = Field(default=60, ge=10, le=90)
    """Of the memory limit; the rest is for copy-on-write while the append-only file is rewritten."""
    maxmemory_policy: Literal["noeviction", "allkeys-lru", "volatile-lru", "allkeys-lfu"] = "noeviction"
    """What happens when memory is full: ``noeviction`` refuses writes, the others drop keys."""


class ServiceOverride(Model):
    """What a stack changes of a service: any key of service.yaml, merged into it; null removes one."""

    model_config = ConfigDict(extra="allow")

    example = "{replicas: 2}"

    run: bool = True
    """False leaves the service out of this stack."""
    target: str | None = None
    """Short for ``build.target``."""

    def changes(self) -> dict[str, Any]:
        """Return the keys of service.yaml that the stack has values for, as they are written."""
        found = dict(self.model_extra or {})
        if self.target is not None:
            build = found.get("build")
            found["build"] = {**(build if isinstance(build, dict) else {}), "target": self.target}
        return found


class ServiceInStack(Service):
    """What a stack may say of a service, for its schema and its errors."""

    run: bool = True
    """False leaves the service out of this stack."""
    target: str | None = None
    """Short for ``build.target``."""


class Embedded(Model):
    """What changes where the stack runs on the embedded platform."""

    example = "{resourceFactor: 0.5}"

    resource_factor: float = Field(default=1.0, gt=0, le=1)
    """All requests and limits of cpu and memory, and storage, are multiplied by this."""


class Stack(Model):
    """One stack's settings."""

    escape = "what Kubernetes knows of it can be set with patches (docs/what-teams-run.md)"

    namespace: DnsLabel | None = None
    """Default: ``<application>-<stack>``."""
    application: DnsLabel = ""
    """Name of the whole, in each image's name and each object's label ``app.kubernetes.io/part-of``. Default: the project's name."""
    stage: Literal["development", "production"] | None = None
    """What the stack is for. Default: ``development`` for ``dev``, ``local``, ``test``, ``sandbox``, ``dev-anna``; else ``production``."""
    cluster: Cluster | None = None
    """Default, together with registry and builder: the embedded platform."""
    registry: Registry | None = None
    """Where images go; required with your own cluster."""
    builder: str | None = Field(default=None, min_length=1)
    """Name of a buildx builder; required with your own registry."""
    platforms: Unique[Literal["linux/amd64", "linux/arm64"]] = []
    """Default: the builder's own."""
    build_parallelism: int = Field(default=4, ge=1, le=64)
    """Images built at the same time, at most."""
    source_labels: bool = False
    """Label every image with its repository and the commit: each commit then is another image, and rolls its services."""
    build_secrets: dict[EnvName, FilePath] = {}
    """Files handed to builds as BuildKit secrets, by id; ``ca`` is the certificate bundle behind a TLS proxy."""
    cache: Cache = Cache()
    """Cache of the builds in the registry."""
    ingress: Ingress
    """How the outside reaches the stack."""
    postgres: Postgres = Postgres()
    """The stack's PostgreSQL, where a service needs it."""
    redis: Redis = Redis()
    """The stack's Redis, where a service needs it."""
    services: dict[DnsLabel, ServiceOverride] = {}
    """What this stack changes of single services, by name."""
    patches: list[Patch] = []
    """Changes of finished objects, of services and of the stack itself, for what has no key here."""
    protect: bool = False
    """Refuse to delete or replace what holds data."""
    rollback: Literal["automatic", "off"] | None = None
    """``automatic``: services whose new pods do not come up go back to their last release. Default: ``off`` in development."""
    atomic: Literal["service", "stack"] = "service"
    """What goes back then: the services that failed, or with ``stack`` all services of the update."""
    network_policies: bool = True
    """Deny all traffic that no ``needs`` and no ``route`` asks for.

    False opens the network. In production the policies ``isolate-pods`` and ``require-default-deny`` then refuse the
    stack, unless ``policy/config/<stack>.json`` disables them.
    """
    observability: Observability = Observability()
    """How the stack tells of itself."""
    embedded: Embedded = Embedded()
    """What changes where the stack runs on the embedded platform."""
    ephemeral: Ephemeral | None = None
    """Environments for a while that are made from this stack, see [Environments for a while](environments.md)."""

    def problems(self) -> Iterator[Problem]:
        """Yield an incomplete target and a namespace that is not the stack's own."""
        given = {"cluster": self.cluster, "registry": self.registry, "builder": self.builder}
        missing = [name for name, value in given.items() if value is None]
        if 0 < len(missing) < len(given):
            yield Problem(
                what=f"{' and '.join(name for name in given if name not in missing)} is set without "
                f"{' and '.join(missing)}",
                why="your own cluster needs all three of cluster, registry and builder",
                remedy=f"add {' and '.join(missing)}, or remove the other for the embedded platform",
                where=KeyPath.of(next(name for name in given if name not in missing)),
            )
        if self.namespace is not None and (self.namespace == "default" or self.namespace.startswith("kube-")):
            yield Problem(
                what=f"the namespace {self.namespace} belongs to the cluster",
                why="a stack owns its namespace and removes it when it is destroyed",
                remedy="choose another, or leave it out for <application>-<stack>",
                where=KeyPath.of("namespace"),
            )
