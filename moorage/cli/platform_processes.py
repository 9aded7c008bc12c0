"""``moorage platform``: the embedded platform's own commands."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import typer
from rich.table import Table

from moorage.base import console
from moorage.base.console import Steps
from moorage.base.errors import MoorageError
from moorage.platform import toolchain
from moorage.platform.embedded import Platform
from moorage.platform.layout import Layout
from moorage.platform.processes import Record, records
from moorage.platform.programs import NAMES

_NOT_RUNNING = 3


def start(root: Path) -> None:
    """Build what the platform needs and start it."""
    layout = Layout.of(root)
    steps = Steps(2)
    with steps.step("Toolchain") as step:
        built = toolchain.ensure(layout, platform=True, step=step)
        step.done(f"{built} built" if built else "in place")
    with steps.step("Platform") as step:
        step.done("started" if Platform(layout).start(step) else "already running")


def stop(root: Path) -> None:
    """Stop the platform."""
    with Steps().step("Platform") as step:
        step.done("stopped" if Platform(Layout.of(root)).stop(step) else "was not running")


def reset(root: Path, *, yes: bool) -> None:
    """Stop the platform and delete its data, after asking."""
    layout = Layout.of(root)
    if not yes and not typer.confirm(f"Delete the cluster, images and volumes below {layout.data}?"):
        raise typer.Exit(1)
    with Steps().step("Platform") as step:
        Platform(layout).reset(step)
        step.done("stopped and deleted; the state of its stacks too" if _drop_state(layout) else "stopped and deleted")


def _drop_state(layout: Layout) -> bool:
    """Move the state of stacks that lived on the platform aside: it speaks of objects that are gone."""
    state = layout.home / "state"
    if not state.exists():
        return False
    state.rename(layout.home / f"state.{time.strftime('%Y%m%d-%H%M%S')}.bak")
    return True


def status(root: Path) -> int:
    """Show the processes; return 0 where all run."""
    layout = Layout.of(root)
    platform = Platform(layout)
    known = records()
    table = Table(box=None, pad_edge=False)
    for title, align in (
        ("process", "left"),
        ("state", "left"),
        ("pid", "right"),
        ("memory", "right"),
        ("up", "right"),
    ):
        table.add_column(title, style="dim" if align == "right" else "", justify=align)  # type: ignore[arg-type]
    total = 0
    for name in NAMES:
        record = known.get(name)
        if record and record.alive:
            used, seconds = memory(record.pid), _age(record)
            total += used
            table.add_row(name, "[green]running[/]", str(record.pid), console.size(used), console.duration(seconds))
        else:
            table.add_row(name, "[red]gone[/]" if record else "[dim]stopped[/]", "", "", "")
    console.out.print(table)
    running = platform.running()
    verdict = (
        f"[green]running[/] · {console.size(total)} of memory"
        if running
        else "[yellow]not running[/] · `moorage platform start` starts it"
    )
    console.out.print(f"\nplatform of {layout.root}: {verdict}")
    return 0 if running else _NOT_RUNNING


def logs(root: Path, part: str, *, lines: int, follow: bool) -> None:
    """Show the end of one or all logs.

    Raises `MoorageError` for an unknown process.
    """
    folder = Layout.of(root).logs
    if part and part not in NAMES:
        raise MoorageError.of(
            f"unknown process {part}",
            where="moorage platform logs",
            why=f"its processes are {', '.join(NAMES)}",
            remedy="name one of them, or none for all",
        )
    files = [path for name in ([part] if part else NAMES) if (path := folder / f"{name}.log").exists()]
    if not files:
        raise MoorageError.of(
            "there are no logs yet",
            where=str(folder),
            why="the platform has not been started here",
            remedy="start it: moorage platform start",
        )
    subprocess.run(["tail", f"--lines={lines}", *(["--follow"] if follow else []), *map(str, files)], check=False)


def memory(pid: int) -> int:
    """Return the process's share of memory in bytes (proportional set size)."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("Pss:")), 0)


def _age(record: Record) -> float:
    uptime = float(Path("/proc/uptime").read_text().split()[0])
    return uptime - record.start_ticks / 100
