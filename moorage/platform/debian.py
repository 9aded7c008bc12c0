"""Debian packages: those that are installed, and those of which only the files are used.

The registry and the CNI plugins are unpacked into the cache rather than installed, because installing the registry
would start it as a service of the machine.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from moorage.base.errors import MoorageError
from moorage.platform.pins import cache_folder

if TYPE_CHECKING:
    from collections.abc import Sequence

UNPACKED = ("docker-registry", "containernetworking-plugins")


@dataclass(frozen=True)
class Need:
    """A file that a Debian package brings, and what Moorage needs it for."""

    package: str
    file: str
    purpose: str

    @property
    def found(self) -> str | None:
        """Path of the file, where it exists."""
        if self.file.startswith("/"):
            return self.file if Path(self.file).exists() else None
        return shutil.which(self.file, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


BUILD_NEEDS = (
    Need("gcc", "gcc", "links runc"),
    Need("libc6-dev", "/usr/include/stdlib.h", "links runc"),
    Need("pkg-config", "pkg-config", "links runc"),
    Need("libseccomp-dev", "/usr/include/seccomp.h", "links runc"),
)
PLATFORM_NEEDS = (
    Need("libseccomp2", "/usr/lib/x86_64-linux-gnu/libseccomp.so.2", "system call filters of containers")
    if os.uname().machine == "x86_64"
    else Need("libseccomp2", "/usr/lib/aarch64-linux-gnu/libseccomp.so.2", "system call filters of containers"),
    Need("iproute2", "ip", "network namespace of the node"),
    Need("iptables", "iptables", "Services and network policies"),
    Need("ipset", "ipset", "network policies"),
    Need("conntrack", "conntrack", "Services"),
    Need("kmod", "modprobe", "kernel modules"),
    Need("mount", "mount", "volumes"),
    Need("util-linux", "nsenter", "entering the node's namespace"),
    Need("socat", "socat", "ingress on loopback"),
    Need("mmdebstrap", "mmdebstrap", "seed image"),
    Need("debian-archive-keyring", "/usr/share/keyrings/debian-archive-keyring.gpg", "seed image"),
    Need("ca-certificates", "/etc/ssl/certs/ca-certificates.crt", "downloads of builds"),
)


def missing(needs: Sequence[Need]) -> list[Need]:
    """Return the needs that this machine does not meet."""
    return [need for need in needs if need.found is None]


def install(needs: Sequence[Need]) -> list[str]:
    """Install the packages of unmet needs with apt and return their names.

    Raises `MoorageError` with the command to run where this is not root on Debian or Ubuntu.
    """
    packages = sorted({need.package for need in missing(needs)})
    if not packages:
        return []
    command = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        purposes = "; ".join(f"{need.package}: {need.purpose}" for need in missing(needs))
        sudo = "sudo " if os.geteuid() else ""
        raise MoorageError.of(
            f"system packages are missing: {', '.join(packages)}",
            where="this machine",
            why=purposes if shutil.which("apt-get") else f"this system has no apt; {purposes}",
            remedy=f"{sudo}apt-get update && {sudo}{' '.join(command)}, or the equivalent on this system",
        )
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    result = _apt(command, environment)
    if result.returncode:
        _apt(["apt-get", "update"], environment)
        result = _apt(command, environment)
    if result.returncode:
        raise _apt_failed(" ".join(command), result)
    return packages


def unpacked() -> Path:
    """Return a folder that holds the files of the packages in `UNPACKED`, unpacking them when missing."""
    key = hashlib.sha256(" ".join((*UNPACKED, _release())).encode()).hexdigest()[:12]
    target = cache_folder() / "debian" / key
    if target.is_dir():
        return target
    if shutil.which("apt-get") is None:
        raise MoorageError.of(
            f"the files of {' and '.join(UNPACKED)} are missing",
            where=str(target),
            why="apt installs them, and this system has no apt",
            remedy="use Debian or Ubuntu, or use your own cluster, registry and builder: name them in Pulumi.<stack>.yaml",
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=".unpack-", dir=target.parent))
    try:
        aside.chmod(0o755)
        download = ["apt-get", "download", "-o", "APT::Sandbox::User=root", *UNPACKED]
        result = _apt(download, dict(os.environ), aside)
        if result.returncode:
            _apt(["apt-get", "update"], dict(os.environ))
            result = _apt(download, dict(os.environ), aside)
        if result.returncode:
            raise _apt_failed(" ".join(download), result)
        for package in sorted(aside.glob("*.deb")):
            unpack = ["dpkg-deb", "-x", str(package), str(aside / "files")]
            result = _apt(unpack, dict(os.environ))
            if result.returncode:
                raise _unpack_failed(" ".join(unpack), result)
        (aside / "files").rename(target)
    except OSError:
        if not target.is_dir():
            raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return target


def _release() -> str:
    return Path("/etc/debian_version").read_text() if Path("/etc/debian_version").exists() else ""


def _apt(command: list[str], environment: dict[str, str], cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, env=environment, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )


def _unpack_failed(command: str, result: subprocess.CompletedProcess[str]) -> MoorageError:
    return MoorageError.of(
        "a package could not be unpacked",
        where=command,
        why="see dpkg-deb's output below",
        remedy=f"check free space below {cache_folder()}, then run the command again",
        detail=result.stderr.strip().splitlines()[-8:],
    )


def _apt_failed(command: str, result: subprocess.CompletedProcess[str]) -> MoorageError:
    lines = [line for line in (result.stdout + result.stderr).splitlines() if line.startswith(("E:", "W:", "Err:"))]
    return MoorageError.of(
        "apt could not download a package",
        where=command,
        why="see apt's output below",
        remedy="check the network and /etc/apt/sources.list*, run `apt-get update`, then the same command again",
        detail=lines[-8:],
    )
