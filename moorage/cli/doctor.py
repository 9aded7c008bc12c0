"""``moorage doctor``: each prerequisite, found or not, its version, and what to do."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table

from moorage.base import console
from moorage.base.console import printable
from moorage.base.errors import MoorageError
from moorage.cli.sessions import session_for
from moorage.config.loader import load_project
from moorage.engine import preflight
from moorage.platform import debian, go, toolchain
from moorage.platform.embedded import MINIMUM_FREE_BYTES, Platform
from moorage.platform.layout import Layout
from moorage.platform.pins import cache_folder
from moorage.platform.toolchain_builder import ToolchainBuilder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from moorage.base.errors import Problem
    from moorage.engine.session import Session


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One prerequisite; ``remedy`` is empty where all is well, ``fatal`` where `moorage up` cannot fix it itself."""

    name: str
    found: str
    remedy: str = ""
    fatal: bool = False


def show(root: Path, stack: str) -> int:
    """Print every finding; return 1 where one stops `moorage up`."""
    findings = list(_findings(root, stack))
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    table.add_column("prerequisite", style="bold")
    table.add_column("found")
    table.add_column("what to do", style="dim")
    for finding in findings:
        mark = "[red]✗[/]" if finding.fatal else "[yellow]•[/]" if finding.remedy else "[green]✓[/]"
        table.add_row(mark, *(escape(text) for text in (finding.name, finding.found, finding.remedy)))
    console.out.print(table)
    fatal = sum(finding.fatal for finding in findings)
    verdict = (
        f"\n[red]{fatal} to fix[/] before `moorage up` can work" if fatal else "\n[green]`moorage up` can work here[/]"
    )
    console.out.print(verdict)
    return 1 if fatal else 0


def _findings(root: Path, stack: str) -> Iterator[Finding]:
    yield Finding(
        name="system", found=f"{platform.system()} {platform.release()} {platform.machine()}, {os.cpu_count()} cores"
    )
    yield Finding(name="Python", found=f"{platform.python_version()} in {sys.prefix}")
    embedded, session = True, None
    try:
        project = load_project(root, stack)
        embedded, session = project.target.embedded, session_for(project)
        target = "the embedded platform" if embedded else "your own cluster, registry and builder"
        yield Finding(name=f"stack {stack}", found=f"valid, on {target}")
    except MoorageError as error:
        yield _of_error(f"stack {stack}", error)
    try:
        layout = Layout.of(root)
    except MoorageError as error:
        yield _of_error("ports", error)
        return
    try:
        yield from _toolchain(layout, embedded=embedded)
    except MoorageError as error:
        yield _of_error("toolchain", error)
    if session is not None:
        yield from _secrets(session)
    if embedded:
        yield from _platform(layout)
    elif session is not None:
        yield from _own(session)


def _secrets(session: Session) -> Iterator[Finding]:
    try:
        session.exports()
    except MoorageError as error:
        yield _of_error("secrets", error)
    else:
        yield Finding(name="secrets", found=f"state in {session.backend()}")


def _own(session: Session) -> Iterator[Finding]:
    """Ask the user's own cluster, registry and builder, all at once."""
    buildx = session.buildx()
    yield Finding(
        name="buildx",
        found=" ".join(buildx) if buildx else "missing",
        remedy=""
        if buildx
        else "install Docker with buildx (https://docs.docker.com/build/install-buildx/), or buildx alone",
        fatal=buildx is None,
    )
    target = session.target
    asked: dict[str, tuple[Callable[[Any], Problem | None], Any, str]] = {
        "cluster": (preflight.cluster, session, f"{target.context} answers"),
        "registry": (preflight.registry, target.registry, f"{target.registry} answers"),
        "builder": (preflight.builder, target.builder, f"{target.builder} answers"),
    }
    with ThreadPoolExecutor() as pool:
        answers = {name: pool.submit(ask, about) for name, (ask, about, _) in asked.items()}
    for name, answer in answers.items():
        try:
            problem = answer.result()
        except MoorageError as error:  # such as no program to ask it with
            problem = error.problems[0]
        if problem is None:
            yield Finding(name=name, found=asked[name][2])
        else:
            yield Finding(name=name, found=f"{problem.what}: {problem.why}", remedy=problem.remedy or "", fatal=True)


def _of_error(name: str, error: MoorageError) -> Finding:
    count = len(error.problems)
    found = "1 problem" if count == 1 else f"{count} problems, the first of them beside"
    return Finding(name=name, found=found, remedy=printable(str(error.problems[0])), fatal=True)


def _toolchain(layout: Layout, *, embedded: bool) -> Iterator[Finding]:
    wanted = toolchain.wanted(platform=embedded, home=layout.home)
    missing = ToolchainBuilder().missing(wanted)
    if (pulumi := toolchain.find_pulumi(layout.home)) and toolchain.choice() != "build":
        builds = "`moorage up` builds that, or install it: https://www.pulumi.com/docs/install/" if pulumi.unfit else ""
        yield Finding(name="Pulumi", found=f"{pulumi}: {pulumi.unfit}" if pulumi.unfit else str(pulumi), remedy=builds)
    names = ", ".join(component.name for component in missing)
    found = f"{len(wanted) - len(missing)} of {len(wanted)} built in {cache_folder()}"
    yield Finding(name="toolchain", found=found, remedy=f"`moorage up` builds {names}" if missing else "")
    if missing:
        version = go.go_version()
        reason = go.unfit(version) if version else None
        yield Finding(
            name="Go",
            found=f"{version}: {reason}" if reason else version or "missing",
            remedy="" if version and not reason else f"install Go 1.26 or newer: {go.INSTALL}",
            fatal=version is None or reason is not None,
        )


def _platform(layout: Layout) -> Iterator[Finding]:
    root_user = os.geteuid() == 0
    yield Finding(
        name="root",
        found="yes" if root_user else "no",
        remedy="" if root_user else "run with sudo -E; without root, use k3d (docs/platform.md) or your own cluster",
        fatal=not root_user,
    )
    missing = sorted({need.package for need in debian.missing(debian.PLATFORM_NEEDS)})
    able = root_user and shutil.which("apt-get") is not None
    yield Finding(
        name="system packages",
        found=f"missing: {', '.join(missing)}" if missing else "all found",
        remedy=("`moorage up` installs them" if able else f"apt-get install {' '.join(missing)}") if missing else "",
        fatal=bool(missing) and not able,
    )
    free = shutil.disk_usage(layout.root).free
    short = free < MINIMUM_FREE_BYTES
    yield Finding(
        name="disk", found=f"{free / 1e9:.0f} GB free", remedy="free some space" if short else "", fatal=short
    )
    kernel = [name for name in ("overlay",) if name not in Path("/proc/filesystems").read_text()]
    yield Finding(
        name="kernel",
        found=f"cgroup v{2 if Path('/sys/fs/cgroup/cgroup.controllers').exists() else 1}",
        remedy=f"load {', '.join(kernel)}: modprobe {' '.join(kernel)}" if kernel else "",
    )
    running = Platform(layout).running()
    yield Finding(
        name="platform", found="running" if running else "stopped", remedy="" if running else "`moorage up` starts it"
    )
