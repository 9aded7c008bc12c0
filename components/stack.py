"""The whole stack on one page: images, network, data stores, services, the way in, and what Pulumi shows of it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pulumi

from moorage.base.errors import MoorageError
from moorage.config import outputs
from moorage.config.pinned import load_declared
from moorage.config.service import POSTGRES, REDIS
from moorage.config.stackfile import SETTINGS_NAMESPACE

from .deployed import Deployed
from .image_sources import built_images, pinned_images
from .ingress import Ingress, IngressArgs
from .kubernetes_objects import cluster_provider
from .manifests.development import developed_code
from .network import Network, NetworkArgs
from .patching import transformations
from .postgres import PostgresDatabase, PostgresDatabaseArgs
from .redis import RedisCache, RedisCacheArgs
from .releases import Recorder
from .scope import stack_scope
from .service import Service, ServiceArgs
from .watcher import watch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from moorage.config.project import Project
    from moorage.config.release import Release
    from moorage.config.service import Service as ServiceModel

    from .endpoints import Endpoint
    from .image_sources import RunImages
    from .scope import Scope

_MESSAGE_WAS_SHOWN = 32
"""Exit code to which the language host adds nothing."""


def deploy() -> Deployed:
    """Declare and return the stack that Pulumi was asked for; a mistake in its files ends the program with it alone."""
    try:
        return declare(*load_declared(Path.cwd(), pulumi.get_stack()))
    except MoorageError as error:
        pulumi.log.error(str(error))
        sys.exit(_MESSAGE_WAS_SHOWN)


def declare(project: Project, release: Release | None = None) -> Deployed:
    """Declare all that a project's stack consists of, and its outputs; of a project out of a ``release`` builds nothing.

    Raises `MoorageError` where a patch does not fit.
    """
    services = [project.services[name] for name in project.running]
    recorder = Recorder(project, release)
    images = pinned_images(release, recorder.inputs) if release else built_images(project)
    opts = pulumi.ResourceOptions(
        provider=cluster_provider("cluster", project), transformations=transformations(project)
    )
    scope = stack_scope(project, opts, recorder.before)
    policies = _network(project, scope, services, opts)
    watch(project, scope, images.bases, policies, opts)
    endpoints = _stores(project, scope, images, policies, opts)
    running = _services(project, scope, images, endpoints, opts, start_after=policies)
    if any(service.route for service in services):
        args = IngressArgs(scope=scope, settings=project.settings.ingress, services=services)
        recorder.note("ingress", Ingress("ingress", args, opts).done)

    pulumi.export(outputs.URL, project.url)
    pulumi.export(outputs.NAMESPACE, project.namespace)
    pulumi.export(outputs.IMAGES, images.services)
    pulumi.export(outputs.INPUTS, images.inputs)
    pulumi.export(outputs.SERVICES, {name: service.summary for name, service in running.items()})
    pulumi.export(outputs.RELEASES, recorder.releases(images, running))
    reached = {**endpoints, **{name: service.endpoint for name, service in running.items()}}
    return Deployed(project=project, scope=scope, endpoints=reached, images=images.services, options=opts)


def _network(
    project: Project, scope: Scope, services: Sequence[ServiceModel], opts: pulumi.ResourceOptions
) -> Sequence[pulumi.Resource]:
    """Return what closes the network, before which no pod starts."""
    if not project.settings.network_policies:
        return []
    controller = project.target.controller_namespace
    return [Network("network", NetworkArgs(scope=scope, services=services, controller_namespace=controller), opts)]


def _stores(
    project: Project,
    scope: Scope,
    images: RunImages,
    start_after: Sequence[pulumi.Resource],
    opts: pulumi.ResourceOptions,
) -> dict[str, Endpoint]:
    """Return the endpoints of the data stores that a service needs."""
    settings, found = project.settings, dict[str, "Endpoint"]()
    if POSTGRES in project.stores:
        image = images.stores[POSTGRES]
        database = PostgresDatabaseArgs(scope=scope, settings=settings.postgres, image=image, start_after=start_after)
        found[POSTGRES] = PostgresDatabase(POSTGRES, database, opts).endpoint
    if REDIS in project.stores:
        image = images.stores[REDIS]
        cache = RedisCacheArgs(scope=scope, settings=settings.redis, image=image, start_after=start_after)
        found[REDIS] = RedisCache(REDIS, cache, opts).endpoint
    return found


def _services(
    project: Project,
    scope: Scope,
    images: RunImages,
    stores: Mapping[str, Endpoint],
    opts: pulumi.ResourceOptions,
    *,
    start_after: Sequence[pulumi.Resource],
) -> dict[str, Service]:
    """Return the services, each after those that it needs."""
    # By name: a project may be called anything, and its own settings begin with that name.
    secret = pulumi.Config(SETTINGS_NAMESPACE).require_secret
    endpoints, running = dict(stores), dict[str, Service]()
    for service in (project.services[name] for name in project.running):
        args = ServiceArgs(
            scope=scope,
            service=service,
            image=images.services[service.name],
            needs={need: endpoints[need] for need in service.needs},
            secrets={name: secret(key) for name, key in service.secrets.items()},
            start_after=start_after,
            develop=developed_code(project, service.name),
        )
        running[service.name] = Service(service.name, args, opts)
        endpoints[service.name] = running[service.name].endpoint
    return running
