"""The closing lines of `moorage up`: where it runs, what runs, how large it is, how long it took, what comes next."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from moorage.base import console
from moorage.base.errors import MoorageError
from moorage.base.image_reference import is_loopback, parse_image
from moorage.base.registry import Registry
from moorage.engine import kubectl
from moorage.engine.state import read_state

if TYPE_CHECKING:
    from collections.abc import Sequence

    from moorage.base.console import Steps
    from moorage.config.project import Project
    from moorage.engine.routes import Answer
    from moorage.engine.session import Session

_REGISTRY_SECONDS = 5
_SERVER_ERROR = 500
_NAME = "app.kubernetes.io/name"


def show(session: Session, project: Project, steps: Steps, answers: Sequence[Answer]) -> None:
    """Print the summary of a stack that has just been updated; it is called open where all its routes answered."""
    outputs = read_state(session).outputs
    console.out.print()
    registry = Registry(session.environment(), seconds=_REGISTRY_SECONDS)
    console.out.print(_workloads(session, project, outputs.get("images", {}), registry))
    times = " · ".join(f"{name.lower()} {console.duration(seconds)}" for name, seconds in steps.timings.items())
    console.out.print(f"\n[dim]time[/]  {times}")
    if answers and all(answer.open for answer in answers):
        console.out.print(f"[dim]open[/]  [bold cyan]{project.url}[/]")
    for answer in answers:
        if not answer.open or answer.status >= _SERVER_ERROR:
            console.out.print(f"[dim]shut[/]  [red]{escape(str(answer))}[/]")
    moorage = "moorage" if shutil.which("moorage") else ".venv/bin/moorage"
    console.out.print(
        f"[dim]next[/]  {moorage} preview {project.stack_name} · {moorage} down {project.stack_name}\n"
        f'      eval "$({moorage} env {project.stack_name})" && kubectl --namespace {project.namespace} get pods'
    )


def _workloads(session: Session, project: Project, images: dict[str, str], registry: Registry) -> Table:
    """Return a table of everything that is to run, what is missing as well."""
    table = Table(box=None, pad_edge=False)
    table.add_column("workload", style="bold")
    table.add_column("ready", justify="right")
    table.add_column("image, packed", justify="right")
    table.add_column("kind", style="dim")
    listed = kubectl.items(session, project.namespace, ["deployments", "statefulsets"])
    # A blue-green Deployment has a name of its own; of two, the newer one is what runs.
    listed.sort(key=lambda item: str(item["metadata"]["creationTimestamp"]))
    found = {item["metadata"].get("labels", {}).get(_NAME) or item["metadata"]["name"]: item for item in listed}
    for name in dict.fromkeys((*project.stores, *project.running, *found)):
        workload = found.get(name)
        if workload is None:
            table.add_row(name, "[red]missing[/]", "", "Deployment" if name in project.services else "StatefulSet")
            continue
        wanted = workload["spec"].get("replicas", 1)
        ready = workload["status"].get("readyReplicas", 0)
        colour = "green" if ready >= wanted else "yellow"
        image = images.get(name) or workload["spec"]["template"]["spec"]["containers"][0]["image"]
        table.add_row(name, f"[{colour}]{ready}/{wanted}[/]", _packed_size(registry, image), workload["kind"])
    return table


def _packed_size(registry: Registry, image: str) -> str:
    """Return the size of an image's layers in its registry; empty for one elsewhere, which may take its time to answer."""
    reference = parse_image(image)
    if not reference.digest or not is_loopback(reference.registry):
        return ""
    try:
        return console.size(registry.manifests(reference)[0].packed_bytes)
    except (MoorageError, KeyError, TypeError, IndexError):
        return ""
