"""How workloads start, change and end."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from ..examples import CONTAINER, POD, REMOVE, Example
from ..objects import LONG_RUNNING
from ..registry import ADVICE, DEV_ADVISORY, PROD_ONLY, Scope, Severity, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..objects import Container, Object, Pod
    from ..tree import Node, Remark

DEFAULT_GRACE_SECONDS = 30
_SLEEP: Final = re.compile(r"(?<![\w.-])(?:(?:/usr)?/bin/)?sleep[ =]+(\d+(?:\.\d+)?)([smh]?)\b")
_SECONDS: Final = {"": 1, "s": 1, "m": 60, "h": 3600}


@rule(
    "AVL-09",
    "require-rollout-without-unavailability",
    summary="A rollout takes no pod away before another is ready.",
    why="the pods that remain carry the whole load, or there is none left",
    fix="set strategy.rollingUpdate to {maxSurge: 1, maxUnavailable: 0}; Recreate is for volumes of one node only",
    scope=Scope.OBJECT,
    kinds=frozenset({"Deployment"}),
    levels=DEV_ADVISORY,
    severity=Severity.MEDIUM,
    standards=(),
    example=Example(path="spec.strategy.rollingUpdate.maxUnavailable", value=1),
)
def require_smooth_rollout(workload: Object) -> Iterator[Remark]:
    """Ask for RollingUpdate with maxUnavailable 0, unless the pod mounts a claim that two pods cannot share."""
    strategy = workload.spec["strategy"]
    if strategy["type"].text() == "Recreate":
        if not _mounts_claim(workload.pod):
            yield strategy["type"].remark("must be RollingUpdate where no volume forbids two pods at once")
        return
    node = strategy["rollingUpdate"]["maxUnavailable"]
    value = node.scalar()
    if value is None or str(value).removesuffix("%") not in {"0", "0.0"}:
        yield node.remark("must be 0")


def _mounts_claim(pod: Pod | None) -> bool:
    return pod is not None and any(item["persistentVolumeClaim"].present for item in pod.spec["volumes"].elements())


@rule(
    "AVL-09G",
    "require-graceful-termination",
    summary="A pod has time to end: a grace period above 0 and longer than its preStop sleep.",
    why="a process that is killed at once drops the requests and the data that it holds",
    fix="set terminationGracePeriodSeconds to the longest shutdown and more than preStop sleeps",
    scope=Scope.POD,
    kinds=LONG_RUNNING,
    levels=DEV_ADVISORY,
    severity=Severity.MEDIUM,
    standards=(),
    example=Example(path=f"{POD}.terminationGracePeriodSeconds", value=5),
)
def require_grace(pod: Pod) -> Iterator[Remark]:
    """Ask for a grace period above the longest preStop sleep."""
    node = pod.spec["terminationGracePeriodSeconds"]
    given = node.integer()
    grace = DEFAULT_GRACE_SECONDS if given is None else given
    hooks = [item["lifecycle"]["preStop"] for item in pod.of("containers", "initContainers")]
    longest = max((_sleep(hook) for hook in hooks), default=0)
    if grace <= longest:
        yield node.remark(
            f"must be above {longest:g}, the seconds that preStop sleeps" if longest else "must be above 0"
        )


def _sleep(hook: Node) -> float:
    """Return the seconds that a preStop hook sleeps, by its own field or by a command."""
    line = " ".join(str(item.scalar() or "") for item in hook["exec"]["command"].elements())
    commands = [float(found[1]) * _SECONDS[found[2]] for found in _SLEEP.finditer(line)]
    return max(hook["sleep"]["seconds"].integer() or 0, sum(commands))


@rule(
    "AVL-10",
    "require-job-ttl",
    summary="A Job is removed some time after it has finished.",
    why="finished Jobs and their pods otherwise stay for ever",
    fix="set ttlSecondsAfterFinished",
    scope=Scope.OBJECT,
    kinds=frozenset({"Job"}),
    levels=ADVICE,
    severity=Severity.LOW,
    standards=(),
    example=Example(target="Job/migrate", path="spec.ttlSecondsAfterFinished", value=REMOVE),
)
def require_job_ttl(job: Object) -> Iterator[Remark]:
    """Ask for ttlSecondsAfterFinished; a CronJob has its history limits instead."""
    node = job.spec["ttlSecondsAfterFinished"]
    if not node.present:
        yield node.remark("must be set")


@rule(
    "AVL-10C",
    "require-cron-job-concurrency-policy",
    summary="A CronJob does not run beside a run of its own that is still going, and says until when a run may start late.",
    why="runs that overlap work on the same data; without a deadline, many missed runs stop it for good",
    fix="set concurrencyPolicy to Forbid or Replace, and startingDeadlineSeconds",
    scope=Scope.OBJECT,
    kinds=frozenset({"CronJob"}),
    levels=DEV_ADVISORY,
    severity=Severity.MEDIUM,
    standards=(),
    example=Example(target="CronJob/cleanup", path="spec.concurrencyPolicy", value=REMOVE),
)
def require_concurrency_policy(job: Object) -> Iterator[Remark]:
    """Ask for both fields."""
    policy, deadline = job.spec["concurrencyPolicy"], job.spec["startingDeadlineSeconds"]
    if policy.text() not in {"Forbid", "Replace"}:
        yield policy.remark("must be Forbid or Replace")
    if not deadline.present:
        yield deadline.remark("must be set")


@rule(
    "AVL-10R",
    "require-job-restart-policy",
    summary="The pods of a Job restart OnFailure or Never.",
    why="the API server refuses a Job whose pods restart always",
    fix="set restartPolicy to OnFailure or Never",
    scope=Scope.POD,
    kinds=frozenset({"Job", "CronJob"}),
    levels=DEV_ADVISORY,
    severity=Severity.MEDIUM,
    standards=(),
    example=Example(target="Job/migrate", path=f"{POD}.restartPolicy", value="Always"),
)
def require_restart_policy(pod: Pod) -> Iterator[Remark]:
    """Ask for one of the two; the default is Always."""
    node = pod.spec["restartPolicy"]
    if node.text() not in {"OnFailure", "Never"}:
        yield node.remark("must be OnFailure or Never")


@rule(
    "AVL-12",
    "retain-volumes",
    summary="The volumes of a StatefulSet outlive it.",
    why="with Delete, removing or scaling down the StatefulSet removes its data",
    fix="remove persistentVolumeClaimRetentionPolicy, or set both of its fields to Retain",
    scope=Scope.OBJECT,
    kinds=frozenset({"StatefulSet"}),
    levels=PROD_ONLY,
    severity=Severity.HIGH,
    standards=(),
    example=Example(
        target="StatefulSet/db", path="spec.persistentVolumeClaimRetentionPolicy", value={"whenDeleted": "Delete"}
    ),
)
def retain_volumes(workload: Object) -> Iterator[Remark]:
    """Ask that neither field is Delete."""
    for key in ("whenDeleted", "whenScaled"):
        node = workload.spec["persistentVolumeClaimRetentionPolicy"][key]
        if node.text() == "Delete":
            yield node.remark("must be Retain")


@rule(
    "MET-05",
    "disallow-duplicate-variables",
    summary="No environment variable is set twice in one container.",
    why="the last one wins without a word",
    fix="remove one of them",
    scope=Scope.CONTAINER,
    levels=DEV_ADVISORY,
    severity=Severity.LOW,
    standards=(),
    example=Example(path=f"{CONTAINER}.env[1].name", value="LOG_LEVEL"),
)
def disallow_duplicate_variables(container: Container) -> Iterator[Remark]:
    """Ask that each name is there once."""
    seen = set()
    for item in container["env"].elements():
        name = item["name"].text()
        if name in seen:
            yield item["name"].remark("must be there once")
        seen.add(name)
