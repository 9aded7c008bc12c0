"""Pod Security Standards, level baseline, as of v1.35: each control decides as the API server does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..examples import CONTAINER, POD, Example
from ..judge import each
from ..registry import ALWAYS, Scope, Severity, rule
from .pod_security_confinement import holders

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..objects import Container, Pod
    from ..tree import Node, Remark

BASELINE_CAPABILITIES: Final = frozenset(
    {
        "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP",
        "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
    }
)  # fmt: skip
SAFE_SYSCTLS: Final = frozenset(
    {
        "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range", "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem",
    }
)  # fmt: skip


@rule(
    "POD-01",
    "disallow-privileged-containers",
    summary="No container is privileged.",
    why="a privileged container has every capability and every device: it is root on the node",
    fix="remove securityContext.privileged or set it to false; a single capability usually suffices",
    scope=Scope.CONTAINER,
    levels=ALWAYS,
    severity=Severity.CRITICAL,
    standards=("PSS baseline: privileged", "CIS 5.2.2", "NSA pod security"),
    profile="baseline",
    example=Example(path=f"{CONTAINER}.securityContext.privileged", value=True),
)
def disallow_privileged(container: Container) -> Iterator[Remark]:
    """Privileged is false or absent."""
    node = container.security["privileged"]
    if node.boolean():
        yield node.remark("must be false or absent")


@rule(
    "POD-02",
    "disallow-host-namespaces",
    summary="Pods share no namespace with the node.",
    why="in the node's namespaces a pod sees its traffic, its processes and their memory",
    fix="remove hostNetwork, hostPID and hostIPC; publish ports with a Service",
    scope=Scope.POD,
    levels=ALWAYS,
    severity=Severity.CRITICAL,
    standards=("PSS baseline: hostNamespaces", "CIS 5.2.3-5.2.5", "NSA pod security"),
    profile="baseline",
    example=Example(path=f"{POD}.hostNetwork", value=True),
)
def disallow_host_namespaces(pod: Pod) -> Iterator[Remark]:
    """None of the three is true."""

    def shared(node: Node) -> Iterator[Remark]:
        if node.boolean():
            yield node.remark("must be false or absent")

    yield from each((pod.spec[key] for key in ("hostNetwork", "hostPID", "hostIPC")), shared)


@rule(
    "POD-03",
    "disallow-host-path-volumes",
    summary="Pods mount nothing of the node's file system.",
    why="the node's files hold its credentials and the container runtime's socket, each enough to own the node",
    fix="use a PersistentVolumeClaim, an emptyDir, a ConfigMap or a Secret instead of hostPath",
    scope=Scope.POD,
    levels=ALWAYS,
    severity=Severity.CRITICAL,
    standards=("PSS baseline: hostPathVolumes", "CIS 5.2.11"),
    profile="baseline",
    example=Example(path=f"{POD}.volumes[0].hostPath", value={"path": "/var/run/docker.sock"}),
)
def disallow_host_path(pod: Pod) -> Iterator[Remark]:
    """No volume has a hostPath, an empty one included."""

    def mounted(volume: Node) -> Iterator[Remark]:
        node = volume["hostPath"]
        if node.present:
            yield (node["path"] if node["path"].present else node).remark("must not be there")

    yield from each(pod.spec["volumes"].elements(), mounted)


@rule(
    "POD-04",
    "disallow-host-ports",
    summary="Containers take no port of the node.",
    why="a host port bypasses Services and network policies and ties the pod to one node",
    fix="remove hostPort; publish the port with a Service",
    scope=Scope.CONTAINER,
    levels=ALWAYS,
    severity=Severity.HIGH,
    standards=("PSS baseline: hostPorts", "CIS 5.2.12"),
    profile="baseline",
    example=Example(path=f"{CONTAINER}.ports[0].hostPort", value=8080),
)
def disallow_host_ports(container: Container) -> Iterator[Remark]:
    """Every hostPort is 0 or absent."""

    def taken(port: Node) -> Iterator[Remark]:
        node = port["hostPort"]
        if node.number():
            yield node.remark("must be absent")

    yield from each(container["ports"].elements(), taken)


@rule(
    "POD-05",
    "restrict-added-capabilities",
    summary="Containers add only capabilities of the runtime's default set.",
    why="capabilities beyond the default set let a container change the network, the clock or other processes",
    fix="remove the capability from capabilities.add",
    scope=Scope.CONTAINER,
    levels=ALWAYS,
    severity=Severity.HIGH,
    standards=("PSS baseline: capabilities_baseline", "CIS 5.2.9"),
    profile="baseline",
    example=Example(path=f"{CONTAINER}.securityContext.capabilities.add", value=["NET_ADMIN"]),
)
def restrict_capabilities(container: Container) -> Iterator[Remark]:
    """Every added capability is in the default set, spelled exactly so."""

    def added(node: Node) -> Iterator[Remark]:
        if node.text() not in BASELINE_CAPABILITIES:
            yield node.remark("must be one of the runtime's default capabilities")

    yield from each(container.security["capabilities"]["add"].elements(), added)


@rule(
    "POD-13",
    "restrict-proc-mount",
    summary="The /proc of a container is masked as usual, unless the pod has a user namespace.",
    why="an unmasked /proc shows and changes the node's kernel settings",
    fix="remove procMount",
    scope=Scope.CONTAINER,
    levels=ALWAYS,
    severity=Severity.HIGH,
    standards=("PSS baseline: procMount",),
    profile="baseline",
    example=Example(path=f"{CONTAINER}.securityContext.procMount", value="Unmasked"),
)
def restrict_proc_mount(container: Container) -> Iterator[Remark]:
    """ProcMount is Default, or the pod's root is nobody on the node."""
    node = container.security["procMount"]
    if node.text() not in {None, "Default"} and not container.pod.user_namespace:
        yield node.remark("must be Default or absent")


@rule(
    "POD-14",
    "restrict-sysctls",
    summary="Pods set only sysctls that are confined to them.",
    why="other sysctls change the node's kernel for every pod on it",
    fix="remove the sysctl, or set it on the node",
    scope=Scope.POD,
    levels=ALWAYS,
    severity=Severity.HIGH,
    standards=("PSS baseline: sysctls",),
    profile="baseline",
    example=Example(path=f"{POD}.securityContext.sysctls", value=[{"name": "kernel.msgmax", "value": "65536"}]),
)
def restrict_sysctls(pod: Pod) -> Iterator[Remark]:
    """Every sysctl's name is in the safe list."""

    def named(node: Node) -> Iterator[Remark]:
        if node["name"].text() not in SAFE_SYSCTLS:
            yield node["name"].remark("must be a sysctl that is confined to the pod")

    yield from each(pod.spec["securityContext"]["sysctls"].elements(), named)


@rule(
    "POD-15",
    "disallow-windows-host-process",
    summary="No Windows pod runs as a process of the host.",
    why="a HostProcess container is a process of the node itself, without isolation",
    fix="remove windowsOptions.hostProcess",
    scope=Scope.POD,
    levels=ALWAYS,
    severity=Severity.CRITICAL,
    standards=("PSS baseline: windowsHostProcess", "CIS 5.2.10"),
    profile="baseline",
    example=Example(path=f"{POD}.securityContext.windowsOptions.hostProcess", value=True),
)
def disallow_host_process(pod: Pod) -> Iterator[Remark]:
    """HostProcess is false or absent, of pod and containers."""

    def option(holder: Node) -> Iterator[Remark]:
        node = holder["securityContext"]["windowsOptions"]["hostProcess"]
        if node.boolean():
            yield node.remark("must be false or absent")

    yield from each(holders(pod), option)


@rule(
    "POD-16",
    "disallow-probe-hosts",
    summary="Probes and lifecycle hooks call the pod itself.",
    why="the kubelet makes these calls from the node's network, so a host named here reaches what the pod cannot",
    fix="remove host; the pod's address is the default",
    scope=Scope.CONTAINER,
    levels=ALWAYS,
    severity=Severity.MEDIUM,
    standards=("PSS baseline: hostProbesAndHostLifecycle",),
    profile="baseline",
    example=Example(path=f"{CONTAINER}.livenessProbe.httpGet.host", value="169.254.169.254"),
)
def disallow_probe_hosts(container: Container) -> Iterator[Remark]:
    """Host is empty in every httpGet and tcpSocket."""

    def handler(way: tuple[str, ...]) -> Iterator[Remark]:
        for action in ("httpGet", "tcpSocket"):
            node = container.node.at(*way, action, "host")
            if node.text():
                yield node.remark("must be absent")

    ways = (
        ("livenessProbe",),
        ("readinessProbe",),
        ("startupProbe",),
        ("lifecycle", "postStart"),
        ("lifecycle", "preStop"),
    )
    yield from each(ways, handler)
