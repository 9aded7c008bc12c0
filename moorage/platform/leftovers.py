"""Ends and removes what a platform leaves behind: containers, shims, mounts, sockets, namespaces.

Used to stop a running platform and to recover from one whose processes are gone in part or altogether.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from moorage.platform import node_network
from moorage.platform.layout import RUNTIME
from moorage.platform.processes import end, records, stop

if TYPE_CHECKING:
    from collections.abc import Iterable

CONTAINER_GRACE_SECONDS = 5.0
_STOP_ORDER = (
    "forward-http",
    "forward-https",
    "kubelet",
    "kube-router",
    "kube-proxy",
    "kube-scheduler",
    "kube-controller-manager",
)


def clear(data: Path) -> None:
    """End everything that belongs to the platform with its state below ``data``; the state itself stays."""
    known = records()
    first = [known[name] for name in _STOP_ORDER if name in known]
    for record in first:
        if record.alive:
            os.kill(record.pid, signal.SIGTERM)
    for record in first:
        stop(record)
    containers = container_processes(data)
    end(containers, seconds=CONTAINER_GRACE_SECONDS)
    end(shim_processes(), seconds=1)
    rest = [record for name, record in known.items() if name not in _STOP_ORDER]
    for record in rest:
        if record.alive:
            os.kill(record.pid, signal.SIGTERM)
    for record in rest:
        stop(record)
    unmount((data, RUNTIME))
    node_network.remove()
    for name in ("containerd", "processes", "cni"):
        shutil.rmtree(RUNTIME / name, ignore_errors=True)
    for path in RUNTIME.glob("*.sock"):
        path.unlink(missing_ok=True)
    _remove_cgroups()


def shim_processes() -> list[int]:
    """Return the ids of the shims that belong to our containerd."""
    address = str(RUNTIME / "containerd" / "containerd.sock").encode()
    found = []
    for pid in _pids():
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if command[0].endswith(b"containerd-shim-runc-v2") and address in command:
            found.append(pid)
    return found


def container_processes(data: Path) -> list[int]:
    """Return the ids of processes in containers whose root file system lies below ``data``."""
    marks = (f"{data}/containerd/".encode(), f"{data}/buildkit/".encode())
    own = os.readlink("/proc/self/ns/mnt")
    found = []
    for pid in _pids():
        try:
            if os.readlink(f"/proc/{pid}/ns/mnt") == own:
                continue
            mounts = Path(f"/proc/{pid}/mountinfo").read_bytes().splitlines()
        except OSError:
            continue
        # Only its own root tells: a service with a private mount namespace has copies of all our mounts, but below /.
        if any(line.split()[4] == b"/" and any(mark in line for mark in marks) for line in mounts):
            found.append(pid)
    return found


def mounts_below(folders: Iterable[Path]) -> list[str]:
    """Return the mount points below ``folders``, the deepest and latest first."""
    prefixes = tuple(f"{folder}/" for folder in folders)
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    points = [line.split()[4].replace("\\040", " ") for line in lines]
    return [point for point in reversed(points) if point.startswith(prefixes)]


def unmount(folders: Iterable[Path]) -> None:
    """Unmount everything below ``folders``; a mount that is busy is detached."""
    chosen = tuple(folders)
    for _ in range(5):
        points = mounts_below(chosen)
        if not points:
            return
        for point in points:
            if subprocess.run(["umount", point], check=False, capture_output=True).returncode:
                subprocess.run(["umount", "--lazy", point], check=False, capture_output=True)
        time.sleep(0.05)


def _remove_cgroups() -> None:
    """Remove the empty cgroups of pods: a kubelet that finds an old one takes its limits for today's."""
    for top in [*Path("/sys/fs/cgroup").glob("*/kubepods"), Path("/sys/fs/cgroup/kubepods")]:
        if top.is_dir():
            for folder, _, _ in os.walk(top, topdown=False):
                try:
                    Path(folder).rmdir()
                except OSError:
                    continue


def _pids() -> Iterable[int]:
    return (int(name) for name in os.listdir("/proc") if name.isdigit())
