"""Pod Security Standards, level restricted, as of v1.35: what it asks for beyond baseline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from ..examples import CONTAINER, POD, REMOVE, Example
from ..judge import each
from ..registry import ALWAYS, REMEDIED_IN_DEV, Scope, Severity, rule
from ..remediation import containers_of, ensure, pod_spec_of
from .pod_security_confinement import PROFILES, bad_profile, holders

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..objects import Container, Pod
    from ..tree import Node, Remark

VOLUME_TYPES: Final = (
    "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim", "projected", "secret",
)  # fmt: skip


def fix_drop_all(root: Any) -> bool:
    """Drop ALL in every container that does not; capabilities that are added stay."""
    changed = False
    for container in containers_of(root):
        way = ("securityContext", "capabilities", "drop")
        changed |= ensure(container, way, ["ALL"], _no_list_to_change)
    return changed


def _no_list_to_change(dropped: Any) -> bool:
    return not isinstance(dropped, Sequence) or "ALL" in dropped


@rule(
    "POD-06",
    "require-drop-all-capabilities",
    summary="Every container drops all capabilities.",
    why="the default set lets a container forge packets, change owners and mount what it should not",
    fix="set securityContext.capabilities.drop to [ALL]; the name is upper case",
    scope=Scope.CONTAINER,
    levels=REMEDIED_IN_DEV,
    severity=Severity.HIGH,
    standards=("PSS restricted: capabilities_restricted", "CIS 5.2.8", "NSA pod security"),
    profile="restricted",
    remedy=fix_drop_all,
    example=Example(path=f"{CONTAINER}.securityContext.capabilities.drop", value=REMOVE),
)
def require_drop_all(container: Container) -> Iterator[Remark]:
    """Ask that the list of dropped capabilities has ALL."""
    if container.pod.windows:
        return
    node = container.security["capabilities"]["drop"]
    names = node.elements()
    if not any(name.value == "ALL" for name in names):
        for name in names:
            name.text()  # one that is not known yet may be ALL
        yield node.remark("must contain ALL")


@rule(
    "POD-05R",
    "restrict-capabilities-to-net-bind-service",
    summary="Containers add no capability but NET_BIND_SERVICE.",
    why="each capability is a part of root's power",
    fix="remove the capability from capabilities.add; listen on a port above 1024",
    scope=Scope.CONTAINER,
    levels=ALWAYS,
    severity=Severity.HIGH,
    standards=("PSS restricted: capabilities_restricted", "CIS 5.2.9"),
    profile="restricted",
    example=Example(path=f"{CONTAINER}.securityContext.capabilities.add", value=["CHOWN"]),
)
def restrict_to_net_bind(container: Container) -> Iterator[Remark]:
    """Nothing else is added."""
    if container.pod.windows:
        return

    def added(node: Node) -> Iterator[Remark]:
        if node.text() != "NET_BIND_SERVICE":
            yield node.remark("must be NET_BIND_SERVICE or absent")

    yield from each(container.security["capabilities"]["add"].elements(), added)


def fix_escalation(root: Any) -> bool:
    """Set allowPrivilegeEscalation to false in every container."""
    changed = False
    for container in containers_of(root):
        way = ("securityContext", "allowPrivilegeEscalation")
        changed |= ensure(container, way, value=False, held=lambda value: value is False)
    return changed


@rule(
    "POD-07",
    "disallow-privilege-escalation",
    summary="No process can gain more privileges than its parent.",
    why="a setuid program in the image would otherwise make any process root",
    fix="set securityContext.allowPrivilegeEscalation to false in every container",
    scope=Scope.CONTAINER,
    levels=REMEDIED_IN_DEV,
    severity=Severity.HIGH,
    standards=("PSS restricted: allowPrivilegeEscalation", "CIS 5.2.6", "NSA pod security"),
    profile="restricted",
    remedy=fix_escalation,
    example=Example(path=f"{CONTAINER}.securityContext.allowPrivilegeEscalation", value=REMOVE),
)
def disallow_escalation(container: Container) -> Iterator[Remark]:
    """AllowPrivilegeEscalation is false, and said so."""
    if container.pod.windows:
        return
    node = container.security["allowPrivilegeEscalation"]
    if node.boolean() is not False:
        yield node.remark("must be false")


@rule(
    "POD-08",
    "require-run-as-non-root",
    summary="Every container is bound not to run as root.",
    why="root in a container is root on the node as soon as anything in between fails",
    fix="set securityContext.runAsNonRoot to true on the pod, and false nowhere",
    scope=Scope.POD,
    levels=ALWAYS,
    severity=Severity.HIGH,
    standards=("PSS restricted: runAsNonRoot", "CIS 5.2.7", "NSA pod security"),
    profile="restricted",
    example=Example(path=f"{POD}.securityContext.runAsNonRoot", value=REMOVE),
)
def require_non_root(pod: Pod) -> Iterator[Remark]:
    """RunAsNonRoot is true for each container, of its own or from the pod, and never false."""
    if pod.user_namespace:
        return
    whole = pod.spec["securityContext"]["runAsNonRoot"]

    def pod_wide(node: Node) -> Iterator[Remark]:
        if node.boolean() is False:
            yield node.remark("must be true")

    def single(container: Container) -> Iterator[Remark]:
        node = container.security["runAsNonRoot"]
        if node.boolean() is False or (node.value is None and not whole.boolean()):
            yield node.remark("must be true here or on the pod")

    yield from each((whole,), pod_wide)
    yield from each(pod.containers, single)


@rule(
    "POD-09",
    "disallow-root-user",
    summary="No container runs as user 0.",
    why="user 0 in a container is user 0 on the node as soon as anything in between fails",
    fix="set runAsUser to a number above 0, or remove it where the image names such a user",
    scope=Scope.POD,
    levels=ALWAYS,
    severity=Severity.HIGH,
    standards=("PSS restricted: runAsUser", "CIS 5.2.7"),
    profile="restricted",
    example=Example(path=f"{POD}.securityContext.runAsUser", value=0),
)
def disallow_root_user(pod: Pod) -> Iterator[Remark]:
    """RunAsUser is 0 nowhere."""
    if pod.user_namespace:
        return

    def user(holder: Node) -> Iterator[Remark]:
        node = holder["securityContext"]["runAsUser"]
        if node.integer() == 0:
            yield node.remark("must be above 0")

    yield from each(holders(pod), user)


def fix_seccomp(root: Any) -> bool:
    """Set RuntimeDefault on the pod where it has no profile; a profile that was chosen stays."""
    spec = pod_spec_of(root)
    way = ("securityContext", "seccompProfile")
    return spec is not None and ensure(spec, way, {"type": "RuntimeDefault"}, lambda value: value is not None)


@rule(
    "POD-10R",
    "require-seccomp-profile",
    summary="Every container runs under a seccomp profile.",
    why="without a seccomp filter a container reaches every system call of the node's kernel",
    fix="set securityContext.seccompProfile.type to RuntimeDefault on the pod",
    scope=Scope.POD,
    levels=REMEDIED_IN_DEV,
    severity=Severity.HIGH,
    standards=("PSS restricted: seccompProfile_restricted", "CIS 5.6.2", "NSA pod security"),
    profile="restricted",
    remedy=fix_seccomp,
    example=Example(path=f"{POD}.securityContext.seccompProfile", value=REMOVE),
)
def require_seccomp(pod: Pod) -> Iterator[Remark]:
    """Each container has a confined profile, of its own or from the pod."""
    if pod.windows:
        return
    whole = pod.spec["securityContext"]["seccompProfile"]

    def single(container: Container) -> Iterator[Remark]:
        node = container.security["seccompProfile"]
        if node.present:
            yield from bad_profile(node)
        elif not (whole.present and whole["type"].text() in PROFILES):
            yield node["type"].remark("must be RuntimeDefault or Localhost, here or on the pod")

    yield from each((whole,), bad_profile)
    yield from each(pod.containers, single)


@rule(
    "POD-13R",
    "disallow-unmasked-proc",
    summary="The /proc of a container is masked as usual in every container.",
    why="an unmasked /proc shows and changes kernel settings",
    fix="remove procMount",
    scope=Scope.CONTAINER,
    levels=ALWAYS,
    severity=Severity.MEDIUM,
    standards=("PSS restricted: procMount_restricted",),
    profile="restricted",
    example=Example(path=f"{CONTAINER}.securityContext.procMount", value="Unmasked"),
)
def disallow_unmasked_proc(container: Container) -> Iterator[Remark]:
    """ProcMount is Default, with a user namespace too."""
    node = container.security["procMount"]
    if node.text() not in {None, "Default"}:
        yield node.remark("must be Default or absent")


@rule(
    "POD-17",
    "restrict-volume-types",
    summary="Volumes are of the types that cannot reach beyond the pod.",
    why="other types mount the node's or the network's file systems with the node's credentials",
    fix="use a PersistentVolumeClaim",
    scope=Scope.POD,
    levels=ALWAYS,
    severity=Severity.MEDIUM,
    standards=("PSS restricted: restrictedVolumes",),
    profile="restricted",
    example=Example(path=f"{POD}.volumes[0]", value={"name": "tmp", "nfs": {"server": "nfs.example.com", "path": "/"}}),
)
def restrict_volumes(pod: Pod) -> Iterator[Remark]:
    """Each volume has one of the listed sources, or none: the API server then makes it an emptyDir."""

    def source(volume: Node) -> Iterator[Remark]:
        fields = [(key, node) for key, node in volume.fields() if key != "name" and node.value is not None]
        for key, node in fields:
            if key not in VOLUME_TYPES:
                yield node.remark("must be a volume of another type")

    yield from each(pod.spec["volumes"].elements(), source)
