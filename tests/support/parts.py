"""Runs checks and tests, part by part, in an environment of their own: ``tests/run PART…``.

A part is one line in the log, what it printed a file in ``.moorage/tests``; failures and the slowest tests come last.
"""

from __future__ import annotations

import contextlib
import os
import random
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich.console import Console

from tests.support import environment
from tests.support.environment import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

FOLDER = ROOT / ".moorage" / "tests"
SLOWEST = 20
_DURATION = re.compile(r"^(\d+\.\d+)s (call|setup|teardown) +(\S.*)$", re.MULTILINE)
_FAILURES = re.compile(r"^=+ (FAILURES|ERRORS) =+$", re.MULTILINE)
_REST = re.compile(r"^=+ (slowest durations|short test summary info) =+$", re.MULTILINE)

LIGHT = """
ruff format --check . && ruff check . && lint-imports --no-logo --cache-dir .moorage/import-linter && mypy &&
python -m tools.schema --check
"""
CHECK = f"""{LIGHT.strip()} &&
python -m tests.support.tools actionlint && zizmor --offline --quiet --config .github/zizmor.yml .github
"""
PAGE = """
for lock in apps/*/package-lock.json libs/*/package-lock.json; do
    [ ! -f "$lock" ] || (cd "$(dirname "$lock")" && npm ci --no-audit --no-fund --silent &&
        npm run --silent --if-present lint && npm run --silent --if-present typecheck &&
        npm test --silent --if-present) || exit 1
done
"""
"""The checks of each service and library that npm installs."""
_SOME_TESTS = "[ -z \"$(find apps libs -name 'test_*.py' 2>/dev/null | head -n 1)\" ]"


def _pytest(*arguments: str) -> str:
    return f"pytest --quiet --durations=0 --durations-min=0.05 --hypothesis-seed=$MOORAGE_PROPERTY_SEED {' '.join(arguments)}"


COMMANDS = {
    "check": CHECK,
    "check-light": LIGHT,
    "services": f"{_SOME_TESTS} || {{ python -m tests.support.postgresql && {_pytest('apps libs')}; }}",
    "page": PAGE,
    "unit": _pytest("tests/unit"),
    # Without what compiles Go from nothing, and without what asks the package registry.
    "unit-light": _pytest("-m 'not registry' tests/unit --ignore=tests/unit/platform/test_toolchain.py"),
    "policy": _pytest("tests/policy"),
    "platform": "moorage platform start",
    # What waits for a cluster leaves the processors to what builds.
    "properties-waiting": _pytest("-m waiting tests/properties"),
    "properties-building": _pytest("-m 'pure or building' tests/properties"),
    "properties-alone": _pytest("-m alone tests/properties"),
    "properties-pure": _pytest("-m pure tests/properties"),
    "live": _pytest("tests/live"),
}
"""What is run at a time, by its name in the log."""
PARTS: dict[str, tuple[tuple[tuple[str, ...], ...], ...]] = {
    "fast": ((("check-light", "policy", "services"), ("unit-light", "properties-pure")),),
    "check": ((("check",),),),
    "apps": ((("services",),), (("page",),)),
    "unit": ((("unit",),),),
    # Property tests bring the platform up; where it runs, policies are also held against its API server and registry.
    "properties": ((("platform",),), (("properties-waiting",), ("properties-building",)), (("properties-alone",),)),
    "policy": ((("policy",),),),
    "live": ((("live",),),),
}
"""Steps of each part, cheapest first; a step is of lanes that run side by side, and a lane of commands one by one."""
LEFT_OUT = ("fast",)
"""Of a run that names no parts, as other parts hold all of it."""


@dataclass
class Ran:
    """A command that has ended, and what it left."""

    name: str
    status: int
    seconds: float
    log: Path

    @property
    def output(self) -> str:
        """What it printed."""
        return self.log.read_text(errors="replace")

    def durations(self) -> list[tuple[float, str]]:
        """Return how many seconds each test took, or what it waited for before and after it."""
        return [(float(seconds), f"{test} ({phase})") for seconds, phase, test in _DURATION.findall(self.output)]

    def outcome(self) -> str:
        """Return what is said of it in a few words."""
        last = self.output.rstrip().rpartition("\n")[2]
        return last.rpartition(" in ")[0] if re.search(r"\d (passed|failed|error)", last) else ""

    def failures(self) -> str:
        """Return what it printed of what failed."""
        found = _FAILURES.search(self.output)
        if not found:
            return self.output
        rest = _REST.search(self.output, found.end())
        summary = re.findall(r"^(?:FAILED|ERROR) .*", self.output, re.MULTILINE)
        return self.output[found.start() : rest.start() if rest else None] + "\n".join(summary)


@dataclass
class Lane:
    """Commands that run one after the other."""

    waiting: list[str]
    name: str = ""
    process: subprocess.Popen[bytes] | None = None
    started: float = 0
    ended: list[Ran] = field(default_factory=list)

    def step(self, variables: dict[str, str]) -> Ran | None:
        """Start the next command where none runs; return one that has ended since."""
        if self.process is None:
            if self.waiting:
                self.name, self.started = self.waiting.pop(0), time.monotonic()
                with _log(self.name).open("wb") as log:
                    command = ["sh", "-c", COMMANDS[self.name]]
                    self.process = subprocess.Popen(
                        command,
                        cwd=ROOT,
                        env=variables,
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=log,
                        start_new_session=True,
                    )
            return None
        if (status := self.process.poll()) is None:
            return None
        self.process = None
        return Ran(self.name, status, time.monotonic() - self.started, _log(self.name))

    def stop(self) -> None:
        """Interrupt what runs, and wait until it has cleaned up after itself."""
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=60)
                return
            os.killpg(self.process.pid, signal.SIGKILL)

    @property
    def done(self) -> bool:
        """Whether nothing runs and nothing is left to run."""
        return self.process is None and not self.waiting


def run(lanes: Iterable[Sequence[str]], variables: dict[str, str], console: Console) -> list[Ran]:
    """Run lanes side by side, say of each command how it went, and return them as they ended."""
    running, ended = [Lane(list(commands)) for commands in lanes], []
    try:
        while not all(lane.done for lane in running):
            for lane in running:
                if ran := lane.step(variables):
                    ended.append(ran)
                    _tell(ran, console)
            time.sleep(0.1)
    finally:
        for lane in running:
            lane.stop()
    return ended


def _tell(ran: Ran, console: Console) -> None:
    mark = "[red]✗[/]" if ran.status else "[green]✓[/]"
    console.print(f"{mark} {ran.name:<20} {ran.seconds:5.0f} s  [dim]{ran.outcome()}[/]", soft_wrap=True)
    durations = "".join(f"{seconds:8.2f} s {test}\n" for seconds, test in ran.durations())
    ran.log.with_suffix(".txt").write_text(durations)


def _log(name: str) -> Path:
    return FOLDER / f"{name}.log"


def _summary(ended: Sequence[Ran], console: Console) -> None:
    slow = sorted((found for ran in ended for found in ran.durations()), reverse=True)[:SLOWEST]
    if slow:
        console.print(f"\n[bold]The slowest[/] [dim]· all in {FOLDER.relative_to(ROOT)}[/]")
    for seconds, test in slow:
        console.print(f"{seconds:7.1f} s {test}", markup=False, soft_wrap=True)
    for ran in ended:
        if ran.status:
            console.print(
                f"\n[bold red]{ran.name}[/] [dim]· whole log in {ran.log.relative_to(ROOT)}[/]", soft_wrap=True
            )
            console.print(ran.failures().strip(), markup=False, soft_wrap=True)


def main(parts: Sequence[str]) -> int:
    """Run some parts, or all, and return the exit status."""
    plain = bool(os.environ.get("NO_COLOR"))
    console = Console(highlight=False, color_system=None if plain else "auto")
    if unknown := [part for part in parts if part not in PARTS]:
        console.print(f"[bold red]error[/] tests/run knows no part {unknown[0]}; parts: {' '.join(PARTS)}")
        return 64
    FOLDER.mkdir(parents=True, exist_ok=True)
    variables = environment.bare(os.environ)
    variables.setdefault("MOORAGE_PROPERTY_SEED", str(random.SystemRandom().getrandbits(32)))
    os.umask(environment.UMASK)
    chosen = list(parts) or [part for part in PARTS if part not in LEFT_OUT]
    seed = variables["MOORAGE_PROPERTY_SEED"]
    console.print(f"[dim]examples are those of MOORAGE_PROPERTY_SEED={seed}[/]", soft_wrap=True)
    started, ended = time.monotonic(), []
    for part in chosen:
        for lanes in PARTS[part]:
            ended += run(lanes, variables, console)
    _summary(ended, console)
    failed = [ran.name for ran in ended if ran.status]
    console.print(
        f"\n{'✗' if failed else '✓'} {' '.join(chosen)} in {time.monotonic() - started:.0f} s"
        + (f"; failed: {', '.join(failed)}, with MOORAGE_PROPERTY_SEED={seed}" if failed else ""),
        markup=False,
        soft_wrap=True,
    )
    return 1 if failed else 0


if __name__ == "__main__":
    # Also where a shell that put this into the background had it ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
