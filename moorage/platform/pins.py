"""The programs that are built here: their pins, read from ``moorage/platform/toolchain/NAME/component.toml``."""

from __future__ import annotations

import hashlib
import os
import platform
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Group = Literal["pulumi", "platform", "develop", "test"]

SOURCES = Path(__file__).parent / "toolchain"
_DIGEST_CHARACTERS = 12


@dataclass(frozen=True, kw_only=True)
class ModuleFile:
    """A file of a Go module that the build needs beside its sources.

    ``json`` are keys set in it (it is JSON then); ``install`` puts it beside the binaries, executable.
    """

    module: str
    path: str
    json: dict[str, str]
    install: bool


@dataclass(frozen=True, kw_only=True)
class Component:
    """One Go module of pins and what is built from it.

    ``weight`` is its share of a cold build, in seconds on 2 cores; a ``plugin`` goes to Pulumi's plugin folder;
    ``copy`` asks for a file instead of a link in the checkout's folder of programs.
    """

    name: str
    version: str
    group: Group
    weight: float
    ldflags: str
    tags: tuple[str, ...]
    cgo: bool
    plugin: bool
    copy: bool
    binaries: dict[str, str]
    links: tuple[str, ...]
    files: tuple[ModuleFile, ...]
    source: Path
    digest: str

    @property
    def folder(self) -> str:
        """Name of the component's folder in the cache, different for different pins."""
        return f"{self.name}-{self.version}-{self.digest[:_DIGEST_CHARACTERS]}"

    @property
    def plugin_folder(self) -> str | None:
        """Name of its folder among Pulumi's plugins, ``resource-kubernetes-v4.25.0``; None where it is none.

        A language host is one too: Pulumi also finds it on PATH, but warns of that at every run.
        """
        own = self.plugin or self.name.startswith("pulumi-language-")
        return f"{self.name.removeprefix('pulumi-')}-v{self.version}" if own else None


def cache_folder() -> Path:
    """Return where builds are kept: ``$MOORAGE_CACHE``, else ``moorage`` below ``$XDG_CACHE_HOME`` or ``~/.cache``."""
    if chosen := os.environ.get("MOORAGE_CACHE"):
        return Path(chosen).expanduser().resolve()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").resolve() / "moorage"


def components(group: Group | None = None) -> list[Component]:
    """Return the pinned components, of one group or all, by name."""
    found = [_read(path.parent) for path in sorted(SOURCES.glob("*/component.toml"))]
    return [component for component in found if group in (None, component.group)]


def _read(folder: Path) -> Component:
    text: dict[str, Any] = tomllib.loads((folder / "component.toml").read_text())
    version = text["version"]
    return Component(
        name=folder.name,
        version=version,
        group=text["group"],
        weight=text["weight"],
        ldflags=text.get("ldflags", "").format(version=version),
        tags=tuple(text.get("tags", ())),
        cgo=text.get("cgo", False),
        plugin=text.get("plugin", False),
        copy=text.get("copy", False),
        binaries=text["binaries"],
        links=tuple(text.get("links", ())),
        files=tuple(
            ModuleFile(
                module=entry["module"],
                path=entry["path"],
                json=entry.get("json", {}),
                install=entry.get("install", False),
            )
            for entry in text.get("files", ())
        ),
        source=folder,
        digest=_digest(folder),
    )


def _digest(folder: Path) -> str:
    total = hashlib.sha256(platform.machine().encode())
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        total.update(f"\0{path.relative_to(folder)}\0".encode())
        total.update(path.read_bytes())
    return total.hexdigest()
