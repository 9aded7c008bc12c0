"""Which programs a checkout uses: those built here, or the user's own Pulumi; all of them linked into one folder."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from moorage.base.errors import MoorageError
from moorage.platform.debian import BUILD_NEEDS, install
from moorage.platform.go import require_go
from moorage.platform.pins import Component, cache_folder, components
from moorage.platform.toolchain_builder import ToolchainBuilder, sweep
from moorage.platform.wrappers import write_wrappers

if TYPE_CHECKING:
    from moorage.base.console import Step
    from moorage.platform.layout import Layout

CHOICES = ("auto", "system", "build")


def choice() -> str:
    """Return ``$MOORAGE_TOOLCHAIN``: ``system``, ``build`` or, by default, ``auto``.

    Raises `MoorageError` for any other value.
    """
    chosen = os.environ.get("MOORAGE_TOOLCHAIN", "auto")
    if chosen not in CHOICES:
        raise MoorageError.of(
            f"MOORAGE_TOOLCHAIN={chosen} is not a valid choice",
            where="the environment",
            why=f"it is one of {', '.join(CHOICES)}",
            remedy="unset MOORAGE_TOOLCHAIN, or set it to one of them",
        )
    return chosen


@dataclass(frozen=True, kw_only=True)
class SystemPulumi:
    """The ``pulumi`` that PATH has; ``unfit`` says why it cannot be used, and is empty where it can."""

    path: str
    version: str
    unfit: str

    def __str__(self) -> str:
        """Return its version and place."""
        return f"Pulumi {self.version or 'of an unknown version'} ({self.path})"


def pinned_pulumi() -> str:
    """Return the version of Pulumi that Moorage is made for: ``3.259.0``."""
    return next(component.version for component in components("pulumi") if component.name == "pulumi")


def wanted_pulumi() -> str:
    """Return the minor version that a ``pulumi`` on PATH must have: ``3.259``."""
    return pinned_pulumi().rpartition(".")[0]


def find_pulumi(home: Path | None = None) -> SystemPulumi | None:
    """Return the first ``pulumi`` on PATH, whatever its version; links of our own do not count."""
    folders = [
        folder
        for folder in os.environ.get("PATH", "").split(os.pathsep)
        if home is None or home not in Path(folder).parents
    ]
    path = os.pathsep.join(folders)
    found = shutil.which("pulumi", path=path)
    if found is None:
        return None
    result = subprocess.run([found, "version"], capture_output=True, text=True, check=False)
    version = match[1] if (match := re.match(r"v?(\d+\.\d+\.\S+)", result.stdout)) else ""
    beside = os.pathsep.join([path, str(Path(found).resolve().parent)])
    unfit = ""
    if not version.startswith(f"{wanted_pulumi()}."):
        unfit = f"{wanted_pulumi()} is wanted"
    elif shutil.which("pulumi-language-python", path=beside) is None:
        unfit = "pulumi-language-python, which runs Python programs, is neither beside it nor on PATH"
    return SystemPulumi(path=found, version=version, unfit=unfit)


def system_pulumi(home: Path | None = None) -> str | None:
    """Return the path of a ``pulumi`` on PATH that can be used: of the pinned minor version, with its Python host."""
    found = find_pulumi(home)
    return found.path if found and not found.unfit else None


def wanted(*, platform: bool, home: Path | None = None) -> list[Component]:
    """Return the components to use: Pulumi's unless the system has it, and the platform's where it is to run.

    Raises `MoorageError` where ``MOORAGE_TOOLCHAIN=system`` and no fitting Pulumi is on PATH.
    """
    chosen = choice()
    found = None if chosen == "build" else find_pulumi(home)
    if chosen == "system" and (found is None or found.unfit):
        raise MoorageError.of(
            f"{found} does not fit" if found else "no pulumi is on PATH",
            where="PATH",
            why=found.unfit if found else f"MOORAGE_TOOLCHAIN=system asks for one of version {wanted_pulumi()}",
            remedy=f"{_install_pulumi()}, or unset MOORAGE_TOOLCHAIN to compile it",
        )
    own = found is not None and not found.unfit
    return ([] if own else components("pulumi")) + (components("platform") if platform else [])


def _install_pulumi() -> str:
    return f"install Pulumi {pinned_pulumi()} with its language hosts (https://www.pulumi.com/docs/install/)"


def ensure(layout: Layout, *, platform: bool, step: Step) -> int:
    """Bring the toolchain into the cache and link it into the checkout; return how many components were built.

    Without ``platform`` none of its components is built, but those that are there are linked: it may be running.
    """
    needed = wanted(platform=platform, home=layout.home)
    builder = ToolchainBuilder(step)
    if missing := builder.missing(needed):
        _require_go(layout, missing)
    if any(component.cgo for component in missing):
        step.note("system packages for the build")
        install(BUILD_NEEDS)
    built = builder.build(needed)
    others = [component for component in components("platform") if component not in needed]
    missing = builder.missing(others)
    sweep(cache_folder())
    link(layout, [*needed, *(component for component in others if component not in missing)])
    return built


def _require_go(layout: Layout, missing: list[Component]) -> None:
    """Raise `MoorageError` where Go cannot build what is missing, telling of a Pulumi on PATH that does not fit."""
    pulumi = next((component for component in missing if component.name == "pulumi"), None)
    found = find_pulumi(layout.home) if pulumi and choice() != "build" else None
    only_pulumi = all(component.group == "pulumi" for component in missing)
    instead = _install_pulumi() if only_pulumi and choice() != "build" else ""
    require_go(f"{found} does not fit: {found.unfit}" if found else "", instead)


def link(layout: Layout, needed: list[Component]) -> None:
    """Point ``.moorage/bin`` and Pulumi's plugin folder at the cache."""
    targets, copies = _places(layout, needed)
    built = targets.pop(layout.bin / "pulumi", None)
    write_wrappers(layout, str(built or system_pulumi(layout.home) or "pulumi"))
    for path, target in targets.items():
        _point(path, target)
    for path, target in copies.items():
        _copy(path, target)
    for path in layout.bin.iterdir():
        ours = path.is_symlink() or path.name in {copy.name for copy in copies}
        if ours and path not in targets and path.name != "uv":
            path.unlink(missing_ok=True)


def _places(layout: Layout, needed: list[Component]) -> tuple[dict[Path, Path], dict[Path, Path]]:
    """Return where links lead to, and what is copied instead, by their place in the checkout."""
    targets: dict[Path, Path] = {}
    copies: dict[Path, Path] = {}
    for component in needed:
        folder = cache_folder() / "toolchain" / component.folder / "bin"
        plugin = component.plugin_folder
        place = layout.home / "pulumi" / "plugins" / plugin if plugin else layout.bin
        for binary in folder.iterdir():
            (copies if component.copy else targets)[place / binary.name] = binary
        if component.name == "buildx":
            targets[layout.docker_config / "cli-plugins" / "docker-buildx"] = folder / "buildx"
    for host in list(copies):
        # A language host looks for this script beside itself.
        script = f"{host.name}-exec"
        if layout.bin / script in targets:
            targets[host.with_name(script)] = targets.pop(layout.bin / script)
    for name in ("kubectl", "traefik"):
        targets[layout.bin / name] = Path(sys.prefix) / "bin" / name
    return targets, copies


def _point(path: Path, target: Path) -> None:
    if path.is_symlink() and path.readlink() == target:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    aside.symlink_to(target)
    aside.rename(path)


def _copy(path: Path, target: Path) -> None:
    if path.exists() and not path.is_symlink() and path.stat().st_size == target.stat().st_size:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    shutil.copy2(target, aside)
    aside.rename(path)
