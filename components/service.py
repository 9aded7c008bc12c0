"""A service of the monorepo, running: Deployment and everything that stands beside it."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pulumi

from moorage.config import outputs
from moorage.config.strategy import BLUE_GREEN

from .endpoints import Endpoint, HttpEndpoint
from .kubernetes_objects import KubernetesObject, awaited_rollout, timeouts
from .labels import Role
from .manifests import development, pods
from .manifests.availability import horizontal_pod_autoscaler, pod_disruption_budget
from .manifests.deployment import COLOUR, PORT_NAME, DeploymentParts, colour_of, deployment, progress_deadline
from .manifests.services import config_map, secret, service, service_account
from .manifests.verify import verify_job, verify_service

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from moorage.config.service import Service as ServiceModel

    from .manifests import Manifest
    from .manifests.development import DevelopedCode
    from .scope import Scope

_VERDICT_SECONDS = 60
"""How much longer a rollout is awaited than its own deadline, so that its own verdict is reported first."""
_CAREFUL_READY_SECONDS = 10
"""How long a new pod must stay Ready outside development: one that crashes soon after its start stops the rollout."""


@dataclass(frozen=True, kw_only=True)
class ServiceArgs:
    """A service, its image, and what it needs."""

    scope: Scope
    service: ServiceModel
    image: pulumi.Input[str]
    """``repository@digest``."""
    needs: Mapping[str, Endpoint] = field(default_factory=dict)
    """The endpoints of `service.needs`: they are ready before the first pod starts."""
    secrets: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    """Values of `service.secrets`, by the same names."""
    start_after: Sequence[pulumi.Resource] = ()
    """Further resources without which no pod should start."""
    develop: DevelopedCode | None = None
    """What is kept as new as the checkout; None outside a session of `moorage dev`."""


class Service(pulumi.ComponentResource):
    """Runs one service.

    Creates its ServiceAccount, ConfigMap, Secret, Deployment, PodDisruptionBudget, a Service where it listens, and an
    autoscaler where it scales. It makes neither the image, nor network policies, nor a route from outside. `endpoint`
    is what other services need of this one, and is ready once the Deployment is; `summary` says in plain values what runs,
    and `done` is known once all of its objects are there and the Deployment is rolled out.
    """

    def __init__(self, name: str, args: ServiceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Create the service's objects in the namespace of its scope."""
        super().__init__(outputs.SERVICE, name, None, opts)
        self._name = name
        self._args = args
        self._objects: list[KubernetesObject] = []
        self._labels = args.scope.labels(args.service.name, Role(args.service.kind))
        secret_values = self._secret_values()
        account = self._object("account", service_account(self._labels, token=args.service.service_account_token))
        settings = self._object("config", config_map(self._labels, self._environment(secret_values)))
        files = self._object("secret", secret(self._labels, secret_values)) if secret_values else None
        self._colour = self._new_colour(settings, files)
        self.deployment = self._create_deployment(account, settings, files)
        self._create_service(self._verified(settings))
        self._create_budget_and_autoscaler()
        self.endpoint = HttpEndpoint(name=args.service.name, port=args.service.port, ready=self.deployment)
        self.summary: dict[str, pulumi.Input[str | int]] = _summary(args.service)
        if self._colour is not None:
            self.summary[outputs.DEPLOYMENT] = self.deployment.object_name
        self.done: pulumi.Output[Any] = pulumi.Output.all(*(each.object_name for each in self._objects)).apply(
            self._keep_the_old
        )
        live = self.deployment.object_name.apply(lambda _: args.scope.record(name))
        self.register_outputs({outputs.NAME: self.deployment.object_name, outputs.SETTINGS: live})

    def _object(self, role: str, manifest: Manifest, opts: pulumi.ResourceOptions | None = None) -> KubernetesObject:
        opts = pulumi.ResourceOptions.merge(pulumi.ResourceOptions(parent=self), opts)
        self._objects.append(KubernetesObject(f"{self._name}-{role}", manifest, self._args.scope.namespace, opts))
        return self._objects[-1]

    def _secret_values(self) -> dict[str, pulumi.Input[str]]:
        needed = {key: value for need in self._args.needs.values() for key, value in need.secrets().items()}
        return {**needed, **self._args.secrets}

    def _environment(self, secret_values: Mapping[str, pulumi.Input[str]]) -> dict[str, str]:
        """Return the process's plain variables; what service.yaml says wins."""
        addresses = {key: value for need in self._args.needs.values() for key, value in need.environment().items()}
        files = {f"{key}_FILE": pods.secret_file(key) for key in secret_values}
        kind = "development" if self._args.scope.development else "production"
        session = development.environment() if self._args.develop else {}
        return {"ENVIRONMENT": kind, **addresses, **files, **session, **self._args.service.env}

    def _create_deployment(
        self, account: KubernetesObject, settings: KubernetesObject, files: KubernetesObject | None
    ) -> KubernetesObject:
        scope = self._args.scope
        parts = DeploymentParts(
            image=self._args.image,
            config_map=settings.object_name,
            secret=files.object_name if files else None,
            pull_secrets=scope.pull_secrets,
            min_ready_seconds=self._min_ready_seconds(),
            restarted_at=scope.before.restarts.get(self._name, ""),
            colour=self._colour,
            develop=self._args.develop,
        )
        before = [account, *(need.ready for need in self._args.needs.values()), *self._args.start_after]
        deadline = progress_deadline(self._args.service, parts.min_ready_seconds)
        patience = timeouts(math.ceil((deadline + _VERDICT_SECONDS) / 60))
        opts = pulumi.ResourceOptions(depends_on=before, custom_timeouts=patience)
        manifest = awaited_rollout(deployment(self._args.service, self._labels, parts))
        return self._object("deployment", manifest, opts)

    def _min_ready_seconds(self) -> int:
        told = self._args.service.strategy.min_ready_seconds
        if told is not None:
            return told
        return 0 if self._args.scope.development else _CAREFUL_READY_SECONDS

    def _new_colour(self, settings: KubernetesObject, files: KubernetesObject | None) -> pulumi.Output[str] | None:
        """Return what is another one whenever the pods are others; None where they are replaced in place."""
        if self._args.service.strategy.type != BLUE_GREEN:
            return None
        names = [settings.object_name, *([files.object_name] if files else [])]
        model = self._args.service.model_dump_json(exclude={"build", "replicas", "route"})
        restarted = self._args.scope.before.restarts.get(self._name, "")
        return pulumi.Output.all(self._args.image, model, restarted, *names).apply(colour_of)

    def _verified(self, settings: KubernetesObject) -> list[pulumi.Resource]:
        """Return what must be there before traffic is sent to the new pods."""
        service, scope = self._args.service, self._args.scope
        if self._colour is None or service.strategy.verify is None:
            return [self.deployment] if self._colour is not None else []
        colour = self.deployment.label(COLOUR)
        before: list[pulumi.Resource] = [self.deployment]
        if service.port is not None:
            asked = verify_service(self._labels, colour, port=service.port)
            before.append(self._object("verifyservice", asked, pulumi.ResourceOptions(depends_on=before)))
        job = verify_job(
            service,
            scope.labels(f"{service.name}{outputs.VERIFY_SUFFIX}", Role(service.kind)),
            colour=colour,
            image=self._args.image,
            config_map=settings.object_name,
            pull_secrets=scope.pull_secrets,
        )
        patience = timeouts(math.ceil((service.strategy.verify.timeout_seconds + _VERDICT_SECONDS) / 60))
        opts = pulumi.ResourceOptions(depends_on=before, custom_timeouts=patience)
        return [self._object("verifyjob", job, opts)]

    def _create_service(self, verified: Sequence[pulumi.Resource]) -> None:
        port = self._args.service.port
        if port is None:
            return
        if self._colour is None:
            self._object("service", service(self._labels, port=port, port_name=PORT_NAME))
            return
        # The switch: one write, once the Deployment of the new colour is rolled out and verified.
        selector = {COLOUR: self.deployment.label(COLOUR)}
        manifest = service(self._labels, port=port, port_name=PORT_NAME, further_selector=selector)
        self._object("service", manifest, pulumi.ResourceOptions(depends_on=list(verified)))

    async def _keep_the_old(self, names: list[Any]) -> Any:
        """Wait while the old pods are to stay: Pulumi deletes what was replaced once the program has ended."""
        seconds = self._args.service.strategy.keep_seconds
        if seconds and not pulumi.runtime.is_dry_run() and self._args.scope.before.replaced(self._name, names):
            pulumi.log.info(f"the old pods of {self._name} stay for {seconds} s", resource=self)
            await asyncio.sleep(seconds)
        return names

    def _create_budget_and_autoscaler(self) -> None:
        self._object("budget", pod_disruption_budget(self._labels))
        scaling = self._args.service.scaling
        if scaling is not None:
            # Not after the Deployment: it starts with one pod, and the autoscaler gives it the others at once.
            self._object("autoscaler", horizontal_pod_autoscaler(self._labels, scaling))


def _summary(service: ServiceModel) -> dict[str, pulumi.Input[str | int]]:
    scaling = service.scaling
    least, most = (scaling.min_replicas, scaling.max_replicas) if scaling else (service.replicas, service.replicas)
    return {"kind": service.kind, "minReplicas": least, "maxReplicas": most}
