"""The lock files that all packages of a workspace share, and how builds use them."""

from __future__ import annotations

from dataclasses import dataclass

UV_LOCK = "uv.lock"
UV_MANIFEST = "pyproject.toml"
NPM_LOCK = "package-lock.json"
NPM_MANIFEST = "package.json"


@dataclass(frozen=True, kw_only=True)
class UvUse:
    """A stage that turns uv.lock into a list of requirements, and gives nothing else to other stages."""

    options: tuple[str, ...]
    """Of ``uv export``, but where the list goes."""
    paths: tuple[str, ...]
    """What of the build context is beside the lock file then, in the same folders as in the repository."""


@dataclass(frozen=True, kw_only=True)
class NpmUse:
    """Stages that install packages of a workspace, and give neither its lock file nor its package.json to others."""

    root: bool
    """Whether what the workspace's own package.json names may be installed as well."""


class UnclearError(Exception):
    """Says why all of a lock file counts, in words for people."""
