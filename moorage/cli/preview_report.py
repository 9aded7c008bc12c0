"""``moorage preview --report FILE``: what a preview found, for the comment of a pull request."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from rich.text import Text

from moorage.base.errors import MoorageError
from moorage.base.image_reference import parse_image
from moorage.base.registry import Registry
from moorage.build.comparison import changes
from moorage.build.digests import Inputs
from moorage.build.record import record_of
from moorage.cli.preview_summary import by_part, downtime, risks, workload_words

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from moorage.build.comparison import Changes, ServiceChange
    from moorage.config.project import Project
    from moorage.engine.events import Planned
    from moorage.engine.look import Seen

REGISTRY_SECONDS = 10.0


def write(path: Path, project: Project, seen: Seen, planned: Planned) -> None:
    """Write the report.

    Raises `MoorageError` where the file cannot be written.
    """
    found = document(project, seen, planned)
    try:
        path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise MoorageError.of(
            "the report cannot be written",
            where=str(path),
            why=error.strerror or type(error).__name__,
            remedy="name a file in a folder that exists and is yours",
        ) from None


def document(project: Project, seen: Seen, planned: Planned) -> dict[str, Any]:
    """Return what a preview found in plain values."""
    inputs = {str(node): found.short for node, found in Inputs(project).all().items()}
    found = changes(project, seen.state.record(project.monorepo.repository), record_of(project, Inputs(project).all()))
    steps = by_part(planned.steps)
    sizes = image_sizes(project, seen, found, inputs)
    services: list[dict[str, Any]] = [
        {
            "name": service.name,
            "rebuilt": [str(difference) for difference in service.rebuilt],
            "redeployed": _workload(service, list(steps.get(service.name, ()))),
            **sizes.get(service.name, {}),
        }
        for service in found.services
    ]
    services += [{"name": name, "deleted": True} for name in seen.state.services if name not in project.services]
    return {
        "stack": project.stack_name,
        "services": services,
        "risks": risks(planned.steps),
        "downtime": downtime(project, planned),
        "drift": [str(drift) for drift in seen.drifts],
        "unjudged": planned.unjudged,
        "policies": [
            {"policy": one.policy, "level": one.level, "resource": one.resource, "message": one.message}
            for one in planned.findings
        ],
    }


def image_sizes(
    project: Project, seen: Seen, found: Changes, inputs: Mapping[str, str]
) -> dict[str, dict[str, int | None]]:
    """Return what the registry stores of each service's image now, and of the one that would take its place.

    A preview builds nothing. But each image has a tag of its input digest: where another stack, such as the environment
    of the pull request, was built from the same inputs, it is there already.
    """
    prefix = f"{project.target.registry}/{project.settings.application}"
    wanted: dict[str, tuple[str, str]] = {}
    for service in found.services:
        digest = inputs.get(str(project.service(service.name))) if service.name in project.services else None
        if service.rebuilt and digest:
            wanted[service.name] = (seen.state.images.get(service.name, ""), f"{prefix}/{service.name}:{digest}")
    client = Registry(seconds=REGISTRY_SECONDS)
    with ThreadPoolExecutor(max_workers=8) as pool:
        asked = {
            name: [pool.submit(_packed, client, reference) for reference in references]
            for name, references in wanted.items()
        }
    return {name: {"bytesBefore": old.result(), "bytesAfter": new.result()} for name, (old, new) in asked.items()}


def _packed(client: Registry, reference: str) -> int | None:
    try:
        return max(manifest.packed_bytes for manifest in client.manifests(parse_image(reference)))
    except (MoorageError, ValueError, KeyError, TypeError):
        return None  # not there, or nobody may ask


def _workload(service: ServiceChange, steps: list[Any]) -> str:
    told = Text.from_markup(workload_words(service, steps)).plain
    return "" if told == "not redeployed" else told
