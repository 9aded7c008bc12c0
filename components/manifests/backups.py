"""Backups of Postgres: the sidecar that makes them, their volume, and the Job that restores one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.manifests import Later, Manifest, metadata, omit_none, pods
from components.manifests.services import SKIP_AWAIT
from components.manifests.stateful import USER
from moorage.config.backup import volume_of

if TYPE_CHECKING:
    from components.labels import Labels
    from moorage.config.backup import Backup, Offsite, Restore
    from moorage.config.stack import Postgres

BACKUPS_VOLUME = "backups"
RESTORED_VOLUME = "restored"
_BACKUPS_PATH = "/backups"
_RESTORED_PATH = "/restored"
_SOCKETS_PATH = "/var/run/postgresql"
_OFFSITE_SECRETS = "offsite-secrets"
_OFFSITE_SECRETS_PATH = "/run/secrets/offsite"
_GROUP_READ = 0o440
_COMMAND = ["sh", "/usr/local/bin/backup-postgres"]
_COPY_COMMAND = ["sh", "/usr/local/bin/copy-backups"]
_SIZES: Manifest = {"requests": {"cpu": "20m", "memory": "48Mi"}, "limits": {"cpu": "1", "memory": "256Mi"}}
_RESTORE_SIZES: Manifest = {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"cpu": "2", "memory": "512Mi"}}
_RESTORE_SECONDS = 6 * 3600
_COMPACT = "%Y%m%dT%H%M%SZ"
_POSTGRES_TIME = "%Y-%m-%d %H:%M:%S.%f+00"


@dataclass(frozen=True, kw_only=True)
class Copies:
    """What copies elsewhere need; image and secret may come later."""

    image: Later
    secret: Later
    """Name of the Secret of `OFFSITE_SECRETS`."""
    prefix: str
    """Below which they lie where the settings name nothing."""


def backups_claim_name(labels: Labels) -> str:
    """Return the name of the claim that holds a store's backups."""
    return f"{labels.name}-backups"


def restored_claim_name(labels: Labels, restore: Restore) -> str:
    """Return the name of the claim that a restore fills."""
    return f"{labels.name}-{restore.volume}"


def claim(labels: Labels, name: str, *, storage: str, storage_class: str | None) -> Manifest:
    """Return a claim; it is bound once a pod wants it, which nobody waits for."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": metadata(labels, name, annotations=SKIP_AWAIT),
        "spec": omit_none(
            {
                "accessModes": ["ReadWriteOnce"],
                "storageClassName": storage_class,
                "resources": {"requests": {"storage": storage}},
            }
        ),
    }


def claim_volume(name: str, claim_name: Later) -> Manifest:
    """Return a pod's volume that is a claim."""
    return {"name": name, "persistentVolumeClaim": {"claimName": claim_name}}


def _environment(values: dict[str, str]) -> list[Manifest]:
    return [{"name": name, "value": value} for name, value in values.items() if value]


def _probe(word: str, *, period: int, failures: int) -> Manifest:
    return pods.exec_probe([*_COMMAND, word], period=period, timeout=5, failures=failures)


def backup_sidecar(settings: Backup, restore: Restore | None, *, image: Later) -> Manifest:
    """Return the sidecar that receives the WAL and makes base backups.

    It starts before the server and ends after it, so that it has received the last of its WAL.
    """
    return {
        "name": "backup",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "restartPolicy": "Always",
        "command": [*_COMMAND, "run"],
        "env": _environment(
            {
                "BACKUP_FOLDER": _BACKUPS_PATH,
                "BACKUP_VOLUME": volume_of(restore),
                "BACKUP_FULL_HOURS": str(settings.full_every_hours),
                "BACKUP_INCREMENTAL_HOURS": str(settings.incremental_every_hours),
                "BACKUP_KEEP_DAYS": str(settings.keep_days),
                "PGHOST": _SOCKETS_PATH,
                "PGUSER": "postgres",
                "PGDATABASE": "postgres",
                "PGAPPNAME": "backup",
            }
        ),
        "startupProbe": _probe("started", period=1, failures=60),
        "readinessProbe": _probe("ready", period=30, failures=3),
        "livenessProbe": _probe("alive", period=120, failures=3),
        "resources": _SIZES,
        "securityContext": pods.container_security_context(),
        "volumeMounts": [
            pods.mount(BACKUPS_VOLUME, _BACKUPS_PATH),
            pods.mount("sockets", _SOCKETS_PATH),
            pods.mount("backup-tmp", "/tmp"),  # noqa: S108 -- a mount point inside the container
        ],
    }


def _offsite_container(offsite: Offsite, copies: Copies, command: list[str], environment: dict[str, str]) -> Manifest:
    return {
        "name": "offsite",
        "image": copies.image,
        "imagePullPolicy": "IfNotPresent",
        "command": [*_COPY_COMMAND, *command],
        "env": _environment(
            {
                **environment,
                "BACKUP_FOLDER": _BACKUPS_PATH,
                "OFFSITE_ENDPOINT": offsite.endpoint,
                "OFFSITE_BUCKET": offsite.bucket,
                "OFFSITE_PREFIX": offsite.prefix or copies.prefix,
                "OFFSITE_REGION": offsite.region,
                "OFFSITE_SECRETS": _OFFSITE_SECRETS_PATH,
            }
        ),
        "resources": _SIZES,
        "securityContext": pods.container_security_context(),
        "volumeMounts": [
            pods.mount(BACKUPS_VOLUME, _BACKUPS_PATH),
            pods.mount(_OFFSITE_SECRETS, _OFFSITE_SECRETS_PATH, read_only=True),
            pods.mount("offsite-tmp", "/tmp"),  # noqa: S108 -- a mount point inside the container
        ],
    }


def offsite_sidecar(settings: Backup, offsite: Offsite, copies: Copies) -> Manifest:
    """Return the sidecar that copies the backups elsewhere."""

    def probe(word: str, *, period: int, failures: int) -> Manifest:
        return pods.exec_probe([*_COPY_COMMAND, word], period=period, timeout=5, failures=failures)

    kept = {"BACKUP_KEEP_DAYS": str(settings.keep_days), "BACKUP_FULL_HOURS": str(settings.full_every_hours)}
    return {
        **_offsite_container(offsite, copies, ["push"], kept),
        "restartPolicy": "Always",
        "startupProbe": probe("started", period=1, failures=60),
        "readinessProbe": probe("ready", period=30, failures=3),
        "livenessProbe": probe("alive", period=120, failures=3),
    }


def backup_sidecars(model: Postgres, image: Later, copies: Copies | None) -> tuple[Manifest, ...]:
    """Return the sidecars of a database's pod: what makes its backups, and what copies them elsewhere."""
    backup = model.backup
    if backup is None:
        return ()
    own = backup_sidecar(backup, model.restore, image=image)
    return (own, offsite_sidecar(backup, backup.offsite, copies)) if backup.offsite and copies else (own,)


def _offsite_volumes(copies: Copies | None) -> tuple[Manifest, ...]:
    if copies is None:
        return ()
    secrets = {"name": _OFFSITE_SECRETS, "secret": {"secretName": copies.secret, "defaultMode": _GROUP_READ}}
    return secrets, pods.empty_dir("offsite-tmp")


def backup_volumes(labels: Labels, copies: Copies | None = None) -> tuple[Manifest, ...]:
    """Return the volumes that the sidecars bring into the database's pod."""
    own = claim_volume(BACKUPS_VOLUME, backups_claim_name(labels)), pods.empty_dir("backup-tmp")
    return own + _offsite_volumes(copies)


def _restore_container(restore: Restore, image: Later) -> Manifest:
    instant = restore.instant()
    return {
        "name": "restore",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": [*_COMMAND, "restore", _RESTORED_PATH],
        "env": _environment(
            {
                "BACKUP_FOLDER": _BACKUPS_PATH,
                "RESTORE_VOLUME": restore.from_volume,
                "RESTORE_BACKUP": restore.backup or "",
                "RESTORE_TIME": instant.strftime(_POSTGRES_TIME) if instant else "",
                "RESTORE_BEFORE": instant.strftime(_COMPACT) if instant else "",
                "PGHOST": "/tmp",  # noqa: S108 -- inside the container
                "PGUSER": "postgres",
                "PGDATABASE": "postgres",
            }
        ),
        "resources": _RESTORE_SIZES,
        "securityContext": pods.container_security_context(),
        "volumeMounts": [
            pods.mount(BACKUPS_VOLUME, _BACKUPS_PATH),
            pods.mount(RESTORED_VOLUME, _RESTORED_PATH),
            pods.mount("tmp", "/tmp"),  # noqa: S108 -- a mount point inside the container
        ],
    }


def _fetching(offsite: Offsite | None, copies: Copies | None, restore: Restore) -> list[Manifest] | None:
    if offsite is None or copies is None:
        return None
    return [_offsite_container(offsite, copies, ["fetch", restore.from_volume], {})]


def restore_job(
    labels: Labels,
    owner: Labels,
    restore: Restore,
    *,
    image: Later,
    offsite: Offsite | None = None,
    copies: Copies | None = None,
    pull_secrets: tuple[str, ...] = (),
) -> Manifest:
    """Return the Job that restores into the claim of `restore`; one that finds a restored database there does nothing.

    Where the volume of the backups is empty they come from `copies` first.

    `labels` are its own, so that no Service takes it for the database; `owner` are those of the database.
    """
    # The backups' volume may be open on one node only: the database's.
    beside = {"labelSelector": {"matchLabels": owner.selector()}, "topologyKey": "kubernetes.io/hostname"}
    affinity = {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "podAffinityTerm": beside}]}
    pod = omit_none(
        {
            "serviceAccountName": owner.name,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "imagePullSecrets": pods.pull_secrets(pull_secrets),
            "securityContext": pods.pod_security_context(USER),
            "restartPolicy": "Never",
            "affinity": {"podAffinity": affinity},
            "initContainers": _fetching(offsite, copies, restore),
            "containers": [_restore_container(restore, image)],
            "volumes": [
                claim_volume(BACKUPS_VOLUME, backups_claim_name(owner)),
                claim_volume(RESTORED_VOLUME, restored_claim_name(owner, restore)),
                pods.empty_dir("tmp"),
                *_offsite_volumes(copies),
            ],
        }
    )
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata(labels, f"{owner.name}-restore-{restore.volume}"),
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": _RESTORE_SECONDS,
            "template": {"metadata": {"labels": labels.all()}, "spec": pod},
        },
    }
