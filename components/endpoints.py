"""What a service is told about, and may open a connection to: Postgres, Redis and other services."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from moorage.config.service import env_prefix

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pulumi


class Endpoint(Protocol):
    """Something that a service may need."""

    @property
    def ready(self) -> pulumi.Resource:
        """The resource that exists once the endpoint answers."""

    def environment(self) -> Mapping[str, str]:
        """Return the plain variables that tell a consumer where it is."""

    def secrets(self) -> Mapping[str, pulumi.Input[str]]:
        """Return the secrets that a consumer needs, by the name of their file."""


@dataclass(frozen=True, kw_only=True)
class DatabaseEndpoint:
    """A PostgreSQL database."""

    host: str
    port: int
    name: str
    user: str
    password: pulumi.Output[str]
    ready: pulumi.Resource

    def environment(self) -> Mapping[str, str]:
        """Return ``DATABASE_HOST``, ``_PORT``, ``_NAME`` and ``_USER``."""
        return {
            "DATABASE_HOST": self.host,
            "DATABASE_PORT": str(self.port),
            "DATABASE_NAME": self.name,
            "DATABASE_USER": self.user,
        }

    def secrets(self) -> Mapping[str, pulumi.Input[str]]:
        """Return the password as ``DATABASE_PASSWORD``."""
        return {"DATABASE_PASSWORD": self.password}


@dataclass(frozen=True, kw_only=True)
class CacheEndpoint:
    """A Redis server."""

    host: str
    port: int
    password: pulumi.Output[str]
    ready: pulumi.Resource

    def environment(self) -> Mapping[str, str]:
        """Return ``REDIS_HOST`` and ``REDIS_PORT``."""
        return {"REDIS_HOST": self.host, "REDIS_PORT": str(self.port)}

    def secrets(self) -> Mapping[str, pulumi.Input[str]]:
        """Return the password as ``REDIS_PASSWORD``."""
        return {"REDIS_PASSWORD": self.password}


@dataclass(frozen=True, kw_only=True)
class HttpEndpoint:
    """Another service of the stack."""

    name: str
    port: int | None
    """None for a worker, which can be waited for but not called."""
    ready: pulumi.Resource

    def environment(self) -> Mapping[str, str]:
        """Return ``<NAME>_HOST``, ``<NAME>_PORT`` and ``<NAME>_URL``."""
        if self.port is None:
            return {}
        prefix = env_prefix(self.name)
        return {
            f"{prefix}_HOST": self.name,
            f"{prefix}_PORT": str(self.port),
            f"{prefix}_URL": f"http://{self.name}:{self.port}",
        }

    def secrets(self) -> Mapping[str, pulumi.Input[str]]:
        """Return nothing: services trust each other by network policy."""
        return {}
