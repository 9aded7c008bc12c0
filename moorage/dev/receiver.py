"""The image of the receiver, which keeps the source in pods new: built and pushed where the registry lacks it."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from moorage.base.errors import MoorageError
from moorage.base.image_reference import ImageReference
from moorage.base.registry import Registry
from moorage.platform.pins import Component, cache_folder, components
from moorage.platform.toolchain_builder import ToolchainBuilder

if TYPE_CHECKING:
    from moorage.base.console import Step
    from moorage.config.project import Project
    from moorage.engine.session import Session

NAME = "receiver"
_SECONDS = 10.0
_DOCKERFILE = 'FROM scratch\nCOPY --chmod=0755 receiver /receiver\nUSER 65532:65532\nENTRYPOINT ["/receiver"]\n'


def component() -> Component:
    """Return the receiver's pins."""
    return next(found for found in components("develop") if found.name == NAME)


def program(step: Step) -> Path:
    """Return the receiver's program, compiled where the cache lacks it.

    Raises `MoorageError` where Go is missing or refuses.
    """
    pinned = component()
    ToolchainBuilder(step).build([pinned])
    return cache_folder() / "toolchain" / pinned.folder / "bin" / NAME


def ensure(project: Project, session: Session, step: Step) -> str:
    """Return the receiver's image in the stack's registry, ``repository@digest``, pushed where it is not there.

    Raises `MoorageError` where it can be neither found nor pushed.
    """
    pinned = component()
    repository = f"{project.target.registry}/{project.settings.application}/{NAME}"
    tagged = f"{repository}:{pinned.version}-{pinned.digest[:12]}"
    try:
        found = Registry(session.environment(), seconds=_SECONDS).manifests(ImageReference.parse(tagged))
        return f"{repository}@{found[0].digest}"
    except (MoorageError, IndexError):
        step.note("the receiver's image")
    return f"{repository}@{_push(project, session, program(step), tagged)}"


def _push(project: Project, session: Session, built: Path, tagged: str) -> str:
    with tempfile.TemporaryDirectory(prefix="moorage-") as folder:
        context = Path(folder)
        shutil.copyfile(built, context / NAME)
        (context / "Dockerfile").write_text(_DOCKERFILE)
        described = context / "metadata.json"
        command = [
            *(session.buildx() or ["docker", "buildx"]),
            "build",
            "--provenance=false",
            "--push",
            f"--tag={tagged}",
            f"--metadata-file={described}",
            *([f"--builder={project.target.builder}"] if project.target.builder else []),
            str(context),
        ]
        result = subprocess.run(command, env=session.environment(), capture_output=True, text=True, check=False)
        if result.returncode:
            raise MoorageError.of(
                "the receiver's image could not be pushed",
                where=tagged,
                why="see the builder's last lines",
                remedy="check that the builder may push to the registry, then run the command again",
                detail=result.stderr.strip().splitlines()[-8:],
            )
        return str(json.loads(described.read_text())["containerimage.digest"])
