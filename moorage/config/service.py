"""``service.yaml``: one service. Field names and units are those of Kubernetes."""

# ruff: noqa: RUF012  # pydantic gives each instance its own copy of a mutable default
from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from moorage.base.errors import KeyPath, Problem
from moorage.config.fields import (
    ConfigKey,
    DnsLabel,
    EnvName,
    Example,
    FolderPath,
    Hostname,
    Model,
    Port,
    RoutePath,
    SecretName,
    Unique,
)
from moorage.config.imagebuild import BaseImage, Budget, Build, ImageBuild, env_prefix, image_build_arg
from moorage.config.pod import Amounts, Develop, Exec, HttpGet, Probe, Resources, TcpSocket
from moorage.config.processtext import Argument, KeptText, env_size_problems
from moorage.config.strategy import BLUE_GREEN, Strategy

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = [
    "Amounts",
    "BaseImage",
    "Budget",
    "Build",
    "Develop",
    "Exec",
    "HttpGet",
    "ImageBuild",
    "Probe",
    "Resources",
    "Route",
    "Scaling",
    "Service",
    "TcpSocket",
    "env_prefix",
    "image_build_arg",
]

POSTGRES = "postgres"
REDIS = "redis"
DATA_SERVICES = (POSTGRES, REDIS)
"""What a service can need beside other services."""
_ALWAYS_WRITABLE = "/tmp"  # noqa: S108  # a path inside the container
_EXAMPLE_OF_A_WORKER = "{exec: {command: [check]}}"
SECRETS_FOLDER = "/run/secrets/moorage"
"""Where a container finds its secrets, one file each."""


class Scaling(Model):
    """Bounds and targets (percent of requests) of the HorizontalPodAutoscaler."""

    example = "{minReplicas: 2, maxReplicas: 10}"

    min_replicas: Annotated[int, Example("2")] = Field(ge=1, le=1000)
    """Pods at rest."""
    max_replicas: Annotated[int, Example("10")] = Field(ge=1, le=1000)
    """Pods at most, however high the load."""
    cpu: int | None = Field(default=70, ge=1, le=1000)
    """Average utilisation of the cpu request; null to leave cpu out."""
    memory: int | None = Field(default=80, ge=1, le=1000)
    """Average utilisation of the memory request; null to leave memory out."""

    def holds(self, replicas: int) -> bool:
        """Return whether a number of pods lies within the bounds."""
        return self.min_replicas <= replicas <= self.max_replicas

    def problems(self) -> Iterator[Problem]:
        """Yield bounds that contradict each other and a lack of targets."""
        if self.max_replicas < self.min_replicas:
            yield Problem(
                what=f"maxReplicas ({self.max_replicas}) is below minReplicas ({self.min_replicas})",
                why="the number of pods stays between minReplicas and maxReplicas",
                remedy="raise maxReplicas or lower minReplicas",
                where=KeyPath.of("maxReplicas"),
            )
        if self.cpu is None and self.memory is None:
            yield Problem(
                what="scaling has neither cpu nor memory",
                why="the autoscaler follows the utilisation of cpu, of memory or of both",
                remedy="set cpu or memory to a percentage, for example cpu: 70",
            )


class Route(Model):
    """Where the ingress sends requests from: a path prefix of the stack's host, or of a host of its own."""

    example = "{path: /api}"

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
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] = "IfNotPresent"
    """When a node pulls the image. Images are deployed by digest, so one that a node has is the right one."""
    strategy: Strategy = Strategy()
    """How new pods take the place of old ones."""
    pre_stop_sleep_seconds: int = Field(default=5, ge=0, le=120)
    """How long a stopping pod still answers while endpoints forget it."""
    termination_grace_period_seconds: int = Field(default=40, ge=1, le=3600)
    """From the request to stop until the process is killed."""
    service_account_token: bool = False
    """Mount a token for the Kubernetes API."""
    develop: Develop = Develop()
    """How `moorage dev` runs it."""

    @classmethod
    def example_for(cls, key: str, given: Mapping[str, Any]) -> str | None:
        """Return a worker's probe, as it has no port; of the name nothing, as it is the folder's."""
        if key.endswith("Probe") and given.get("kind") == "worker":
            return _EXAMPLE_OF_A_WORKER
        return "" if key == "name" else None

    def problems(self) -> Iterator[Problem]:
        """Yield every rule between this service's own fields that does not hold."""
        yield from _kind_problems(self)
        yield from _probe_problems(self)
        yield from _folder_problems(self)
        yield from _env_problems(self)
        yield from _strategy_problems(self)
        if self.name in self.needs:
            yield Problem(
                what=f"{self.name} needs itself",
                why="what a service needs must be Ready before it starts",
                remedy="remove it from needs",
                where=KeyPath.of("needs", self.needs.index(self.name)),
            )
        scaling = self.scaling
        if scaling and "replicas" in self.model_fields_set and not scaling.holds(self.replicas):
            yield Problem(
                what=f"replicas ({self.replicas}) is outside scaling's {scaling.min_replicas} to {scaling.max_replicas}",
                why="the autoscaler would change a number outside its bounds at once",
                remedy="remove replicas, or widen the bounds",
                where=KeyPath.of("replicas"),
            )
        if self.termination_grace_period_seconds <= self.pre_stop_sleep_seconds:
            yield Problem(
                what=f"terminationGracePeriodSeconds ({self.termination_grace_period_seconds}) does not exceed "
                f"preStopSleepSeconds ({self.pre_stop_sleep_seconds})",
                why="the sleep counts against the grace period: the process would be killed before it can finish",
                remedy=f"set terminationGracePeriodSeconds to {self.pre_stop_sleep_seconds + 30}",
                where=KeyPath.of("terminationGracePeriodSeconds"),
            )

    def probes(self) -> dict[str, Probe]:
        """Return the three probes by their Kubernetes name."""
        return {
            "startupProbe": self.startup_probe,
            "livenessProbe": self.liveness_probe,
            "readinessProbe": self.readiness_probe,
        }


def _kind_problems(service: Service) -> Iterator[Problem]:
    if service.kind == "web" and service.port is None:
        yield Problem(
            what=f"the web service {service.name} has no port",
            why="a web service listens on one port, which its Service forwards to",
            remedy="add for example port: 8000, or make it kind: worker",
        )
    if service.kind == "worker":
        for key, value in (("port", service.port), ("route", service.route)):
            if value is not None:
                yield Problem(
                    what=f"the worker {service.name} has a {key}",
                    why="nothing calls a worker: it has neither port nor route",
                    remedy=f"remove {key}, or make it kind: web",
                    where=KeyPath.of(key),
                )


def _probe_problems(service: Service) -> Iterator[Problem]:
    for name, probe in service.probes().items():
        for check, value in (("httpGet", probe.http_get), ("tcpSocket", probe.tcp_socket)):
            if service.kind == "worker" and value is not None and value.port is None:
                yield Problem(
                    what=f"{name}.{check} names no port",
                    why="a worker has no default port for probes",
                    remedy="name the probe's port, or use exec",
                    where=KeyPath.of(name, check),
                )
        if name != "readinessProbe" and probe.success_threshold != 1:
            yield Problem(
                what=f"{name}.successThreshold is {probe.success_threshold}",
                why="Kubernetes accepts only 1 for startup and liveness probes",
                remedy="remove it",
                where=KeyPath.of(name, "successThreshold"),
            )


def _strategy_problems(service: Service) -> Iterator[Problem]:
    if service.strategy.type == BLUE_GREEN and service.scaling is not None:
        yield Problem(
            what="strategy.type is BlueGreen, and scaling lets the load decide the number of pods",
            why="the new pods must be able to carry the whole load before the switch, so their number is fixed",
            remedy="set replicas instead of scaling, or use type: RollingUpdate",
            where=KeyPath.of("strategy", "type"),
        )


def _folder_problems(service: Service) -> Iterator[Problem]:
    for index, path in enumerate(service.writable_paths):
        if path == _ALWAYS_WRITABLE:
            yield Problem(
                what=f"{path} is listed in writablePaths",
                why="it is always writable, and Kubernetes refuses a second volume on the same path",
                remedy="remove it",
                where=KeyPath.of("writablePaths", index),
            )
        elif f"{path}/".startswith(f"{SECRETS_FOLDER}/"):
            yield Problem(
                what=f"{path} is listed in writablePaths",
                why=f"{SECRETS_FOLDER} holds the service's secrets, which nobody may write to",
                remedy="choose another folder",
                where=KeyPath.of("writablePaths", index),
            )


def _env_problems(service: Service) -> Iterator[Problem]:
    taken = {name: f"the address of {need}" for need in service.needs for name in needed_env(need)}
    taken |= {f"{name}_FILE": f"the path of the secret {name}" for name in service.secrets}
    for name in service.env:
        if name in taken:
            yield Problem(
                what=f"env.{name} is set in the file",
                why=f"Moorage sets {name} to {taken[name]}",
                remedy="remove it, or give it another name",
                where=KeyPath.of("env", name),
            )
    yield from env_size_problems(service.env, added=len(taken) + 1)
    files = {"DATABASE_PASSWORD": POSTGRES, "REDIS_PASSWORD": REDIS}
    for name in service.secrets:
        if files.get(name) in service.needs:
            yield Problem(
                what=f"secrets.{name} is set in the file",
                why=f"Moorage sets {name} to the generated password of {files[name]}",
                remedy="remove it, or give it another name",
                where=KeyPath.of("secrets", name),
            )


def needed_env(need: str) -> tuple[str, ...]:
    """Return the names of the variables in which a service finds something that it needs."""
    prefix, names = {
        POSTGRES: ("DATABASE", ("HOST", "PORT", "NAME", "USER", "PASSWORD_FILE")),
        REDIS: ("REDIS", ("HOST", "PORT", "PASSWORD_FILE")),
    }.get(need, (env_prefix(need), ("HOST", "PORT", "URL")))
    return tuple(f"{prefix}_{name}" for name in names)
