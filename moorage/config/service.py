"""``service.yaml`` and ``image.yaml``: one service, one base image. Field names and units are those of Kubernetes."""

# ruff: noqa: RUF012  # pydantic gives each instance its own copy of a mutable default
from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from moorage.config.base import (
    Broken,
    BytesQuantity,
    ConfigKey,
    DnsLabel,
    EnvName,
    FolderPath,
    Hostname,
    LibName,
    Model,
    Port,
    RelativePath,
    RoutePath,
    SecretName,
    Unique,
)
from moorage.config.pod import Amounts, Exec, HttpGet, Probe, Resources, TcpSocket
from moorage.config.processtext import Argument, KeptText, env_size_rules
from moorage.config.servicerules import folder_rules, kind_rules, probe_rules

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "Amounts",
    "BaseImage",
    "Budget",
    "Build",
    "Exec",
    "HttpGet",
    "ImageBuild",
    "Probe",
    "Resources",
    "Route",
    "Scaling",
    "Service",
    "TcpSocket",
]

POSTGRES = "postgres"
REDIS = "redis"
DATA_SERVICES = (POSTGRES, REDIS)
"""What a service can need beside other services."""


def image_build_arg(image: str) -> str:
    """Return the build arg in which a Dockerfile receives a base image (``node``: ``NODE_IMAGE``)."""
    return f"{env_prefix(image)}_IMAGE"


def env_prefix(name: str) -> str:
    """Return a name as the beginning of a variable's name: ``harbour-log`` gives ``HARBOUR_LOG``."""
    return name.upper().replace("-", "_")


class Budget(Model):
    """What an image and its build may cost; more is a warning, and a failure in CI."""

    size: BytesQuantity | None = None
    """Of all layers, unpacked: ``80M``."""
    warm_seconds: float | None = Field(default=None, gt=0, le=86400)
    """For a build that finds at least one step in the cache."""
    hit_rate: int | None = Field(default=None, ge=0, le=100)
    """Least share of steps that such a build finds in the cache, in percent."""


class Build(Model):
    """How the image is built."""

    dockerfile: RelativePath = "Dockerfile"
    """Relative to the service's folder."""
    target: str = "production"
    """Stage of the Dockerfile; a stack may choose another."""
    bases: Unique[DnsLabel] = []
    """Images of ``images/`` that the Dockerfile builds FROM; each arrives as build arg ``<NAME>_IMAGE``."""
    libs: Unique[LibName] = []
    """Libraries of ``libs/`` that the image contains."""
    args: dict[EnvName, str] = {}
    """Further build args. Never secrets: they stay readable in the image."""
    budget: Budget = Budget()
    """What the image and its build may cost."""
    shell: bool = False
    """The production image holds a shell, as one of its programs cannot do without."""

    def broken_rules(self) -> Iterator[Broken]:
        """Yield the build args that Moorage itself sets."""
        for base in self.bases:
            if image_build_arg(base) in self.args:
                yield Broken(
                    what=f"the build arg {image_build_arg(base)} is set by hand",
                    rule=f"it carries the digest of the base image {base}, which is known only once that is built",
                    remedy="remove it, or give the build arg another name",
                    at=("args", image_build_arg(base)),
                )


class ImageBuild(Build):
    """How a base image is built."""

    target: str = ""
    """Stage of the Dockerfile; empty for its last one."""


class Scaling(Model):
    """Bounds and targets (percent of requests) of the HorizontalPodAutoscaler."""

    min_replicas: int = Field(ge=1, le=1000)
    """Pods at rest."""
    max_replicas: int = Field(ge=1, le=1000)
    """Pods at most, however high the load."""
    cpu: int | None = Field(default=70, ge=1, le=1000)
    """Average utilisation of the cpu request; null to leave cpu out."""
    memory: int | None = Field(default=80, ge=1, le=1000)
    """Average utilisation of the memory request; null to leave memory out."""

    def holds(self, replicas: int) -> bool:
        """Return whether a number of pods lies within the bounds."""
        return self.min_replicas <= replicas <= self.max_replicas

    def broken_rules(self) -> Iterator[Broken]:
        """Yield bounds that contradict each other and a lack of targets."""
        if self.max_replicas < self.min_replicas:
            yield Broken(
                what=f"maxReplicas ({self.max_replicas}) is below minReplicas ({self.min_replicas})",
                rule="the number of pods moves between minReplicas and maxReplicas",
                remedy="raise maxReplicas or lower minReplicas",
                at=("maxReplicas",),
            )
        if self.cpu is None and self.memory is None:
            yield Broken(
                what="there is neither cpu nor memory to go by",
                rule="the autoscaler follows the utilisation of cpu, of memory or of both",
                remedy="set cpu or memory to a percentage, for example cpu: 70",
            )


class Route(Model):
    """Where the ingress sends requests from: a path prefix of the stack's host, or of a host of its own."""

    path: RoutePath = "/"
    """The longest matching prefix wins, by whole segments: ``/api`` takes ``/api/berths``, not ``/apis``."""
    host: Hostname | None = None
    """Default: the stack's ingress host."""


class Service(Model):
    """One service: its image, its pods and what they may reach."""

    name: DnsLabel
    """Name of the folder below ``apps/``, of the image and of the Kubernetes objects."""
    kind: Literal["web", "worker"]
    """``web`` listens on ``port`` behind a Service; ``worker`` only works."""
    build: Build = Build()
    """How the image is built."""
    command: list[Argument] | None = None
    """Default: the image's entrypoint."""
    args: list[Argument] | None = None
    """Default: the image's command."""
    port: Port | None = None
    """Where a web service listens for HTTP."""
    startup_probe: Probe
    """Until it succeeds the other probes wait; its failure restarts the container."""
    liveness_probe: Probe
    """Its failure restarts the container: check the process alone, never what it depends on."""
    readiness_probe: Probe
    """Its failure takes the pod out of the Service until it succeeds again."""
    resources: Resources
    """What the container is given of cpu and memory."""
    replicas: int = Field(default=1, ge=0, le=1000)
    """Used where ``scaling`` is absent; beside it, a number within its bounds."""
    scaling: Scaling | None = None
    """Default: a fixed number of pods, ``replicas``."""
    needs: Unique[DnsLabel] = []
    """``postgres``, ``redis`` and services: must be Ready first, are reachable, and their address arrives in env."""
    env: dict[EnvName, KeptText] = {}
    """Plain settings of the process, as an immutable ConfigMap."""
    secrets: dict[SecretName, ConfigKey] = {}
    """File ``/run/secrets/moorage/<NAME>``, named by env ``<NAME>_FILE``; the value is a secret key of the stack."""
    route: Route | None = None
    """Default: reachable only inside the cluster, for services that need it."""
    run_as_user: Annotated[int, Field(ge=1, le=2**31 - 1)] = 10001
    """UID and GID of the process; the root file system is read-only."""
    writable_paths: Unique[FolderPath] = []
    """Folders that the process may write to (emptyDir, gone with the pod); ``/tmp`` is always one."""
    pre_stop_sleep_seconds: int = Field(default=5, ge=0, le=120)
    """How long a stopping pod still answers while endpoints forget it."""
    termination_grace_period_seconds: int = Field(default=40, ge=1, le=3600)
    """From the request to stop until the process is killed."""
    service_account_token: bool = False
    """Mount a token for the Kubernetes API."""

    def broken_rules(self) -> Iterator[Broken]:
        """Yield every rule between this service's own fields that does not hold."""
        yield from kind_rules(self)
        yield from probe_rules(self)
        yield from folder_rules(self)
        yield from _env_rules(self)
        if self.name in self.needs:
            yield Broken(
                what=f"{self.name} needs itself",
                rule="what a service needs is Ready before it starts",
                remedy="remove it from needs",
                at=("needs", self.needs.index(self.name)),
            )
        scaling = self.scaling
        if scaling and "replicas" in self.model_fields_set and not scaling.holds(self.replicas):
            yield Broken(
                what=f"replicas ({self.replicas}) is outside scaling's {scaling.min_replicas} to {scaling.max_replicas}",
                rule="the autoscaler would at once correct a number outside its bounds",
                remedy="remove replicas, or widen the bounds",
                at=("replicas",),
            )
        if self.termination_grace_period_seconds <= self.pre_stop_sleep_seconds:
            yield Broken(
                what=f"terminationGracePeriodSeconds ({self.termination_grace_period_seconds}) does not exceed "
                f"preStopSleepSeconds ({self.pre_stop_sleep_seconds})",
                rule="the sleep counts against the grace period: the process would be killed before it can finish",
                remedy=f"set terminationGracePeriodSeconds to {self.pre_stop_sleep_seconds + 30}",
                at=("terminationGracePeriodSeconds",),
            )

    def probes(self) -> dict[str, Probe]:
        """Return the three probes by their Kubernetes name."""
        return {
            "startupProbe": self.startup_probe,
            "livenessProbe": self.liveness_probe,
            "readinessProbe": self.readiness_probe,
        }


class BaseImage(Model):
    """``images/NAME/image.yaml``: an image that services build FROM, or that runs as Postgres or Redis."""

    build: ImageBuild = ImageBuild()
    """How the image is built."""
    writable_paths: Unique[FolderPath] = []
    """Folders that the process may write to, where volumes are mounted; ``/tmp`` is always one."""


def _env_rules(service: Service) -> Iterator[Broken]:
    taken = {name: f"the address of {need}" for need in service.needs for name in needed_env(need)}
    taken |= {f"{name}_FILE": f"the path of the secret {name}" for name in service.secrets}
    for name in service.env:
        if name in taken:
            yield Broken(
                what=f"env.{name} is set by hand",
                rule=f"{name} carries {taken[name]}, which Moorage sets",
                remedy="remove it, or give it another name",
                at=("env", name),
            )
    yield from env_size_rules(service.env, added=len(taken) + 1)
    files = {"DATABASE_PASSWORD": POSTGRES, "REDIS_PASSWORD": REDIS}
    for name in service.secrets:
        if files.get(name) in service.needs:
            yield Broken(
                what=f"secrets.{name} is set by hand",
                rule=f"{name} carries the generated password of {files[name]}, which Moorage sets",
                remedy="remove it, or give it another name",
                at=("secrets", name),
            )


def needed_env(need: str) -> tuple[str, ...]:
    """Return the names of the variables in which a service finds something that it needs."""
    prefix, names = {
        POSTGRES: ("DATABASE", ("HOST", "PORT", "NAME", "USER", "PASSWORD_FILE")),
        REDIS: ("REDIS", ("HOST", "PORT", "PASSWORD_FILE")),
    }.get(need, (env_prefix(need), ("HOST", "PORT", "URL")))
    return tuple(f"{prefix}_{name}" for name in names)
