"""The stack's PostgreSQL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi

from moorage.config import outputs

from .endpoints import DatabaseEndpoint
from .generated import generated_password
from .labels import Role
from .manifests.store_plans import POSTGRES_PORT, POSTGRES_SECRET_KEY, POSTGRES_USER, postgres_plan
from .store_objects import store_objects, store_secret

if TYPE_CHECKING:
    from collections.abc import Sequence

    from moorage.config.stack import Postgres

    from .kubernetes_objects import KubernetesObject
    from .scope import Scope


@dataclass(frozen=True, kw_only=True)
class PostgresDatabaseArgs:
    """A PostgreSQL and the image that it runs."""

    scope: Scope
    settings: Postgres
    image: pulumi.Input[str]
    start_after: Sequence[pulumi.Resource] = ()
    """Further resources without which the pod should not start."""


class PostgresDatabase(pulumi.ComponentResource):
    """Runs one PostgreSQL with its data on a persistent volume and a password of its own.

    It makes no backups, no replicas and no schema: services migrate what is theirs. `endpoint` is what they need to
    connect, and is ready once the database answers.
    """

    def __init__(self, name: str, args: PostgresDatabaseArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Create the database; `name` is also the host that it is reached by."""
        super().__init__(outputs.POSTGRES_DATABASE, name, None, opts)
        scope = args.scope
        labels = scope.labels(name, Role.DATABASE)
        # Postgres reads the password when the data directory is made, so losing it would lock everyone out.
        password = generated_password(f"{name}-password", pulumi.ResourceOptions(parent=self, protect=scope.protect))
        secret = store_secret(name, labels, scope, key=POSTGRES_SECRET_KEY, password=password, parent=self)
        plan = postgres_plan(
            args.settings,
            image=args.image,
            secret=secret.object_name,
            pull_secrets=scope.pull_secrets,
        )
        self.stateful_set: KubernetesObject = store_objects(
            name, labels, scope, plan=plan, start_after=args.start_after, parent=self
        )
        self.endpoint = DatabaseEndpoint(
            host=name,
            port=POSTGRES_PORT,
            name=args.settings.database,
            user=POSTGRES_USER,
            password=password,
            ready=self.stateful_set,
        )
        live = self.stateful_set.object_name.apply(lambda _: args.scope.record(name))
        self.register_outputs({outputs.HOST: name, outputs.PORT: POSTGRES_PORT, outputs.SETTINGS: live})
