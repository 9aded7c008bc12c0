"""The whole stack: configuration, images, data, services, the way in."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pulumi

from components.builds import ImageBuilder
from components.ingress import Ingress, IngressArgs
from components.kubernetes import cluster_provider
from components.network import Network, NetworkArgs, stack_scope
from components.postgres import PostgresDatabase, PostgresDatabaseArgs
from components.redis import RedisCache, RedisCacheArgs
from components.service import Service, ServiceArgs
from moorage.base.errors import MoorageError
from moorage.config.loader import Project, load_project
from moorage.config.service import POSTGRES, REDIS

if TYPE_CHECKING:
    from components.endpoints import Endpoint

_MESSAGE_WAS_SHOWN = 32
"""Exit code to which the language host adds nothing."""


def deploy(project: Project) -> None:
    """Declare everything that the stack consists of."""
    settings, services = project.settings, [project.services[name] for name in project.running]
    images = ImageBuilder(project).build()
    opts = pulumi.ResourceOptions(provider=cluster_provider("cluster", project))
    scope = stack_scope(project, opts)
    before: list[pulumi.Resource] = []
    if settings.network_policies:
        controller = project.target.controller_namespace
        network = NetworkArgs(scope=scope, services=services, controller_namespace=controller)
        before.append(Network("network", network, opts))

    endpoints: dict[str, Endpoint] = {}
    if POSTGRES in images.bases:
        image = images.bases[POSTGRES].image
        database = PostgresDatabaseArgs(scope=scope, settings=settings.postgres, image=image, start_after=before)
        endpoints[POSTGRES] = PostgresDatabase(POSTGRES, database, opts).endpoint
    if REDIS in images.bases:
        image = images.bases[REDIS].image
        cache = RedisCacheArgs(scope=scope, settings=settings.redis, image=image, start_after=before)
        endpoints[REDIS] = RedisCache(REDIS, cache, opts).endpoint

    secret = pulumi.Config().require_secret
    running: dict[str, Service] = {}
    for service in services:
        args = ServiceArgs(
            scope=scope,
            service=service,
            image=images.services[service.name].image,
            needs={need: endpoints[need] for need in service.needs},
            secrets={name: secret(key) for name, key in service.secrets.items()},
            start_after=before,
        )
        running[service.name] = Service(service.name, args, opts)
        endpoints[service.name] = running[service.name].endpoint
    if any(service.route for service in services):
        Ingress("ingress", IngressArgs(scope=scope, settings=settings.ingress, services=services), opts)

    pulumi.export("url", project.url)
    pulumi.export("namespace", project.namespace)
    pulumi.export("images", {name: image.image for name, image in images.services.items()})
    pulumi.export("inputs", {str(node): found.short for node, found in images.inputs.items()})
    pulumi.export("services", {name: service.summary for name, service in running.items()})


if __name__ == "__main__":
    try:
        deploy(load_project(Path.cwd(), pulumi.get_stack()))
    except MoorageError as error:
        pulumi.log.error(str(error))
        sys.exit(_MESSAGE_WAS_SHOWN)
