"""The keys of ``service.yaml``. Field names and units are those of Kubernetes."""

# ruff: noqa: RUF012, TC001  # pydantic gives each instance its own copy of a mutable default, and reads annotations
from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from moorage.config.fields import ConfigKey, DnsLabel, EnvName, Model, Port, SecretName, Unique
from moorage.config.imagebuild import Build
from moorage.config.patches import Patch
from moorage.config.paths import FolderPath, ImageName
from moorage.config.pod import Develop, Probe, Resources
from moorage.config.processtext import Argument, KeptText
from moorage.config.reach import Route
from moorage.config.scaling import Scaling
from moorage.config.strategy import Strategy


class ServiceKeys(Model):
    """One service: its image, its pods and what they may reach."""

    escape = "what Kubernetes knows of it can be set with patches (docs/what-teams-run.md)"

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
    patches: list[Patch] = []
    """Changes of this service's finished objects, for what has no key here; applied before those of the stack."""

    def probes(self) -> dict[str, Probe]:
        """Return the three probes by their Kubernetes name."""
        return {
            "startupProbe": self.startup_probe,
            "livenessProbe": self.liveness_probe,
            "readinessProbe": self.readiness_probe,
        }
