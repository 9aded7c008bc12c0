"""The closing words of `moorage up`: where it runs, what runs, how large it is, how long it took, what comes next."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import httpx
from rich.table import Table

from moorage import console
from moorage.cli import kubectl

if TYPE_CHECKING:
    from moorage.cli.session import Session
    from moorage.config.loader import Project
    from moorage.console import Steps

_ACCEPT = "application/vnd.oci.image.manifest.v1+json,application/vnd.docker.distribution.manifest.v2+json"


def show(session: Session, project: Project, steps: Steps) -> None:
    """Print the summary of a stack that has just come up."""
    outputs = _outputs(session, project.stack_name)
    console.out.print()
    console.out.print(_workloads(session, project, outputs.get("images", {})))
    times = " · ".join(f"{name.lower()} {console.duration(seconds)}" for name, seconds in steps.timings.items())
    console.out.print(f"\n[dim]time[/]  {times}")
    if url := outputs.get("url"):
        console.out.print(f"[dim]open[/]  [bold cyan]{url}[/]")
    console.out.print(
        f"[dim]next[/]  moorage preview {project.stack_name} · moorage down {project.stack_name} · "
        'eval "$(moorage env)", then kubectl '
        f"--namespace {project.namespace} get pods"
    )


def _outputs(session: Session, stack: str) -> dict[str, Any]:
    result = subprocess.run(
        [session.program("pulumi"), "stack", "output", "--json", "--stack", stack],
        cwd=session.root,
        env=session.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    found: dict[str, Any] = json.loads(result.stdout) if result.returncode == 0 else {}
    return found


def _workloads(session: Session, project: Project, images: dict[str, str]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("workload", style="bold")
    table.add_column("ready", justify="right")
    table.add_column("image, packed", justify="right")
    table.add_column("kind", style="dim")
    found = kubectl.items(session, project.target, project.namespace, ["deployments", "statefulsets"])
    for workload in found:
        name = workload["metadata"]["name"]
        wanted = workload["spec"].get("replicas", 1)
        ready = workload["status"].get("readyReplicas", 0)
        colour = "green" if ready >= wanted else "yellow"
        image = images.get(name) or workload["spec"]["template"]["spec"]["containers"][0]["image"]
        table.add_row(name, f"[{colour}]{ready}/{wanted}[/]", _packed_size(image), workload["kind"])
    return table


def _packed_size(image: str) -> str:
    """Return the size of an image's layers in its registry; empty where it cannot be asked without credentials."""
    name, _, digest = image.partition("@")
    host, _, repository = name.partition("/")
    if not digest or not host.startswith(("127.", "localhost")):
        return ""
    try:
        answer = httpx.get(
            f"http://{host}/v2/{repository}/manifests/{digest}", headers={"Accept": _ACCEPT}, trust_env=False, timeout=5
        )
        return console.size(sum(layer["size"] for layer in answer.json()["layers"]))
    except (httpx.HTTPError, ValueError, KeyError):
        return ""
