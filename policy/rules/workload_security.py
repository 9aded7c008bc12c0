"""What a pod may do, beyond the Pod Security Standards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..examples import CONTAINER, POD, REMOVE, Example
from ..registry import ALWAYS, DEV_ADVISORY, REMEDIED_IN_DEV, Scope, Severity, rule
from ..remediation import ensure, pod_spec_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..objects import Container, Object, Pod
    from ..tree import Remark


@rule(
    "POD-09N",
    "require-numeric-non-root-user",
    summary="Every container runs as a user above 0 that the pod names by number.",
    why="runAsNonRoot alone fails at start for an image whose user is a name, and trusts the image with the choice",
    fix="set securityContext.runAsUser on the pod to a number above 0, such as 10001",
    scope=Scope.CONTAINER,
    levels=ALWAYS,
    severity=Severity.MEDIUM,
    standards=("CIS 5.2.7", "NSA pod security"),
    example=Example(path=f"{POD}.securityContext.runAsUser", value=REMOVE),
)
def require_numeric_user(container: Container) -> Iterator[Remark]:
    """RunAsUser of the container, or else of its pod, is above 0."""
    pod = container.pod
    if pod.windows:
        return
    own = container.security["runAsUser"]
    node = own if own.value is not None else pod.spec["securityContext"]["runAsUser"]
    user = node.integer()
    if user is None or user <= 0:
        yield node.remark("must be a number above 0")


@rule(
    "POD-18",
    "require-read-only-root-filesystem",
    summary="Every container's root file system is read-only.",
    why="an intruder cannot leave a program behind, and nothing of value is written where a restart loses it",
    fix="set securityContext.readOnlyRootFilesystem to true and mount an emptyDir where the program writes, such as /tmp",
    scope=Scope.CONTAINER,
    levels=DEV_ADVISORY,
    severity=Severity.MEDIUM,
    standards=("NSA immutable container file systems",),
    example=Example(path=f"{CONTAINER}.securityContext.readOnlyRootFilesystem", value=REMOVE),
)
def require_read_only_root(container: Container) -> Iterator[Remark]:
    """ReadOnlyRootFilesystem is true."""
    node = container.security["readOnlyRootFilesystem"]
    if not container.pod.windows and not node.boolean():
        yield node.remark("must be true")


def fix_automount(root: Any) -> bool:
    """Set automountServiceAccountToken to false where nothing is said."""
    spec = pod_spec_of(root)
    return spec is not None and ensure(spec, ("automountServiceAccountToken",), False, lambda _: True)


@rule(
    "POD-19",
    "disallow-token-automount",
    summary="No pod gets a token of the Kubernetes API that it does not ask for by name.",
    why="whoever gets into the pod speaks to the API with that token",
    fix="set automountServiceAccountToken to false; a pod that needs the API mounts a projected token",
    scope=Scope.POD,
    levels=REMEDIED_IN_DEV,
    severity=Severity.MEDIUM,
    standards=("CIS 5.1.6", "NSA authentication and authorization"),
    settings={"allowedServiceAccounts": {"type": "array", "items": {"type": "string"}, "default": []}},
    remedy=fix_automount,
    among=True,
    example=Example(target="Deployment/worker", path=f"{POD}.automountServiceAccountToken", value=REMOVE),
)
def disallow_automount(pod: Pod, settings: Any) -> Iterator[Remark]:
    """AutomountServiceAccountToken is false, of the pod or else of its account, unless the account is listed."""
    node = pod.spec["automountServiceAccountToken"]
    said, account = node.boolean(), pod.account.text() or "default"
    tokenless = said is None and (pod.owner.home, account) in pod.owner.origin.around.tokenless
    if said is not False and not tokenless and account not in settings["allowedServiceAccounts"]:
        yield node.remark("must be false")


@rule(
    "POD-20",
    "disallow-default-service-account",
    summary="Every pod that holds a token has a service account of its own.",
    why="rights given to the default account are given to every pod of the namespace",
    fix="create a ServiceAccount and name it in serviceAccountName",
    scope=Scope.POD,
    levels=DEV_ADVISORY,
    severity=Severity.MEDIUM,
    standards=("CIS 5.1.5",),
    example=Example(path=f"{POD}.serviceAccountName", value="default"),
)
def disallow_default_account(pod: Pod) -> Iterator[Remark]:
    """ServiceAccountName is given and is not default."""
    node = pod.account
    if node.text() in {None, "", "default"}:
        yield node.remark("must name an account of the workload's own")


@rule(
    "POD-21",
    "disallow-shared-process-namespace",
    summary="Containers of a pod do not see each other's processes.",
    why="with one process namespace each container reads the others' memory, environment and files",
    fix="remove shareProcessNamespace",
    scope=Scope.POD,
    levels=ALWAYS,
    severity=Severity.MEDIUM,
    standards=("NSA pod security",),
    example=Example(path=f"{POD}.shareProcessNamespace", value=True),
)
def disallow_shared_processes(pod: Pod) -> Iterator[Remark]:
    """ShareProcessNamespace is false or absent."""
    node = pod.spec["shareProcessNamespace"]
    if node.boolean():
        yield node.remark("must be false or absent")


@rule(
    "POD-22",
    "disallow-declared-ephemeral-containers",
    summary="No ephemeral container is declared.",
    why="they are for debugging a pod that runs: declared, they are a container without probes and limits",
    fix="remove ephemeralContainers; use kubectl debug",
    scope=Scope.POD,
    levels=ALWAYS,
    severity=Severity.MEDIUM,
    standards=(),
    example=Example(
        path=f"{POD}.ephemeralContainers", value=[{"name": "debug", "image": "registry.example.com/debug:1"}]
    ),
)
def disallow_ephemeral(pod: Pod) -> Iterator[Remark]:
    """Ask for an empty list, or none."""
    node = pod.spec["ephemeralContainers"]
    if node.elements():
        yield node.remark("must be absent")


@rule(
    "POD-23",
    "disallow-bare-pods",
    summary="Pods are made by a workload.",
    why="nothing brings a bare pod back when its node goes",
    fix="use a Deployment, a StatefulSet or a Job",
    scope=Scope.OBJECT,
    kinds=frozenset({"Pod"}),
    levels=DEV_ADVISORY,
    severity=Severity.MEDIUM,
    standards=(),
    example=Example(path="kind", value="Pod", reads=False),
)
def disallow_bare_pods(pod: Object) -> Iterator[Remark]:
    """There is no object of kind Pod."""
    if not pod.partial:
        yield pod.root.remark("must be made by a workload", hide=True)
