"""Manifests of Postgres and Redis from their settings, without an engine."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from moorage.components.manifests import store_plans as stores
from moorage.components.manifests.stateful import stateful_set
from moorage.config.stack import Postgres, Redis
from tests.unit.component_samples import CACHE, DATABASE, container_of, pod_of


@given(mebibytes=st.integers(32, 65536), connections=st.integers(10, 1000))
def test_postgres_settings_fit_into_the_memory_limit(mebibytes: int, connections: int) -> None:
    settings = stores.postgres_settings(f"{mebibytes}Mi", connections)
    kib = {name: int(value.removesuffix("kB")) for name, value in settings.items() if value.endswith("kB")}
    limit = mebibytes * 1024
    assert kib["shared_buffers"] == limit // 4
    assert kib["work_mem"] >= 64
    if kib["work_mem"] > 64:
        assert kib["shared_buffers"] + connections * kib["work_mem"] <= limit // 2
    assert settings["max_connections"] == str(connections)


def postgres(**changes: Any) -> dict[str, Any]:
    """Return Postgres' StatefulSet with settings changed."""
    plan = stores.postgres_plan(Postgres.model_validate(changes), image="i", secret="s")
    return stateful_set(DATABASE, plan)


def redis(**changes: Any) -> dict[str, Any]:
    """Return Redis' StatefulSet with settings changed."""
    plan = stores.redis_plan(Redis.model_validate(changes), image="i", secret="s")
    return stateful_set(CACHE, plan)


def test_postgres_is_probed_over_tcp_where_its_first_start_does_not_answer_yet() -> None:
    container = container_of(postgres())
    for name in ("startupProbe", "livenessProbe", "readinessProbe"):
        command = container[name]["exec"]["command"]
        assert command[0] == "pg_isready"
        assert command[command.index("-h") + 1] == "127.0.0.1"
    startup = container["startupProbe"]
    assert startup["periodSeconds"] * startup["failureThreshold"] >= 300


def test_postgres_has_its_password_as_a_file_and_time_to_stop() -> None:
    manifest = postgres(database="berths")
    env = {item["name"]: item["value"] for item in container_of(manifest)["env"]}
    assert env["POSTGRES_PASSWORD_FILE"] == "/run/secrets/moorage/POSTGRES_PASSWORD"
    assert env["POSTGRES_DB"] == "berths"
    assert env["PGDATA"].startswith("/var/lib/postgresql/data/")
    assert pod_of(manifest)["terminationGracePeriodSeconds"] == 120


def test_postgres_shared_memory_is_part_of_its_memory() -> None:
    volumes = {volume["name"]: volume for volume in pod_of(postgres())["volumes"]}
    assert volumes["shared-memory"]["emptyDir"] == {"sizeLimit": "64Mi", "medium": "Memory"}


def test_redis_keeps_every_write_and_leaves_memory_for_rewriting() -> None:
    args = container_of(redis())["args"]
    options = dict(zip(args[::2], args[1::2], strict=True))
    assert options["--appendonly"] == "yes"
    assert options["--save"] == ""
    assert int(options["--maxmemory"]) == 128 * 2**20 * 60 // 100
    assert options["--maxmemory-policy"] == "noeviction"


def test_the_redis_password_is_in_no_argument() -> None:
    container = container_of(redis())
    said = [
        *container["args"],
        *(
            word
            for name in ("startupProbe", "livenessProbe", "readinessProbe")
            for word in container[name]["exec"]["command"]
        ),
    ]
    assert not [word for word in said if "--pass" in word or word == "-a" or "requirepass" in word]
    assert "REDISCLI_AUTH" in container["livenessProbe"]["exec"]["command"][-1]


def test_data_outlives_the_stateful_set() -> None:
    for manifest in (postgres(), redis()):
        policy = manifest["spec"]["persistentVolumeClaimRetentionPolicy"]
        assert policy == {"whenDeleted": "Retain", "whenScaled": "Retain"}


def test_the_claim_asks_for_the_storage_of_the_settings() -> None:
    (claim,) = postgres(storage="5Gi", storageClass="fast")["spec"]["volumeClaimTemplates"]
    assert claim["spec"]["resources"]["requests"] == {"storage": "5Gi"}
    assert claim["spec"]["storageClassName"] == "fast"
    (default,) = postgres()["spec"]["volumeClaimTemplates"]
    assert "storageClassName" not in default["spec"]
