"""What must hold between the keys of one service.yaml."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moorage.base.errors import KeyPath, Problem
from moorage.config.names import ALWAYS_WRITABLE, POSTGRES, REDIS, SECRETS_FOLDER, needed_env
from moorage.config.processtext import env_size_problems
from moorage.config.strategy import BLUE_GREEN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moorage.config.servicekeys import ServiceKeys


def service_problems(service: ServiceKeys) -> Iterator[Problem]:
    """Yield every rule between a service's own fields that does not hold."""
    yield from _image_problems(service)
    yield from _kind_problems(service)
    yield from _probe_problems(service)
    yield from _folder_problems(service)
    yield from _env_problems(service)
    yield from _strategy_problems(service)
    if service.name in service.needs:
        yield Problem(
            what=f"{service.name} needs itself",
            why="what a service needs must be Ready before it starts",
            remedy="remove it from needs",
            where=KeyPath.of("needs", service.needs.index(service.name)),
        )
    yield from _number_problems(service)


def _number_problems(service: ServiceKeys) -> Iterator[Problem]:
    scaling = service.scaling
    if scaling and "replicas" in service.model_fields_set and not scaling.holds(service.replicas):
        yield Problem(
            what=f"replicas ({service.replicas}) is outside scaling's {scaling.min_replicas} to {scaling.max_replicas}",
            why="the autoscaler would change a number outside its bounds at once",
            remedy="remove replicas, or widen the bounds",
            where=KeyPath.of("replicas"),
        )
    if service.termination_grace_period_seconds <= service.pre_stop_sleep_seconds:
        yield Problem(
            what=f"terminationGracePeriodSeconds ({service.termination_grace_period_seconds}) does not exceed "
            f"preStopSleepSeconds ({service.pre_stop_sleep_seconds})",
            why="the sleep counts against the grace period: the process would be killed before it can finish",
            remedy=f"set terminationGracePeriodSeconds to {service.pre_stop_sleep_seconds + 30}",
            where=KeyPath.of("terminationGracePeriodSeconds"),
        )


def _image_problems(service: ServiceKeys) -> Iterator[Problem]:
    if service.image is not None and "build" in service.model_fields_set:
        yield Problem(
            what=f"{service.name} has both image and build",
            why="an image is either built here or taken as it is from a registry",
            remedy="keep one of them",
            where=KeyPath.of("image"),
        )


def _kind_problems(service: ServiceKeys) -> Iterator[Problem]:
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


def _probe_problems(service: ServiceKeys) -> Iterator[Problem]:
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


def _strategy_problems(service: ServiceKeys) -> Iterator[Problem]:
    if service.strategy.type == BLUE_GREEN and service.scaling is not None:
        yield Problem(
            what="strategy.type is BlueGreen, and scaling lets the load decide the number of pods",
            why="the new pods must be able to carry the whole load before the switch, so their number is fixed",
            remedy="set replicas instead of scaling, or use type: RollingUpdate",
            where=KeyPath.of("strategy", "type"),
        )


def _folder_problems(service: ServiceKeys) -> Iterator[Problem]:
    for index, path in enumerate(service.writable_paths):
        if path == ALWAYS_WRITABLE:
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


def _env_problems(service: ServiceKeys) -> Iterator[Problem]:
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
