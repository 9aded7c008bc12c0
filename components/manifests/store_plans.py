"""Postgres and Redis: their settings from the memory they are given, and how their health is seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moorage.base.quantity import quantity_value

from . import Later, pods
from .stateful import StorePlan

if TYPE_CHECKING:
    from moorage.config.stack import Postgres, Redis

POSTGRES_PORT = 5432
POSTGRES_USER = "moorage"
POSTGRES_SECRET_KEY = "POSTGRES_PASSWORD"  # noqa: S105 -- the name of a file, not a password
REDIS_PORT = 6379
REDIS_SECRET_KEY = "REDIS_PASSWORD"  # noqa: S105 -- likewise

_POSTGRES_DATA = "/var/lib/postgresql/data"
_POSTGRES_SOCKETS = "/var/run/postgresql"
# Postgres shuts down without loss when it has the time: it ends sessions and writes a checkpoint.
_POSTGRES_GRACE_SECONDS = 120
_REDIS_GRACE_SECONDS = 30
_KIB = 1024
_MIB = 1024 * _KIB
_MIN_WORK_MEM_KIB = 64
"""The least that Postgres accepts."""


def postgres_settings(memory_limit: str, max_connections: int) -> dict[str, str]:
    """Return the settings that follow from the container's memory limit: a quarter of it is shared buffers.

    Sorting and hashing of all connections together may use another quarter, so that a full house is not OOM-killed.
    """
    limit_kib = int(quantity_value(memory_limit)) // _KIB
    return {
        "max_connections": str(max_connections),
        "shared_buffers": f"{limit_kib // 4}kB",
        "effective_cache_size": f"{limit_kib // 2}kB",
        "work_mem": f"{max(_MIN_WORK_MEM_KIB, limit_kib // 4 // max_connections)}kB",
        "maintenance_work_mem": f"{max(1024, limit_kib // 16)}kB",
    }


def postgres_plan(model: Postgres, *, image: Later, secret: Later, pull_secrets: tuple[str, ...] = ()) -> StorePlan:
    """Return how Postgres runs; `image` and `secret` (its name) may come later."""
    limit = model.resources.limits.memory
    # Over TCP: while a first start fills the database, a temporary server answers on the socket only.
    ready = ["pg_isready", "-q", "-h", "127.0.0.1", "-p", str(POSTGRES_PORT), "-U", POSTGRES_USER, "-d", model.database]
    settings = postgres_settings(limit, model.max_connections)
    shared_memory = min(64 * _MIB, int(quantity_value(limit)) // 8) // _MIB
    return StorePlan(
        image=image,
        secret=secret,
        port=POSTGRES_PORT,
        port_name="postgres",
        args=[word for name, value in settings.items() for word in ("-c", f"{name}={value}")],
        env={
            "PGDATA": f"{_POSTGRES_DATA}/pgdata",
            "POSTGRES_DB": model.database,
            "POSTGRES_PASSWORD_FILE": pods.secret_file(POSTGRES_SECRET_KEY),
            "POSTGRES_USER": POSTGRES_USER,
        },
        # Five minutes, for the recovery after a crash; looked at every second, so that a quick start is seen at once.
        startup=pods.exec_probe(ready, period=1, timeout=1, failures=300),
        liveness=pods.exec_probe(ready, period=10, timeout=5, failures=6),
        readiness=pods.exec_probe(ready, period=5, timeout=3, failures=3),
        resources=model.resources,
        data_path=_POSTGRES_DATA,
        scratch=[
            (pods.empty_dir("tmp"), "/tmp"),  # noqa: S108 -- a mount point inside the container
            (pods.empty_dir("sockets", size="1Mi"), _POSTGRES_SOCKETS),
            (pods.empty_dir("shared-memory", size=f"{max(1, shared_memory)}Mi", medium="Memory"), "/dev/shm"),  # noqa: S108
        ],
        storage=model.storage,
        storage_class=model.storage_class,
        grace_seconds=_POSTGRES_GRACE_SECONDS,
        pull_secrets=pull_secrets,
    )


# The password goes by environment: as an argument every process of the node could read it. Builtins of the shell
# do the rest, so that the image needs nothing but a shell and redis-cli.
_REDIS_AUTH = 'read -r REDISCLI_AUTH <"$REDIS_PASSWORD_FILE"; export REDISCLI_AUTH; '
_REDIS_CLI = f"redis-cli -h 127.0.0.1 -p {REDIS_PORT}"
# redis-cli exits 0 even when it was refused, so its answer is what counts.
_REDIS_ALIVE = f'{_REDIS_AUTH}case "$({_REDIS_CLI} ping)" in PONG|*LOADING*) ;; *) exit 1 ;; esac'
# A full disk leaves PING green while writes are lost; the state of the append-only file tells.
_REDIS_READY = (
    f"{_REDIS_AUTH}case \"$(printf 'ping\\ninfo persistence\\n' | {_REDIS_CLI})\" in "
    "PONG*aof_last_write_status:ok*) ;; *) exit 1 ;; esac"
)


def _shell(script: str) -> list[str]:
    return ["sh", "-c", script]


def redis_args(model: Redis) -> list[str]:
    """Return redis-server's options: append-only file each second, no snapshots, bounded memory in bytes."""
    maxmemory = int(quantity_value(model.resources.limits.memory)) * model.maxmemory_percent // 100
    options = {
        "--appendonly": "yes",
        "--appendfsync": "everysec",
        "--save": "",
        "--dir": "/data",
        "--maxmemory": str(maxmemory),
        "--maxmemory-policy": model.maxmemory_policy,
    }
    return [word for option in options.items() for word in option]


def redis_plan(model: Redis, *, image: Later, secret: Later, pull_secrets: tuple[str, ...] = ()) -> StorePlan:
    """Return how Redis runs; `image` and `secret` (its name) may come later."""
    return StorePlan(
        image=image,
        secret=secret,
        port=REDIS_PORT,
        port_name="redis",
        args=redis_args(model),
        env={"REDIS_PASSWORD_FILE": pods.secret_file(REDIS_SECRET_KEY)},
        # Loading a large append-only file may take minutes; meanwhile Redis is alive, but not ready.
        startup=pods.exec_probe(_shell(_REDIS_ALIVE), period=1, timeout=1, failures=60),
        liveness=pods.exec_probe(_shell(_REDIS_ALIVE), period=10, timeout=3, failures=3),
        readiness=pods.exec_probe(_shell(_REDIS_READY), period=5, timeout=3, failures=2),
        resources=model.resources,
        data_path="/data",
        scratch=[(pods.empty_dir("tmp"), "/tmp")],  # noqa: S108 -- a mount point inside the container
        storage=model.storage,
        storage_class=model.storage_class,
        grace_seconds=_REDIS_GRACE_SECONDS,
        pull_secrets=pull_secrets,
    )
