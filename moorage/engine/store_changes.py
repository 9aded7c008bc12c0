"""What a cluster cannot do of a change to a data store, asked before anything is changed; and the growth of its volume.

A StatefulSet takes its old pod away before the new one has found a node, and its claim cannot be changed through it: so
both are looked at first.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from moorage.base.errors import MoorageError, Problem
from moorage.base.quantity import quantity_value
from moorage.build.record import workload_settings
from moorage.config.service import POSTGRES
from moorage.engine import kubectl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from moorage.config.project import Project
    from moorage.config.stack import Postgres, Redis
    from moorage.engine.session import Session
    from moorage.engine.state import State

Item = dict[str, Any]
"""An object as kubectl prints it."""
_DEFAULT = "storageclass.kubernetes.io/is-default-class"


def prepare(session: Session, project: Project, state: State, tell: Callable[[str], None]) -> None:
    """Look at the stores whose settings change, and grow their volumes; `tell` is given a sentence for each that grows.

    Nothing is asked where no store changes. Raises `MoorageError` with everything that the cluster cannot do, before
    anything is changed, and where a volume refuses to grow.
    """
    recorded = state.record(project.monorepo.repository).workloads
    changed = [
        name for name in project.stores if name in recorded and recorded[name] != workload_settings(project, name)
    ]
    if not changed:
        return
    nodes = kubectl.items(session, "", ["nodes"])
    claims = {
        item["metadata"]["name"]: item for item in kubectl.items(session, project.namespace, ["persistentvolumeclaims"])
    }
    classes = {item["metadata"]["name"]: item for item in kubectl.items(session, "", ["storageclasses"])}
    problems: list[Problem] = []
    growing: list[tuple[str, str]] = []
    for name in changed:
        store = project.settings.postgres if name == POSTGRES else project.settings.redis
        where = f"Pulumi.{project.stack_name}.yaml, moorage:{name}"
        problems += too_large(name, store, nodes, where)
        for claim, size in wanted(name, store):
            if claim in claims and (problem := misfit(claims[claim], size, classes, where)):
                problems.append(problem)
            elif claim in claims and _size(claims[claim]) < quantity_value(size):
                growing.append((claim, size))
    if problems:
        raise MoorageError(*problems)
    for claim, size in growing:
        _grow(session, project.namespace, claim, size)
        tell(f"volume of {claim} grows to {size}")


def wanted(name: str, store: Postgres | Redis) -> Iterator[tuple[str, str]]:
    """Yield the claims of a store, each with the size that the settings say."""
    restore, backup = getattr(store, "restore", None), getattr(store, "backup", None)
    yield f"{name}-{restore.volume}" if restore else f"data-{name}-0", store.storage
    if backup:
        yield f"{name}-backups", backup.storage


def too_large(name: str, store: Postgres | Redis, nodes: Sequence[Item], where: str) -> Iterator[Problem]:
    """Yield a problem where a store requests more than any node has; nothing where nodes cannot be listed."""
    requests = store.resources.requests
    room = [node["status"]["allocatable"] for node in nodes if not node["spec"].get("unschedulable")]
    needed = {"cpu": quantity_value(requests.cpu), "memory": quantity_value(requests.memory)}
    if not room or any(all(quantity_value(node[key]) >= value for key, value in needed.items()) for node in room):
        return
    largest = max(room, key=lambda node: (quantity_value(node["cpu"]), quantity_value(node["memory"])))
    yield Problem(
        what=f"no node has room for {name}: it requests {requests.cpu} cpu and {requests.memory} of memory",
        where=f"{where}.resources.requests",
        why=f"the largest node has {largest['cpu']} cpu and {largest['memory']} of memory; the running pod would be ended "
        "for one that cannot be scheduled",
        remedy="request less, or add a larger node; nothing was changed",
    )


def misfit(claim: Item, size: str, classes: Mapping[str, Item], where: str) -> Problem | None:
    """Return why a claim cannot get another size; None where it has it, or can grow to it."""
    name, now = claim["metadata"]["name"], claim["spec"]["resources"]["requests"]["storage"]
    if _size(claim) == quantity_value(size):
        return None
    into = "`moorage data restore` moves the database into a new volume of that size, where it has backups"
    if quantity_value(size) < _size(claim):
        return Problem(
            what=f"volume {name} has {now} and cannot shrink to {size}",
            where=f"{where}.storage",
            why="Kubernetes only lets volumes grow",
            remedy=f"write storage: {now}; {into}",
        )
    storage_class = claim["spec"].get("storageClassName") or next(
        (key for key, item in classes.items() if (item["metadata"].get("annotations") or {}).get(_DEFAULT) == "true"),
        "",
    )
    if classes and not classes.get(storage_class, {}).get("allowVolumeExpansion"):
        return Problem(
            what=f"volume {name} has {now} and cannot grow to {size}",
            where=f"{where}.storage",
            why=f"its StorageClass {storage_class or '(none)'} does not have allowVolumeExpansion: true",
            remedy=f"write storage: {now}, or choose a class whose volumes grow; {into}",
        )
    return None


def _size(claim: Item) -> Any:
    return quantity_value(claim["spec"]["resources"]["requests"]["storage"])


def _grow(session: Session, namespace: str, claim: str, size: str) -> None:
    patch = json.dumps({"spec": {"resources": {"requests": {"storage": size}}}})
    result = kubectl.run(
        session, "patch", "persistentvolumeclaim", claim, f"--namespace={namespace}", f"--patch={patch}"
    )
    if result.returncode:
        raise MoorageError.of(
            f"the volume of {claim} does not grow to {size}",
            where=f"namespace {namespace}",
            why=(result.stderr.strip().splitlines() or ["kubectl patch failed"])[-1],
            remedy="check your rights on persistentvolumeclaims, then run the command again",
        )
