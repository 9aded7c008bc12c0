"""Builds what is missing of the toolchain, from pinned Go modules, into the cache.

A component is built aside and renamed into place, so that a folder in the cache is always whole; a lock makes a
second clone wait for, and then use, what the first one builds. Go's own caches are kept in the same place until
the last component is built (they make an interrupted build go on where it stopped), then removed in the background.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from moorage.base.console import Step, duration, out, size
from moorage.base.errors import MoorageError
from moorage.platform.build_progress import BuildProgress
from moorage.platform.go import NETWORK, go_failed, require_go
from moorage.platform.pins import Component, cache_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ATTEMPTS = 3
FIRST_WAIT_SECONDS = 2.0
DISK_BYTES_PER_WEIGHT_SECOND = 25e6
"""Measured: a cold build of everything (1,300 s of weight) leaves 28 GB in Go's caches."""
MEMORY_BYTES_PER_JOB = 8e9
"""The largest links (Kubernetes, Pulumi's Kubernetes provider) each take up to 5 GB."""
GARBAGE_PERCENT = 400
"""Of the compilers' heaps. Measured against Go's 100: 6 to 14 % less processor time; the limit below bounds what it costs."""
MEMORY_SHARE = 0.6
"""Of a job's part of the memory, above which its compilers collect more often."""

SAMPLE_SECONDS = 1.0
DISCARDED = ".discarded-"
"""Prefix of folders in the cache that are being removed."""

_NO_SUM = "github.com/pulumi/*,github.com/cloudnativelabs/*"
"""Modules that some mirrors of the checksum database lack; the committed go.sum pins them all the same."""


class ToolchainBuilder:
    """Brings components into the cache; one instance serves one call of `build`."""

    def __init__(self, step: Step | None = None) -> None:
        """Report progress to ``step``."""
        self.step = step or Step("toolchain", "")
        self.root = cache_folder() / "toolchain"
        self.scratch = cache_folder() / "go"
        self.running: dict[str, subprocess.Popen[str]] = {}
        self.progress = BuildProgress((), self.root / ".measured.json")
        self.stopping = threading.Event()

    def missing(self, wanted: Sequence[Component]) -> list[Component]:
        """Return those of ``wanted`` that the cache does not hold."""
        return [component for component in wanted if not (self.root / component.folder).is_dir()]

    def build(self, wanted: Sequence[Component]) -> int:
        """Build what is missing and return how many that were.

        Raises `MoorageError` where Go is missing or refuses, a module cannot be downloaded or a disk is too full.
        """
        if not self.missing(wanted):
            return 0
        self.root.mkdir(parents=True, exist_ok=True)
        with self._lock():
            missing = sorted(self.missing(wanted), key=lambda component: -component.weight)
            if not missing:
                return 0
            self._sweep()
            require_go()
            self._require_space(missing)
            free = shutil.disk_usage(self.root).free + _folder_bytes(self.scratch)
            self._build_all(missing)
            held = max(0, free - shutil.disk_usage(self.root).free)
            discard(self.scratch)
            out.print(f"  [dim]{size(held)} of compile caches are being removed in the background[/]")
        return len(missing)

    @contextmanager
    def _lock(self) -> Iterator[None]:
        with (self.root / ".lock").open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.seek(0)
                self.step.note(f"waiting for another build (process {file.read().strip() or 'unknown'})")
                fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            file.truncate()
            file.write(str(os.getpid()))
            file.flush()
            yield

    def _sweep(self) -> None:
        """Delete what builds that were killed left half-made; whoever holds the lock is the only one who builds."""
        for aside in self.root.glob(".*-*/"):
            shutil.rmtree(aside, ignore_errors=True)

    def _require_space(self, missing: Sequence[Component]) -> None:
        needed = sum(component.weight for component in missing) * DISK_BYTES_PER_WEIGHT_SECOND
        held = _folder_bytes(self.scratch)
        free = shutil.disk_usage(self.root).free
        if free + held < needed:
            raise MoorageError.of(
                f"building the toolchain needs {needed / 1e9:.0f} GB for a while, and {free / 1e9:.1f} GB are free",
                where=str(self.root),
                why="Go compiles every dependency from source; the caches are removed once the binaries are in place",
                remedy="free some space, or set MOORAGE_CACHE to a folder on a larger disk",
            )

    def _build_all(self, missing: Sequence[Component]) -> None:
        jobs = _jobs()
        self.progress = BuildProgress(missing, self.root / ".measured.json")
        with ThreadPoolExecutor(jobs) as pool:
            pending = {pool.submit(self._build_one, component) for component in missing}
            try:
                while pending:
                    self.progress.sample({name: process.pid for name, process in list(self.running.items())})
                    self.step.note(f"{', '.join(self.running) or '…'} · {self.progress.text()}")
                    done, pending = wait(pending, timeout=SAMPLE_SECONDS, return_when=FIRST_COMPLETED)
                    for future in done:
                        component, seconds = future.result()
                        self.progress.finished(component.name)
                        out.print(f"  [dim]built {component.name} {component.version} in {duration(seconds)}[/]")
            except BaseException:
                self._stop()
                raise

    def _stop(self) -> None:
        self.stopping.set()
        for process in list(self.running.values()):
            os.killpg(process.pid, signal.SIGTERM)

    def _build_one(self, component: Component) -> tuple[Component, float]:
        started = time.monotonic()
        aside = Path(tempfile.mkdtemp(prefix=f".{component.folder}-", dir=self.root))
        try:
            source = aside / "source"
            shutil.copytree(component.source, source)
            binaries = aside / "out" / "bin"
            binaries.mkdir(parents=True)
            self._bring_files(component, source, binaries)
            for name, package in component.binaries.items():
                self._go(component, source, *_build_arguments(component, binaries / name, package))
            for link in component.links:
                (binaries / link).symlink_to(next(iter(component.binaries)))
            (aside / "out").chmod(0o755)
            (aside / "out").rename(self.root / component.folder)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
        return component, time.monotonic() - started

    def _bring_files(self, component: Component, source: Path, binaries: Path) -> None:
        for file in component.files:
            listed = self._go(component, source, "mod", "download", "-json", file.module)
            origin = Path(json.loads(listed)["Dir"]) / file.path
            target = (binaries if file.install else source) / origin.name
            if file.json:
                target.write_text(json.dumps(json.loads(origin.read_text()) | file.json))
            else:
                target.write_bytes(origin.read_bytes())
            if file.install:
                target.chmod(0o755)

    def _go(self, component: Component, source: Path, *arguments: str) -> str:
        """Run go with caches of its own; what may pass (a download that breaks off) is tried again."""
        for attempt in range(1, ATTEMPTS + 1):
            status, stdout, stderr = self._run(component, source, arguments)
            if status == 0:
                return stdout
            last = attempt == ATTEMPTS or not NETWORK.search(stderr)
            if self.stopping.is_set() or last:
                raise go_failed(component, stderr, attempt)
            pause = FIRST_WAIT_SECONDS * 2 ** (attempt - 1)
            out.print(
                f"  [yellow]{component.name}: download failed, attempt {attempt} of {ATTEMPTS}; again in {pause:.0f} s[/]"
            )
            self.stopping.wait(pause)
        raise AssertionError

    def _run(self, component: Component, source: Path, arguments: Sequence[str]) -> tuple[int, str, str]:
        process = subprocess.Popen(
            # The compiler ends with this process, even where that is killed: the next build would have to share the machine.
            [*_die_with_parent(), "go", *arguments],
            cwd=source,
            env=self._environment(component),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.running[component.name] = process
        if self.stopping.is_set():
            process.terminate()
        try:
            stdout, stderr = process.communicate()
        finally:
            self.running.pop(component.name, None)
            self.progress.command_ended(component.name)
        return process.returncode, stdout, stderr

    def _environment(self, component: Component) -> dict[str, str]:
        env = {key: value for key, value in os.environ.items() if key != "GOFLAGS"}
        no_sum = ",".join(part for part in (env.get("GONOSUMDB"), _NO_SUM) if part)
        return env | {
            "GOCACHE": str(self.scratch / "build"),
            "GOMODCACHE": str(self.scratch / "mod"),
            "GOFLAGS": "-mod=readonly -modcacherw",
            "GONOSUMDB": no_sum,
            "GOWORK": "off",
            "GOGC": env.get("GOGC", str(GARBAGE_PERCENT)),
            "GOMEMLIMIT": env.get("GOMEMLIMIT", f"{int(MEMORY_SHARE * _memory_bytes() / _jobs())}"),
            "CGO_ENABLED": "1" if component.cgo else "0",
        }


def _memory_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _jobs() -> int:
    """Return how many components are built at a time."""
    return max(1, min(2, os.cpu_count() or 1, int(_memory_bytes() // MEMORY_BYTES_PER_JOB)))


def _die_with_parent() -> list[str]:
    return ["setpriv", "--pdeathsig", "TERM"] if shutil.which("setpriv") else []


def _build_arguments(component: Component, output: Path, package: str) -> list[str]:
    return [
        "build",
        "-trimpath",
        "-buildvcs=false",
        f"-tags={','.join(component.tags)}",
        f"-ldflags=-s -w {component.ldflags}".rstrip(),
        "-o",
        str(output),
        package,
    ]


def _folder_bytes(folder: Path) -> int:
    total = 0
    for root, _, files in os.walk(folder):
        total += sum(os.lstat(f"{root}/{name}").st_size for name in files)
    return total


def discard(folder: Path) -> None:
    """Remove a folder of the cache without waiting for it.

    It is put aside under a name of its own at once, so that whoever builds next does not meet half of it.
    """
    if folder.exists():
        folder.rename(Path(tempfile.mkdtemp(prefix=DISCARDED, dir=folder.parent)) / folder.name)
    sweep(folder.parent)


def sweep(cache: Path) -> None:
    """Go on with the removals in a cache folder that were stopped, without waiting for them."""
    for aside in cache.glob(f"{DISCARDED}*"):
        # Whoever holds the lock on it removes it already.
        alone = ["flock", "--nonblock", str(aside)] if shutil.which("flock") else []
        process = subprocess.Popen(
            ["nice", *alone, "rm", "-rf", "--", str(aside)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        # It is meant to outlive us; Python would warn of that.
        process.returncode = 0
