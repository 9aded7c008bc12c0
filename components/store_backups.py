"""The objects around a store's backups: their volume, and what restores one before the store runs on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi

from components.kubernetes_objects import KubernetesObject, timeouts
from components.labels import Role
from components.manifests.backups import backups_claim_name, claim, restore_job, restored_claim_name

if TYPE_CHECKING:
    from components.labels import Labels
    from components.scope import Scope
    from moorage.config.stack import Postgres

_RESTORE_MINUTES = 6 * 60


def postgres_backups(
    name: str,
    labels: Labels,
    scope: Scope,
    *,
    settings: Postgres,
    image: pulumi.Input[str],
    parent: pulumi.Resource,
) -> list[pulumi.Resource]:
    """Create the volume of a database's backups, and what restores into another volume; return what comes before it.

    Nothing is created where the database has no backups. A volume that was restored into is never deleted by the
    engine, not even when another takes its place.
    """
    backup, restore = settings.backup, settings.restore
    if backup is None:
        return []
    opts = pulumi.ResourceOptions(parent=parent, protect=scope.protect, retain_on_delete=scope.protect)
    # A claim only ever grows, and by hand: see docs/data.md.
    manifest = claim(labels, backups_claim_name(labels), storage=backup.storage, storage_class=backup.storage_class)
    backups = KubernetesObject(f"{name}-backups", manifest, scope.namespace, opts)
    if restore is None:
        return [backups]
    kept = pulumi.ResourceOptions(parent=parent, protect=scope.protect, retain_on_delete=True)
    manifest = claim(
        labels, restored_claim_name(labels, restore), storage=settings.storage, storage_class=settings.storage_class
    )
    volume = KubernetesObject(f"{name}-{restore.volume}", manifest, scope.namespace, kept)
    own = scope.labels(f"{name}-restore", Role.DATABASE)
    job = KubernetesObject(
        f"{name}-restore-{restore.volume}",
        restore_job(own, labels, restore, image=image, pull_secrets=scope.pull_secrets),
        scope.namespace,
        pulumi.ResourceOptions(
            parent=parent,
            depends_on=[backups, volume],
            # It has run once, with the image of that day; a Job cannot be changed, and need not run again.
            ignore_changes=["spec"],
            custom_timeouts=timeouts(_RESTORE_MINUTES),
        ),
    )
    return [backups, job]
