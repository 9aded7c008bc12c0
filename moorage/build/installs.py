"""Package managers in RUN steps: what installs what, and where it keeps what it downloads."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from moorage.build.stages import mount_options

if TYPE_CHECKING:
    from moorage.build.instructions import Instruction

WRAPPER = "with-ca"
"""Of the base images: runs a command that trusts the company's certificates."""
OPTIONS = r"(?:\s+(?:-o\s+\S+|-\S+))*\s+"
"""Between a package manager's name and its command."""


@dataclass(frozen=True, kw_only=True)
class Manager:
    """A package manager."""

    name: str
    installs: re.Pattern[str]
    cache: str
    """The folder of what it downloads."""
    marks: tuple[str, ...]
    """What the target of a cache mount for it has in it."""
    without_cache: re.Pattern[str] | None = None
    """Keeps nothing in that folder."""
    system: bool = False
    """It installs packages of the operating system, which change less often than those of the application."""


MANAGERS = (
    Manager(
        name="apt",
        installs=re.compile(rf"\bapt(?:-get)?{OPTIONS}install\b"),
        cache="/var/cache/apt",
        marks=("var/cache/apt",),
        system=True,
    ),
    Manager(
        name="apk",
        installs=re.compile(rf"\bapk{OPTIONS}add\b"),
        cache="/etc/apk/cache",
        marks=("apk",),
        without_cache=re.compile(r"--no-cache\b"),
        system=True,
    ),
    Manager(
        name="uv",
        installs=re.compile(rf"\buv{OPTIONS}(?:pip{OPTIONS}(?:install|sync)|sync|tool{OPTIONS}install)\b"),
        cache="/root/.cache/uv",
        marks=("uv", "/root/.cache"),
        without_cache=re.compile(r"--no-cache\b|UV_NO_CACHE="),
    ),
    Manager(
        name="pip",
        installs=re.compile(rf"\bpip3?{OPTIONS}install\b"),
        cache="/root/.cache/pip",
        marks=("pip", "/root/.cache"),
        without_cache=re.compile(r"--no-cache-dir\b|PIP_NO_CACHE_DIR="),
    ),
    Manager(
        name="npm",
        installs=re.compile(rf"\bnpm{OPTIONS}(?:ci|install|i|install-ci)\b"),
        cache="/root/.npm",
        marks=("npm",),
    ),
)


def command_of(run: Instruction) -> str:
    """Return the commands of a RUN step as one text, here-documents included."""
    words = run.exec_form
    text = " ".join(words) if words is not None else run.arguments
    return "\n".join([text, *(heredoc.content for heredoc in run.heredocs)])


def managers_of(run: Instruction) -> tuple[Manager, ...]:
    """Return the package managers that a RUN step installs with."""
    command, found = command_of(run), []
    for manager in MANAGERS:
        # What is found is taken out: `uv pip install` is not pip's.
        rest = manager.installs.sub(" ", command)
        if rest != command:
            found.append(manager)
        command = rest
    return tuple(found)


def cache_targets(run: Instruction) -> tuple[str, ...]:
    """Return where a RUN step has cache mounts."""
    mounts = [mount_options(mount) for mount in run.flag_values("mount")]
    return tuple(
        mount.get("target", mount.get("dst", mount.get("destination", "")))
        for mount in mounts
        if mount.get("type") == "cache"
    )
