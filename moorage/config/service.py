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
    Hostname,
    Model,
    Port,
    SecretName,
    Unique,
)
from moorage.config.imagebuild import BaseImage, Budget, Build, ImageBuild, env_prefix, image_build_arg
from moorage.config.names import DATA_SERVICES, POSTGRES, REDIS, SECRETS_FOLDER, needed_env
from moorage.config.paths import FolderPath, ImageName, RoutePath  # noqa: TC001  # pydantic reads annotations
from moorage.config.pod import Amounts, Exec, HttpGet, Probe, Resources, TcpSocket
from moorage.config.processtext import Argument, KeptText  # noqa: TC001  # pydantic reads annotations
from moorage.config.servicerules import service_problems

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = [
    "DATA_SERVICES",
    "POSTGRES",
    "REDIS",
    "SECRETS_FOLDER",
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
    "env_prefix",
    "image_build_arg",
    "needed_env",
]

_EXAMPLE_OF_A_WORKER = "{exec: {command: [check]}}"


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
    image: ImageName | None = None
    """An image that somebody else builds, instead of ``build``: with its digest, or with a tag that ``images.lock.yaml`` pins."""
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

    @classmethod
    def example_for(cls, key: str, given: Mapping[str, Any]) -> str | None:
        """Return a worker's probe, as it has no port; of the name nothing, as it is the folder's."""
        if key.endswith("Probe") and given.get("kind") == "worker":
            return _EXAMPLE_OF_A_WORKER
        return "" if key == "name" else None

    def problems(self) -> Iterator[Problem]:
        """Yield every rule between this service's own fields that does not hold."""
        yield from service_problems(self)

    def probes(self) -> dict[str, Probe]:
        """Return the three probes by their Kubernetes name."""
        return {
            "startupProbe": self.startup_probe,
            "livenessProbe": self.liveness_probe,
            "readinessProbe": self.readiness_probe,
        }
