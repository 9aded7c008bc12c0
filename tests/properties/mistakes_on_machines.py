"""What a machine lacks or refuses: ports, programs, packages, rights and space, and processes that end by themselves."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import strategies as st

from moorage.base.errors import MoorageError, Problem
from moorage.cli import deploy
from moorage.cli import platform_processes as commands
from moorage.cli.main import machine_problem
from moorage.config.locate import find_root
from moorage.platform import debian, embedded, ports, processes, programs, toolchain, toolchain_builder
from moorage.platform.debian import Need
from moorage.platform.embedded import Platform
from moorage.platform.go import go_failed
from moorage.platform.layout import Layout
from moorage.platform.pins import components
from moorage.platform.processes import Program
from moorage.platform.toolchain_builder import ToolchainBuilder
from tests.properties.mistakes import as_nobody, environment, refused, texts, words
from tests.unit.session_samples import session as sample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from hypothesis.strategies import DataObject

ROOT = Path(__file__).resolve().parents[2]
PORTS = ("MOORAGE_HTTP_PORT", "MOORAGE_HTTPS_PORT", "MOORAGE_REGISTRY_PORT")
GO_SAYS = (
    *(
        "verifying module: checksum mismatch",
        "SECURITY ERROR",
        "dial tcp: connection refused",
        "410 Gone",
        "403 Forbidden",
    ),
    *(
        "net/http: TLS handshake timeout",
        "undefined: x",
        "signal: killed",
        "go: downloading a v1",
        "unexpected EOF",
        "",
    ),
)


def _is_port(text: str) -> bool:
    return re.fullmatch("[0-9]{1,5}", text) is not None and 1 <= int(text) <= 65535


def no_port(data: DataObject, folder: Path) -> Sequence[Problem]:
    """A variable that is to be a port and is none."""
    text = data.draw(
        (st.sampled_from(["", "0", "65536", "²", "٣", "9" * 5000]) | texts()).filter(lambda it: not _is_port(it))
    )
    with environment(folder, **{data.draw(st.sampled_from(PORTS)): text}):
        return refused(lambda: Layout.of(folder))


def port_in_use(data: DataObject, folder: Path) -> Sequence[Problem]:
    """A port that another process has."""
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        wanted = {data.draw(st.sampled_from(PORTS)): taken.getsockname()[1]}
        problems = refused(lambda: ports.require_free(wanted))
    assert str(os.getpid()) in str(problems)
    return problems


def no_choice(data: DataObject, folder: Path) -> Sequence[Problem]:
    """A toolchain that there is not: another word, or the system's where the system has none."""
    text = data.draw(st.just("system") | texts().filter(lambda text: text not in toolchain.CHOICES))
    with environment(folder, MOORAGE_TOOLCHAIN=text, PATH=str(folder)):
        return refused(lambda: toolchain.wanted(platform=data.draw(st.booleans())))


def no_go(data: DataObject, folder: Path) -> Sequence[Problem]:
    """No compiler for what is to be built."""
    wanted = data.draw(st.lists(st.sampled_from(components()), min_size=1, max_size=4, unique_by=lambda it: it.name))
    with environment(folder, PATH=str(folder)):
        return refused(lambda: ToolchainBuilder().build(wanted))


def go_fails(data: DataObject, folder: Path) -> Sequence[Problem]:
    """A build that ends with any words of Go's."""
    said = "\n".join(data.draw(st.lists(st.sampled_from(GO_SAYS) | texts(), min_size=1, max_size=20)))
    error = go_failed(data.draw(st.sampled_from(components())), said, data.draw(st.integers(1, 3)))
    return error.problems


def full_disk(data: DataObject, folder: Path) -> Sequence[Problem]:
    """Less free space than the toolchain or the platform needs."""
    free = shutil.disk_usage(folder).free
    more = float(data.draw(st.integers(2, 10**6)) * free)
    with environment(folder) as patch:
        if data.draw(st.booleans()):
            patch.setattr(embedded, "MINIMUM_FREE_BYTES", more)
            return refused(Platform(Layout.of(folder))._require_space)
        patch.setattr(toolchain_builder, "DISK_BYTES_PER_WEIGHT_SECOND", more)
        return refused(lambda: ToolchainBuilder().build(components("pulumi")))


def no_root(data: DataObject, folder: Path) -> Sequence[Problem]:
    """A user who may not make what containers need."""
    with environment(folder), as_nobody():
        run = Platform(Layout.of(folder))
        return refused(data.draw(st.sampled_from([run.start, run.stop, run.reset])))


def no_packages(data: DataObject, folder: Path) -> Sequence[Problem]:
    """Missing system packages, and nobody who could install them."""
    names = data.draw(st.lists(words(3), min_size=1, max_size=4, unique=True))
    needs = [Need(name, data.draw(st.sampled_from([f"/nowhere/{name}", f"no-{name}"])), "a test") for name in names]
    if data.draw(st.booleans()):
        with environment(folder), as_nobody():
            return refused(lambda: debian.install(needs))
    with environment(folder, PATH=str(folder)):
        return refused(data.draw(st.sampled_from([lambda: debian.install(needs), debian.unpacked])))


def apt_refuses(data: DataObject, folder: Path) -> Sequence[Problem]:
    """Packages that no mirror has: the real apt, where it may run, with no mirror and folders of its own."""
    settings = {
        "Dir::State": folder / "state",
        "Dir::State::status": "/dev/null",
        "Dir::Cache": folder / "cache",
        "Dir::Etc::sourcelist": "/dev/null",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::Log": folder / "log",
        "Debug::NoLocking": "true",
    }
    (folder / "apt.conf").write_text("".join(f'{key} "{value}";\n' for key, value in settings.items()))
    (folder / "state/lists/partial").mkdir(parents=True)
    needs = [Need(f"moorage-no-{data.draw(words(3))}", "/nowhere/file", "a test")]
    with environment(folder, APT_CONFIG=str(folder / "apt.conf")):
        return refused(lambda: debian.install(needs))


@contextmanager
def own_records(folder: Path) -> Iterator[pytest.MonkeyPatch]:
    """Keep the records of processes below `folder`, and end those that still run."""
    with environment(folder) as patch:
        patch.setattr(processes, "RECORDS", folder / "records")
        try:
            yield patch
        finally:
            for record in processes.records().values():
                processes.stop(record)


def another_platform(data: DataObject, folder: Path) -> Sequence[Problem]:
    """The platform of another checkout, with a process that runs."""
    with own_records(folder) as patch:
        patch.setattr(embedded, "OWNER", folder / "owner.json")
        processes.ensure(Program(name="etcd", command=("sleep", "60"), on_node=False), folder / "etcd.log")
        (folder / "owner.json").write_text(json.dumps({"root": f"/srv/{data.draw(words())}", "data": "/nowhere"}))
        return refused(Platform(Layout.of(folder))._require_alone)


def process_dies(data: DataObject, folder: Path) -> Sequence[Problem]:
    """A process that says something and ends."""
    lines, status = data.draw(st.lists(texts(), max_size=12)), data.draw(st.integers(0, 255))
    command = ("sh", "-c", 'printf "%s\\n" "$@"; exit "$0"', str(status), *lines)

    def start() -> None:
        processes.ensure(Program(name="part", command=command, on_node=False), folder / "part.log")
        processes.wait_until(lambda: False, seconds=30, what="it", programs=("part",))

    with own_records(folder):
        return refused(start)


def process_never_ready(data: DataObject, folder: Path) -> Sequence[Problem]:
    """A process that runs and never does what it is there for."""
    seconds = data.draw(st.floats(0, 0.05))
    with own_records(folder):
        program = Program(name="part", command=("sh", "-c", "echo waiting; exec sleep 60"), on_node=False)
        processes.ensure(program, folder / "part.log")
        what = f"the {data.draw(words())}"
        return refused(lambda: processes.wait_until(lambda: False, seconds=seconds, what=what, programs=("part",)))


def process_cannot_start(data: DataObject, folder: Path) -> Sequence[Problem]:
    """A program that is missing, is none, or may not be run."""
    path = folder / "program"
    kind = data.draw(st.sampled_from(["missing", "folder", "text", "data"]))
    if kind == "folder":
        path.mkdir()
    elif kind != "missing":
        path.write_bytes(data.draw(st.binary(min_size=4, max_size=20)).replace(b"#!", b"##"))
        path.chmod(0o644 if kind == "text" else 0o755)
    program = Program(name="part", command=(str(path),), on_node=False)
    with own_records(folder):
        return refused(lambda: processes.ensure(program, folder / "part.log"))


def machine_refuses(data: DataObject, folder: Path) -> Sequence[Problem]:
    """A full disk, a folder in the way, a file that is not there, and what else the operating system says no to."""
    name = data.draw(words())

    def fill() -> None:
        with Path("/dev/full").open("w") as file:
            file.write(name)

    def connect() -> None:
        with socket.socket() as bound:
            bound.bind(("127.0.0.1", 0))
            socket.create_connection(bound.getsockname(), timeout=5)

    calls: list[Callable[[], Any]] = [
        fill,
        connect,
        (folder / name).read_text,
        folder.read_text,
        folder.mkdir,
        (folder / ("x" * 300)).touch,
        lambda: Path(sys.executable, name).touch(),
        lambda: subprocess.run([str(folder / name)], check=False),
    ]
    with pytest.raises(OSError) as caught:  # noqa: PT011  # whatever the operating system says
        data.draw(st.sampled_from(calls))()
    return [machine_problem(caught.value)]


def outside(data: DataObject, folder: Path) -> Sequence[Problem]:
    """A command that is given in the wrong place, names a part that there is not, or asks nobody."""
    part = data.draw(st.just("") | words().filter(lambda word: word not in programs.NAMES))
    session = sample(folder, stack=data.draw(words()), embedded=False)
    calls: list[Callable[[], Any]] = [
        find_root,
        lambda: commands.logs(folder, part, lines=1, follow=False),
        lambda: deploy._confirm(session, data.draw(words())),
    ]
    with environment(folder) as patch, Path(os.devnull).open() as nobody:
        patch.chdir(folder)
        patch.setattr(sys, "stdin", nobody)
        return refused(data.draw(st.sampled_from(calls)))


def no_python(data: DataObject, folder: Path) -> Sequence[Problem]:
    """The first script of all, where there is no Python that it could use."""
    script = folder / "moorage" / "platform" / "bootstrap"
    script.parent.mkdir(parents=True)
    shutil.copy(ROOT / "moorage/platform/bootstrap", script)
    (folder / "bin").mkdir()
    for name in ("dirname", "date", *data.draw(st.sets(st.sampled_from(["ls", "id", "mkdir", "mktemp", "sleep"])))):
        (folder / "bin" / name).symlink_to(str(shutil.which(name)))
    run = subprocess.run(
        ["/bin/sh", script],
        env={"PATH": str(folder / "bin"), "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    what, why, fix = re.sub(r"\x1b\[[0-9;]*m", "", run.stderr).splitlines()
    parts = (what.removeprefix("error "), why.removeprefix("  why "), fix.removeprefix("  fix "))
    return MoorageError(Problem(what=parts[0], where="PATH", why=parts[1], remedy=parts[2])).problems


MACHINE = (no_port, port_in_use, no_choice, no_go, go_fails, full_disk, no_root, no_packages, apt_refuses, no_python)
PROCESSES = (another_platform, process_dies, process_never_ready, process_cannot_start, machine_refuses, outside)
