"""The node's network namespace: one veth pair to the host, no default route, so that no packet leaves the machine."""

from __future__ import annotations

import subprocess
from pathlib import Path

from moorage.base.errors import MoorageError
from moorage.platform.layout import (
    HOST_ADDRESS,
    HOST_LINK,
    LINK_PREFIX,
    NAMESPACE,
    NODE_ADDRESS,
    NODE_LINK,
    SERVICE_CIDR,
)

NETNS = Path("/run/netns") / NAMESPACE
_SYSCTLS = {
    "net/ipv4/ip_forward": "1",
    "net/bridge/bridge-nf-call-iptables": "1",
    # A full table of connections would drop packets at random under load.
    "net/ipv4/conf/all/rp_filter": "0",
}


def ensure() -> bool:
    """Make the namespace and its link unless both are whole, and return whether they were made."""
    if _healthy():
        return False
    remove()
    _modules()
    _run("ip", "netns", "add", NAMESPACE)
    _run("ip", "link", "add", HOST_LINK, "type", "veth", "peer", "name", NODE_LINK, "netns", NAMESPACE)
    _run("ip", "address", "add", f"{HOST_ADDRESS}/{LINK_PREFIX}", "dev", HOST_LINK)
    _run("ip", "link", "set", HOST_LINK, "up")
    _in("ip", "address", "add", f"{NODE_ADDRESS}/{LINK_PREFIX}", "dev", NODE_LINK)
    for link in ("lo", NODE_LINK):
        _in("ip", "link", "set", link, "up")
    # Without a route a ClusterIP is "unreachable" before kube-proxy's rules can translate it.
    _in("ip", "route", "add", SERVICE_CIDR, "dev", NODE_LINK)
    for name, value in _SYSCTLS.items():
        _in("sh", "-c", f"echo {value} > /proc/sys/{name}")
    return True


def remove() -> None:
    """Remove the namespace and its link, whatever is left of them."""
    subprocess.run(["ip", "link", "delete", HOST_LINK], check=False, capture_output=True)
    if NETNS.exists():
        subprocess.run(["ip", "netns", "delete", NAMESPACE], check=False, capture_output=True)
        NETNS.unlink(missing_ok=True)


def _healthy() -> bool:
    if not NETNS.exists() or not Path(f"/sys/class/net/{HOST_LINK}").exists():
        return False
    probe = subprocess.run(
        ["nsenter", f"--net={NETNS}", "--", "ip", "route", "show", SERVICE_CIDR], check=False, capture_output=True
    )
    return probe.returncode == 0 and bool(probe.stdout.strip())


def _modules() -> None:
    """Load what the kernel does not have built in; where modules cannot be loaded, their absence shows later."""
    for module in ("overlay", "br_netfilter", "veth", "ip_set"):
        subprocess.run(["modprobe", module], check=False, capture_output=True)


def _in(*command: str) -> None:
    _run("nsenter", f"--net={NETNS}", "--", *command)


def _run(*command: str) -> None:
    result = subprocess.run(command, check=False, capture_output=True, text=True)
    if result.returncode:
        raise MoorageError.of(
            "the node's network could not be created",
            where=" ".join(command),
            why=result.stderr.strip() or f"exit status {result.returncode}",
            remedy="the platform needs root, network namespaces, veth and bridge netfilter in the kernel; `moorage doctor` checks them",
        )
