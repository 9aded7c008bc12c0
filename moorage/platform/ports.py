"""Whether ports on loopback are free, and who holds those that are not."""

from __future__ import annotations

import contextlib
import os
import socket
from pathlib import Path

from moorage.base.errors import MoorageError


def require_free(ports: dict[str, int]) -> None:
    """Check ports, each with the name of the variable that chooses another.

    Raises `MoorageError` naming the process that holds the first one taken.
    """
    for name, port in ports.items():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                raise _port_taken(name, port) from None


def _port_taken(name: str, port: int) -> MoorageError:
    holder = _holder(port)
    return MoorageError.of(
        f"port {port} is in use",
        where=f"127.0.0.1:{port}",
        why=f"held by {holder}" if holder else "another process listens there",
        remedy=f"stop that process, or choose another port with {name}=<port>",
    )


def _holder(port: int) -> str | None:
    """Return name and id of the process that listens on ``port``, where it can be found."""
    inodes = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
                inodes.add(f"socket:[{fields[9]}]")
    for pid in (name for name in os.listdir("/proc") if name.isdigit()):
        if inodes & _links(pid):
            with contextlib.suppress(OSError):
                return f"{Path(f'/proc/{pid}/comm').read_text().strip()} (process {pid})"
    return None


def _links(pid: str) -> set[str]:
    """Return what the open files of a process are, as far as they are ours to see; some may be closed meanwhile."""
    found = set()
    with contextlib.suppress(OSError):
        for fd in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                found.add(os.readlink(f"/proc/{pid}/fd/{fd}"))
    return found
