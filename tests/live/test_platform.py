"""The embedded platform: killed, its leftovers met, its data kept."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from moorage.cli.sessions import session_of
from moorage.engine.stacklock import locks
from moorage.platform.embedded import Platform
from moorage.platform.layout import RUNTIME, Layout
from moorage.platform.leftovers import container_processes, mounts_below, shim_processes
from moorage.platform.processes import records
from moorage.platform.programs import NAMES
from tests.live.test_page import add_arrival
from tests.support.stack import MOORAGE, ROOT, Stack, eventually, moorage

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.live


MAY_BE_STOPPED = ("test_a_port_in_use", "test_a_start_that_was_killed")
"""Tests that stop it themselves: they come one after the other, so that it is stopped once."""


@pytest.fixture(autouse=True)
def running(dev: Stack, request: pytest.FixtureRequest) -> Iterator[None]:
    """Have the platform run, with the stack on it, before a test that wants it and after the last one."""
    if not request.node.name.startswith(MAY_BE_STOPPED):
        _have_running()
    yield
    if request.node is request.session.items[-1]:
        _have_running()


def _have_running() -> None:
    if not Platform(Layout.of(ROOT)).running():
        moorage("up", "dev")


def _stopped() -> None:
    if Platform(Layout.of(ROOT)).running():
        moorage("platform", "stop")


def arrivals(dev: Stack) -> str:
    with dev.http() as client:
        answer = client.get("/api/arrivals?limit=200")
    return answer.text if answer.status_code == 200 else ""


def test_what_a_power_cut_ends_in_the_middle_of_an_update_comes_up_again_with_its_data(dev: Stack) -> None:
    vessel = f"Kraken {uuid.uuid4().hex[:8]}"
    add_arrival(dev, vessel)
    session = session_of(ROOT, "dev")
    killed = [record.pid for record in records().values() if record.alive]
    with subprocess.Popen([MOORAGE, "up", "dev"], stdout=subprocess.DEVNULL, start_new_session=True) as update:
        lock = eventually(lambda: locks(session), seconds=60, what="the update's lock")[0]
        for pid in [*killed, *shim_processes(), *container_processes(ROOT / ".moorage" / "platform"), lock.pid]:
            os.kill(pid, signal.SIGKILL)
        os.killpg(update.pid, signal.SIGKILL)
    assert locks(session) == [lock], "the lock of the dead update remains, as after a crash"
    eventually(lambda: not any(record.alive for record in records().values()), seconds=10)
    assert mounts_below((RUNTIME, ROOT / ".moorage" / "platform")), (
        "mounts of the dead platform remain, as after a crash"
    )

    moorage("up", "dev")
    eventually(lambda: vessel in arrivals(dev), seconds=60, what="the entry written before the crash")


def test_a_platform_that_lost_only_its_runtime_is_mended(dev: Stack) -> None:
    for name in ("containerd", "kubelet"):
        os.kill(records()[name].pid, signal.SIGKILL)
    moorage("up", "dev")
    assert Platform(Layout.of(ROOT)).running()
    eventually(lambda: arrivals(dev) != "", seconds=60)


def test_a_second_start_finds_everything_in_place(dev: Stack) -> None:
    pids = {name: record.pid for name, record in records().items()}
    result = moorage("platform", "start")
    assert "already running" in result.stdout
    assert {name: record.pid for name, record in records().items()} == pids


def test_a_port_in_use_is_named_with_its_holder(dev: Stack) -> None:
    _stopped()
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 8080))
        holder.listen()
        result = moorage("platform", "start", check=False)
    assert result.returncode == 1
    assert "port 8080 is in use" in result.stderr
    assert f"process {os.getpid()}" in result.stderr
    assert "MOORAGE_HTTP_PORT" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_start_that_was_killed_when_every_process_ran_is_not_taken_for_a_complete_one(dev: Stack) -> None:
    _stopped()
    start = subprocess.Popen([MOORAGE, "platform", "start"], cwd=ROOT, stdout=subprocess.DEVNULL)
    eventually(lambda: records().keys() == set(NAMES), seconds=60, what="the last process")
    start.kill()
    start.wait()
    assert moorage("platform", "status", check=False).returncode == 3
    assert "started" in moorage("platform", "start").stdout
    assert moorage("platform", "status").returncode == 0
    with dev.http() as client:
        eventually(lambda: client.get("/api/berths").status_code == 200, seconds=60)


def test_stopping_leaves_no_process_mount_namespace_or_socket_and_starting_keeps_the_data(dev: Stack) -> None:
    vessel = f"Selkie {uuid.uuid4().hex[:8]}"
    add_arrival(dev, vessel)
    moorage("platform", "stop")
    assert records() == {}
    assert shim_processes() == []
    assert container_processes(ROOT / ".moorage" / "platform") == []
    assert mounts_below((RUNTIME, ROOT / ".moorage" / "platform")) == []
    assert not Path("/run/netns/moorage").exists()
    assert not Path("/sys/class/net/moorage0").exists()
    assert list(RUNTIME.glob("*.sock")) == []
    assert moorage("platform", "status", check=False).returncode == 3

    moorage("up", "dev")
    eventually(lambda: vessel in arrivals(dev), seconds=60, what="the entry written before the stop")


def test_another_checkouts_platform_is_not_disturbed(dev: Stack, tmp_path: Path) -> None:
    for name in ("Pulumi.yaml", "__main__.py"):
        (tmp_path / name).write_text("")
    result = moorage("platform", "stop", check=False, cwd=tmp_path)
    assert result.returncode == 1
    assert "another platform is already running" in result.stderr
    assert str(ROOT) in result.stderr
    assert Platform(Layout.of(ROOT)).running()


def test_nothing_listens_beyond_loopback_and_the_nodes_namespace(dev: Stack) -> None:
    own = {record.pid for record in records().values()}
    host = os.readlink("/proc/self/ns/net")
    listening = set()
    for pid in own:
        if os.readlink(f"/proc/{pid}/ns/net") != host:
            continue
        inodes = {os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd") if _is_link(pid, fd)}
        for table in ("tcp", "tcp6"):
            rows = [line.split() for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]]
            listening |= {row[1].split(":")[0] for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in inodes}
    assert listening == {"0100007F"}, "only 127.0.0.1, in the kernel's byte order"


def _is_link(pid: int, fd: str) -> bool:
    return Path(f"/proc/{pid}/fd/{fd}").is_symlink()


def test_keys_and_kubeconfig_are_readable_by_their_owner_alone(dev: Stack) -> None:
    layout = Layout.of(ROOT)
    private = [
        layout.kubeconfig,
        *layout.pki.glob("*.key"),
        *layout.pki.glob("*.kubeconfig"),
        layout.home / "passphrase",
    ]
    for path in private:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_up_again_ends_within_seconds(dev: Stack) -> None:
    """Not a benchmark: only that nothing is built, started or rolled again."""
    started = time.monotonic()
    result = moorage("up", "dev")
    assert "already running" in result.stdout
    assert "in place" in result.stdout
    assert time.monotonic() - started < 60
