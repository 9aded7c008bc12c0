"""The stack's Redis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi

from moorage.config import outputs

from .endpoints import CacheEndpoint
from .generated import generated_password
from .labels import Role
from .manifests.store_plans import REDIS_PORT, REDIS_SECRET_KEY, redis_plan
from .store_objects import store_objects, store_secret

if TYPE_CHECKING:
    from collections.abc import Sequence

    from moorage.config.stack import Redis

    from .kubernetes_objects import KubernetesObject
    from .scope import Scope


@dataclass(frozen=True, kw_only=True)
class RedisCacheArgs:
    """A Redis and the image that it runs."""

    scope: Scope
    settings: Redis
    image: pulumi.Input[str]
    start_after: Sequence[pulumi.Resource] = ()
    """Further resources without which the pod should not start."""


class RedisCache(pulumi.ComponentResource):
    """Runs one Redis with an append-only file on a persistent volume and a password of its own.

    `endpoint` is what services need to connect, and is ready once Redis answers.
    """

    def __init__(self, name: str, args: RedisCacheArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Create the cache; `name` is also the host that it is reached by."""
        super().__init__(outputs.REDIS_CACHE, name, None, opts)
        scope = args.scope
        labels = scope.labels(name, Role.CACHE)
        password = generated_password(f"{name}-password", pulumi.ResourceOptions(parent=self, protect=scope.protect))
        secret = store_secret(name, labels, scope, key=REDIS_SECRET_KEY, password=password, parent=self)
        plan = redis_plan(
            args.settings,
            image=args.image,
            secret=secret.object_name,
            pull_secrets=scope.pull_secrets,
        )
        self.stateful_set: KubernetesObject = store_objects(
            name, labels, scope, plan=plan, start_after=args.start_after, parent=self
        )
        self.endpoint = CacheEndpoint(host=name, port=REDIS_PORT, password=password, ready=self.stateful_set)
        live = self.stateful_set.object_name.apply(lambda _: args.scope.record(name))
        self.register_outputs({outputs.HOST: name, outputs.PORT: REDIS_PORT, outputs.SETTINGS: live})
