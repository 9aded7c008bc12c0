"""Names that a service and what it needs are known by: data stores, folders in a container, variables."""

from __future__ import annotations

from moorage.config.imagebuild import env_prefix

POSTGRES = "postgres"
REDIS = "redis"
DATA_SERVICES = (POSTGRES, REDIS)
"""What a service can need beside other services."""
SECRETS_FOLDER = "/run/secrets/moorage"
"""Where a container finds its secrets, one file each."""
ALWAYS_WRITABLE = "/tmp"  # noqa: S108  # a path inside the container


def needed_env(need: str) -> tuple[str, ...]:
    """Return the names of the variables in which a service finds something that it needs."""
    prefix, names = {
        POSTGRES: ("DATABASE", ("HOST", "PORT", "NAME", "USER", "PASSWORD_FILE")),
        REDIS: ("REDIS", ("HOST", "PORT", "PASSWORD_FILE")),
    }.get(need, (env_prefix(need), ("HOST", "PORT", "URL")))
    return tuple(f"{prefix}_{name}" for name in names)
