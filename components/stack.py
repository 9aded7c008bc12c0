"""The whole stack on one page: images, network, data stores, services, the way in, and what Pulumi shows of it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pulumi

from components.image_builds import ImageBuilder
from components.ingress import Ingress, IngressArgs
from components.kubernetes_objects import cluster_provider
from components.network import Network, NetworkArgs
from components.postgres import PostgresDatabase, PostgresDatabaseArgs
from components.redis import RedisCache, RedisCacheArgs
from components.scope import stack_scope
from components.service import Service, ServiceArgs
from components.store_backups import OffsiteArgs
from moorage.base.errors import MoorageError
from moorage.config import outputs
from moorage.config.backup import OFFSITE_SECRETS, RCLONE
from moorage.config.loader import load_project
from moorage.config.service import POSTGRES, REDIS
from moorage.config.stackfile import SETTINGS_NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from components.endpoints import Endpoint
    from components.image_builds import Images
    from components.scope import Scope
    from moorage.config.project import Project
    from moorage.config.service import Service as ServiceModel

_MESSAGE_WAS_SHOWN = 32
"""Exit code to which the language host adds nothing."""


def deploy() -> None:
    """Declare the stack that Pulumi was asked for, as the files of the current folder describe it.

    A mistake in them ends the program with the mistake alone.
    """
    try:
        declare(load_project(Path.cwd(), pulumi.get_stack()))
    except MoorageError as error:
        pulumi.log.error(str(error))
        sys.exit(_MESSAGE_WAS_SHOWN)


def declare(project: Project) -> None:
    """Declare everything that a project's stack consists of, and its outputs."""
    services = [project.services[name] for name in project.running]
    images = ImageBuilder(project).build()
    opts = pulumi.ResourceOptions(provider=cluster_provider("cluster", project))
    scope = stack_scope(project, opts)
    policies = _network(project, scope, services, opts)
    endpoints = _stores(project, scope, images, policies, opts)
    running = _services(scope, services, images, endpoints, opts, start_after=policies)
    if any(service.route for service in services):
        Ingress("ingress", IngressArgs(scope=scope, settings=project.settings.ingress, services=services), opts)

    pulumi.export(outputs.URL, project.url)
    pulumi.export(outputs.NAMESPACE, project.namespace)
    pulumi.export(outputs.IMAGES, {name: image.image for name, image in images.services.items()})
    pulumi.export(outputs.INPUTS, {str(node): found.short for node, found in images.inputs.items()})
    pulumi.export(outputs.SERVICES, {name: service.summary for name, service in running.items()})


def _network(
    project: Project, scope: Scope, services: Sequence[ServiceModel], opts: pulumi.ResourceOptions
) -> Sequence[pulumi.Resource]:
    """Return what closes the network, before which no pod starts."""
    if not project.settings.network_policies:
        return []
    backup = project.settings.postgres.backup
    args = NetworkArgs(
        scope=scope,
        services=services,
        controller_namespace=project.target.controller_namespace,
        offsite_port=backup.offsite.port if backup and backup.offsite else None,
    )
    return [Network("network", args, opts)]


def _stores(
    project: Project, scope: Scope, images: Images, start_after: Sequence[pulumi.Resource], opts: pulumi.ResourceOptions
) -> dict[str, Endpoint]:
    """Return the endpoints of the data stores that a service needs."""
    settings, found = project.settings, dict[str, "Endpoint"]()
    if POSTGRES in project.stores:
        image = images.bases[POSTGRES].image
        database = PostgresDatabaseArgs(
            scope=scope,
            settings=settings.postgres,
            image=image,
            offsite=_offsite(project, images),
            start_after=start_after,
        )
        found[POSTGRES] = PostgresDatabase(POSTGRES, database, opts).endpoint
    if REDIS in project.stores:
        image = images.bases[REDIS].image
        cache = RedisCacheArgs(scope=scope, settings=settings.redis, image=image, start_after=start_after)
        found[REDIS] = RedisCache(REDIS, cache, opts).endpoint
    return found


def _offsite(project: Project, images: Images) -> OffsiteArgs | None:
    """Return what copies the database's backups elsewhere; None where nothing does."""
    if RCLONE not in project.store_images:
        return None
    secret = pulumi.Config(SETTINGS_NAMESPACE).require_secret
    return OffsiteArgs(
        image=images.bases[RCLONE].image, secrets={name: secret(key) for name, key in OFFSITE_SECRETS.items()}
    )


def _services(
    scope: Scope,
    services: Sequence[ServiceModel],
    images: Images,
    stores: Mapping[str, Endpoint],
    opts: pulumi.ResourceOptions,
    *,
    start_after: Sequence[pulumi.Resource],
) -> dict[str, Service]:
    """Return the services, each after those that it needs."""
    # By name: a project may be called anything, and its own settings begin with that name.
    secret = pulumi.Config(SETTINGS_NAMESPACE).require_secret
    endpoints, running = dict(stores), dict[str, Service]()
    for service in services:
        args = ServiceArgs(
            scope=scope,
            service=service,
            image=images.services[service.name].image,
            needs={need: endpoints[need] for need in service.needs},
            secrets={name: secret(key) for name, key in service.secrets.items()},
            start_after=start_after,
        )
        running[service.name] = Service(service.name, args, opts)
        endpoints[service.name] = running[service.name].endpoint
    return running
