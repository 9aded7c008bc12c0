"""``moorage sbom``: what an image is made of, for people and for scanners."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from moorage.base.errors import MoorageError
from moorage.base.image_reference import ImageReference
from moorage.base.registry import Registry
from moorage.base.words import did_you_mean
from moorage.cli.image_check import is_reference
from moorage.cli.sessions import session_of
from moorage.engine.state import BASE, stack_images
from moorage.scan.image import open_image
from moorage.scan.packages import locked, packages
from moorage.scan.sbom import sbom

if TYPE_CHECKING:
    from pathlib import Path

    from moorage.engine.session import Session


def show(root: Path, image: str, *, stack: str, scanner: str) -> int:
    """Print the bill of materials of an image, or run a scanner on it and return its exit status.

    Raises `MoorageError` where the image cannot be downloaded or the scanner does not exist.
    """
    session = session_of(root, stack)
    text = image if is_reference(image) else _of_stack(session, image)
    reference = ImageReference.parse(text)
    registry = Registry(session.environment())
    manifest = registry.manifests(reference)[0]
    with open_image(registry, manifest, image) as opened:
        found = packages(opened)
    lock = root / "apps" / image / "package-lock.json"
    if not is_reference(image) and lock.is_file():
        found += locked(json.loads(lock.read_text()), lock.relative_to(root).as_posix())
    document = sbom(str(reference), manifest.digest, found)
    if scanner:
        return _scan(session, scanner, document)
    sys.stdout.write(document + "\n")
    return 0


def _of_stack(session: Session, image: str) -> str:
    images = stack_images(session)
    found = images.get(image) or images.get(f"{BASE}{image}")
    if found is None:
        raise MoorageError.of(
            f"the stack has no image called {image}",
            where=f"stack {session.stack}",
            why=f"it has {', '.join(sorted(images))}",
            remedy=did_you_mean(image, images, "name one of these, or an image by its reference"),
        )
    return found


def _scan(session: Session, scanner: str, document: str) -> int:
    command = shlex.split(scanner)
    if not command or shutil.which(command[0], path=session.environment()["PATH"]) is None:
        raise MoorageError.of(
            "the scanner does not exist",
            where=scanner,
            why="no program of that name is on PATH; Moorage does not include one, as scanners download databases",
            remedy="install one that reads CycloneDX from standard input, such as grype",
        )
    return subprocess.run(command, input=document, env=session.environment(), text=True, check=False).returncode
