"""The last lines of ``moorage preview``: each service, rebuilt and redeployed or not and why, and what is at risk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from moorage.base.console import out
from moorage.build.comparison import changes
from moorage.build.digests import Inputs
from moorage.build.record import record_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from moorage.build.comparison import ServiceChange
    from moorage.config.project import Project
    from moorage.engine.events import Planned, Step
    from moorage.engine.state import State

_WORKLOADS = ("Deployment", "StatefulSet")
_COMPONENTS = ("moorage:service:Service", "moorage:postgres:PostgresDatabase", "moorage:redis:RedisCache")


def show(project: Project, state: State, planned: Planned) -> None:
    """Print the summary of a preview that found ``planned`` between the state and the sources."""
    steps = by_part(planned.steps)
    found = changes(project, state.record(project.monorepo.repository), record_of(project, Inputs(project).all()))
    table = Table(box=None, pad_edge=False)
    for title in ("service", "image", "workload"):
        table.add_column(title, style="bold" if title == "service" else "", overflow="fold")
    for service in found.services:
        table.add_row(service.name, image_words(service), workload_words(service, steps.get(service.name, ())))
    for name in state.services:
        if name not in project.services:
            table.add_row(name, "", "[red]deleted[/]")
    out.print()
    out.print(table)
    for line in risks(planned.steps):
        out.print(f"[red]at risk[/]  {escape(line)}")
    if planned.unjudged:
        out.print(
            f"[dim]{planned.unjudged} resources have values that are not known yet; the policies judge them in the update[/]"
        )


def image_words(service: ServiceChange) -> str:
    """Return whether an image is built, and why."""
    if not service.rebuilt:
        return "[dim]not rebuilt[/]"
    first, rest = service.rebuilt[0], len(service.rebuilt) - 1
    return f"[yellow]rebuilt[/]: {escape(str(first))}{f' and {rest} more' if rest else ''}"


def workload_words(service: ServiceChange, steps: Iterable[Step]) -> str:
    """Return what happens to a workload's pods, and why."""
    own = [step for step in steps if step.is_object]
    workload = next((step for step in own if step.kind in _WORKLOADS), None)
    if workload is None:
        others = sorted({step.kind for step in own})
        return f"not redeployed; changes {', '.join(others)}" if others else "[dim]not redeployed[/]"
    if workload.op == "create":
        return "[green]new[/]"
    why = f" ({escape(str(service.redeployed[0]))})" if service.redeployed else ""
    return f"[yellow]{_rollout(workload)}[/]{why}"


def _rollout(workload: Step) -> str:
    if workload.op == "delete":
        return "deleted"
    if workload.op == "replace" and not (workload.new.get("metadata") or {}).get("name"):
        return "blue-green: new pods beside the old ones, then one switch"
    if workload.op == "replace":
        return "deleted and created again: down meanwhile"
    spec = workload.new.get("spec") or {}
    if workload.kind == "StatefulSet":
        single = spec.get("replicas", 1) in (0, 1)
        return "restarted: down for a moment" if single else "restarted pod by pod"
    if (spec.get("strategy") or {}).get("type") == "Recreate":
        return "stopped, then started again: down for a moment"
    return "redeployed, without downtime"


def downtime(project: Project, planned: Planned) -> list[str]:
    """Return the workloads that do not answer for a while, one line each."""
    steps = by_part(planned.steps)
    names = (*project.running, *project.stores)
    workloads = [(name, step) for name in names for step in steps.get(name, ()) if step.kind in _WORKLOADS]
    return [
        f"{name}: {_rollout(step)}" for name, step in workloads if step.op != "create" and ": down" in _rollout(step)
    ]


def risks(steps: Sequence[Step]) -> list[str]:
    """Return what would be lost, one line each."""
    words = {"delete": "would be deleted", "replace": "would be deleted and created again"}
    return [f"{step.kind} {step.name} holds data and {words[step.op]}" for step in steps if step.loses_data]


def by_part(steps: Iterable[Step]) -> dict[str, list[Step]]:
    """Return the steps of each service and data store: of the component that its objects belong to."""
    found: dict[str, list[Step]] = {}
    for step in steps:
        *parents, _ = step.urn.split("::")[2].split("$")
        component = next((name for name in parents if name in _COMPONENTS), None)
        if component:
            found.setdefault(_part(step), []).append(step)
    return found


def _part(step: Step) -> str:
    """Return the name of the workload that an object belongs to, by the label that all of its objects carry."""
    labels = ((step.new.get("metadata") or {}).get("labels")) or {}
    return str(labels.get("app.kubernetes.io/name") or step.name.rpartition("-")[0])
