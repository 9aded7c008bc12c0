"""Pod Security Standards, level baseline: the kernel's profiles (seccomp, AppArmor, SELinux) as of v1.35."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..examples import CONTAINER, POD, Example
from ..judge import each
from ..registry import ALWAYS, Scope, Severity, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..objects import Pod
    from ..tree import Node, Remark

SELINUX_TYPES: Final = frozenset({"", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"})
PROFILES: Final = frozenset({"RuntimeDefault", "Localhost"})
APPARMOR_ANNOTATION: Final = "container.apparmor.security.beta.kubernetes.io/"


def holders(pod: Pod) -> tuple[Node, ...]:
    """Return what may have a ``securityContext``: the pod's spec and each container."""
    return (pod.spec, *(container.node for container in pod.containers))


@rule(
    "POD-10",
    "disallow-unconfined-seccomp",
    summary="No seccomp profile is Unconfined.",
    why="without a seccomp filter a container reaches every system call of the node's kernel",
    fix="set seccompProfile.type to RuntimeDefault",
    scope=Scope.POD,
    levels=ALWAYS,
    severity=Severity.HIGH,
    standards=("PSS baseline: seccompProfile_baseline", "CIS 5.6.2"),
    profile="baseline",
    example=Example(path=f"{POD}.securityContext.seccompProfile.type", value="Unconfined"),
)
def disallow_unconfined_seccomp(pod: Pod) -> Iterator[Remark]:
    """Where a profile is set, of the pod or of a container, its type is RuntimeDefault or Localhost."""
    yield from each(holders(pod), lambda holder: bad_profile(holder["securityContext"]["seccompProfile"]))


def bad_profile(profile: Node) -> Iterator[Remark]:
    """Yield a remark where a seccomp or AppArmor profile is set and its type is not one of the two confined ones."""
    if profile.present and profile["type"].text() not in PROFILES:
        yield profile["type"].remark("must be RuntimeDefault or Localhost")


@rule(
    "POD-11",
    "restrict-apparmor-profiles",
    summary="No AppArmor profile is Unconfined.",
    why="AppArmor's default profile keeps a container from the node's kernel settings and mounts",
    fix="set appArmorProfile.type to RuntimeDefault, or remove it and the old annotation",
    scope=Scope.POD,
    levels=ALWAYS,
    severity=Severity.HIGH,
    standards=("PSS baseline: appArmorProfile",),
    profile="baseline",
    example=Example(path=f"{CONTAINER}.securityContext.appArmorProfile.type", value="Unconfined"),
)
def restrict_apparmor(pod: Pod) -> Iterator[Remark]:
    """Field and the older annotation name a confined profile."""
    yield from each(holders(pod), lambda holder: bad_profile(holder["securityContext"]["appArmorProfile"]))

    def annotated(metadata: Node) -> Iterator[Remark]:
        for key, node in metadata["annotations"].fields():
            if key.startswith(APPARMOR_ANNOTATION):
                value = node.text() or ""
                if value not in {"", "runtime/default"} and not value.startswith("localhost/"):
                    yield node.remark("must be runtime/default or localhost/…")

    yield from each((pod.metadata,), annotated)


@rule(
    "POD-12",
    "restrict-selinux-options",
    summary="SELinux types are those of containers; user and role are not set.",
    why="another SELinux type or user takes the container out of the confinement that separates it from the node",
    fix="remove seLinuxOptions.user and role, and use container_t or no type",
    scope=Scope.POD,
    levels=ALWAYS,
    severity=Severity.HIGH,
    standards=("PSS baseline: seLinuxOptions", "NSA pod security"),
    profile="baseline",
    example=Example(path=f"{POD}.securityContext.seLinuxOptions", value={"type": "spc_t"}),
)
def restrict_selinux(pod: Pod) -> Iterator[Remark]:
    """Type is a container's, user and role are empty."""

    def options(holder: Node) -> Iterator[Remark]:
        node = holder["securityContext"]["seLinuxOptions"]
        if (node["type"].text() or "") not in SELINUX_TYPES:
            yield node["type"].remark("must be a type of containers such as container_t")
        for key in ("user", "role"):
            if node[key].text():
                yield node[key].remark("must be absent")

    yield from each(holders(pod), options)
