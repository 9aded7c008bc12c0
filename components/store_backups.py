"""The objects around a store's backups: their volume, and what restores one before the store runs on it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pulumi

from components.kubernetes_objects import KubernetesObject, timeouts
from components.labels import Role
from components.manifests.backups import Copies, backups_claim_name, claim, restore_job, restored_claim_name
from components.manifests.services import secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.labels import Labels
    from components.scope import Scope
    from moorage.config.stack import Postgres

_RESTORE_MINUTES = 6 * 60


@dataclass(frozen=True, kw_only=True)
class OffsiteArgs:
    """What copies the backups elsewhere."""

    image: pulumi.Input[str]
    secrets: Mapping[str, pulumi.Input[str]] = field(repr=False)
    """Values of `OFFSITE_SECRETS`, by the names of their files."""


def offsite_copies(
    name: str, labels: Labels, scope: Scope, args: OffsiteArgs | None, parent: pulumi.Resource
) -> Copies | None:
    """Create the Secret that copies elsewhere need; None where there are none."""
    if args is None:
        return None
    opts = pulumi.ResourceOptions(parent=parent)
    held = KubernetesObject(f"{name}-offsite", secret(labels, args.secrets), scope.namespace, opts)
    return Copies(image=args.image, secret=held.object_name, prefix=labels.instance)


def postgres_backups(  # what the Job runs with, and where
    name: str,
    labels: Labels,
    scope: Scope,
    *,
    settings: Postgres,
    image: pulumi.Input[str],
    copies: Copies | None,
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
    manifest = claim(labels, backups_claim_name(labels), storage=backup.storage, storage_class=backup.storage_class)
    backups = KubernetesObject(f"{name}-backups", manifest, scope.namespace, opts)
    if restore is None:
        return [backups]
    kept = pulumi.ResourceOptions(parent=parent, protect=scope.protect, retain_on_delete=True)
    manifest = claim(
        labels, restored_claim_name(labels, restore), storage=settings.storage, storage_class=settings.storage_class
    )
    volume = KubernetesObject(f"{name}-{restore.volume}", manifest, scope.namespace, kept)
    job = KubernetesObject(
        f"{name}-restore-{restore.volume}",
        restore_job(
            scope.labels(f"{name}-restore", Role.DATABASE),
            labels,
            restore,
            image=image,
            offsite=backup.offsite,
            copies=copies,
            pull_secrets=scope.pull_secrets,
        ),
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
