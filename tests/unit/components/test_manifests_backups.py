"""What backups add to the database's pod, and the Job that restores one, without an engine."""

from __future__ import annotations

from typing import Any

from components.manifests import backups
from components.manifests.stateful import stateful_set
from components.manifests.store_plans import postgres_plan
from moorage.config.backup import Backup, Restore
from moorage.config.stack import Postgres
from tests.unit.component_samples import DATABASE, container_of, pod_of


def database(*, copies: backups.Copies | None = None, **changes: Any) -> dict[str, Any]:
    """Return Postgres' StatefulSet with settings changed."""
    return stateful_set(
        DATABASE, postgres_plan(Postgres.model_validate(changes), DATABASE, image="i", secret="s", copies=copies)
    )


OFFSITE = {"endpoint": "http://store.example.com:7480", "bucket": "acme-backups"}
COPIES = backups.Copies(image="r", secret="keys", prefix="harbour-prod")


def mounted(container: dict[str, Any]) -> dict[str, str]:
    """Return the volumes of a container by their paths."""
    return {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}


def claims(pod: dict[str, Any]) -> dict[str, str]:
    """Return the names of the claims of a pod's volumes."""
    found = {volume["name"]: volume.get("persistentVolumeClaim") for volume in pod["volumes"]}
    return {name: claim["claimName"] for name, claim in found.items() if claim}


def setting(container: dict[str, Any], name: str) -> str | None:
    """Return the value of a server's option."""
    found = [word.partition("=")[2] for word in container["args"] if word.startswith(f"{name}=")]
    return found[0] if found else None


def environment(container: dict[str, Any]) -> dict[str, str]:
    """Return a container's variables."""
    return {one["name"]: one["value"] for one in container["env"]}


def test_without_backups_the_pod_is_the_database_alone() -> None:
    pod = pod_of(database())
    assert "initContainers" not in pod
    assert claims(pod) == {}
    assert setting(container_of(database()), "summarize_wal") is None


def test_a_reader_of_the_wal_that_never_comes_back_cannot_fill_the_volume() -> None:
    each: tuple[dict[str, Any], ...] = ({}, {"backup": {}})
    for changes in each:
        assert setting(container_of(database(storage="8Gi", **changes)), "max_slot_wal_keep_size") == "2048MB"


def test_the_backups_are_made_by_a_sidecar_that_outlives_the_server() -> None:
    manifest = database(backup=Backup(full_every_hours=12, incremental_every_hours=2, keep_days=3))
    pod = pod_of(manifest)
    (sidecar,) = pod["initContainers"]
    assert sidecar["restartPolicy"] == "Always"
    assert sidecar["command"][-1] == "run"
    found = environment(sidecar)
    assert (found["BACKUP_FULL_HOURS"], found["BACKUP_INCREMENTAL_HOURS"], found["BACKUP_KEEP_DAYS"]) == (
        "12",
        "2",
        "3",
    )
    assert found["BACKUP_VOLUME"] == "data"
    assert claims(pod) == {"backups": f"{DATABASE.name}-backups"}
    assert mounted(sidecar)["/backups"] == "backups"
    # It connects as the superuser by the socket, so both mount the same folder.
    assert mounted(sidecar)[found["PGHOST"]] == mounted(container_of(manifest))[found["PGHOST"]]
    assert setting(container_of(manifest), "summarize_wal") == "on"


def test_a_restored_database_runs_on_its_new_volume_and_is_backed_up_under_its_name() -> None:
    manifest = database(backup=Backup(), restore=Restore(volume="second"))
    pod = pod_of(manifest)
    assert claims(pod)["other-data"] == f"{DATABASE.name}-second"
    assert mounted(container_of(manifest))["/var/lib/postgresql/data"] == "other-data"
    assert environment(pod["initContainers"][0])["BACKUP_VOLUME"] == "second"
    # The template can never change, so the first volume stays with the StatefulSet.
    assert manifest["spec"]["volumeClaimTemplates"][0]["metadata"]["name"] == "data"


def test_a_restore_reads_one_volume_and_fills_another() -> None:
    restore = Restore(volume="third", from_volume="second", at="2026-12-01T15:30:00.5+01:00")
    job = backups.restore_job(DATABASE, DATABASE, restore, image="i")
    assert job["spec"]["backoffLimit"] == 0
    pod = job["spec"]["template"]["spec"]
    assert pod["restartPolicy"] == "Never"
    assert claims(pod) == {"backups": f"{DATABASE.name}-backups", "restored": f"{DATABASE.name}-third"}
    found = environment(container_of(job))
    assert found["RESTORE_VOLUME"] == "second"
    assert found["RESTORE_TIME"] == "2026-12-01 14:30:00.500000+00"
    assert found["RESTORE_BEFORE"] == "20261201T143000Z"
    assert "RESTORE_BACKUP" not in found


def test_all_that_was_received_is_restored_where_no_time_is_named() -> None:
    restore = Restore(volume="second", backup="20261201T020000Z-full")
    found = environment(container_of(backups.restore_job(DATABASE, DATABASE, restore, image="i")))
    assert found["RESTORE_BACKUP"] == "20261201T020000Z-full"
    assert "RESTORE_TIME" not in found
    assert "RESTORE_BEFORE" not in found


def test_copies_elsewhere_are_made_by_a_sidecar_that_has_the_keys_as_files() -> None:
    pod = pod_of(database(copies=COPIES, backup=Backup.model_validate({"offsite": OFFSITE})))
    own, other = pod["initContainers"]
    assert (own["image"], other["image"]) == ("i", "r")
    found = environment(other)
    assert (found["OFFSITE_ENDPOINT"], found["OFFSITE_PREFIX"]) == (OFFSITE["endpoint"], "harbour-prod")
    (secret,) = [volume for volume in pod["volumes"] if volume.get("secret", {}).get("secretName") == "keys"]
    assert mounted(other)[found["OFFSITE_SECRETS"]] == secret["name"]
    assert secret["name"] not in mounted(own).values()
    assert mounted(other)["/backups"] == mounted(own)["/backups"]


def test_a_restore_fetches_the_copies_first() -> None:
    offsite = Backup.model_validate({"offsite": OFFSITE}).offsite
    restore = Restore(volume="second")
    job = backups.restore_job(DATABASE, DATABASE, restore, image="i", offsite=offsite, copies=COPIES)
    (fetching,) = job["spec"]["template"]["spec"]["initContainers"]
    assert fetching["command"][-2:] == ["fetch", "data"]
    assert "restartPolicy" not in fetching
    without = backups.restore_job(DATABASE, DATABASE, restore, image="i")
    assert "initContainers" not in without["spec"]["template"]["spec"]
