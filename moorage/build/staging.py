"""Build contexts that hold exactly an image's inputs, under the name of their digest.

What BuildKit is given is then what the digest was made of: of npm's lock file the slice, of each file its content and
executable bit, whatever the umask. Of uv's lock file the digest is made of what the Dockerfile exports of it, and of
nothing else of it does anything get into the image. Pulumi's provider, which reads the whole context to find out whether it changed,
reads no more than that, and a folder under a name that was never used for anything else cannot change below a build.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from typing import TYPE_CHECKING

from moorage.build.digests import changed_meanwhile
from moorage.config.graph import Kind

if TYPE_CHECKING:
    from pathlib import Path

    from moorage.build.digests import NodeInputs

KEPT_SECONDS = 7 * 24 * 3600
"""How long a context is kept after a program last used it."""
_FOLDER = 0o755
_FILE = 0o644
_EXECUTABLE = 0o755


def staged(root: Path, inputs: NodeInputs, program: Path | None = None) -> str:
    """Return the path, relative to ``program``, of a folder with an image's inputs, which is made where it is missing.

    ``root`` is the monorepo's top; ``program``, the folder of ``Pulumi.yaml``, is the same unless it is given.

    Raises `MoorageError` where a file is no longer what the digest was made of.
    """
    prefix = "base-" if inputs.node.kind is Kind.image else ""
    program = program or root
    parent = program / ".moorage" / "contexts" / f"{prefix}{inputs.node.name}"
    place = parent / inputs.short
    if place.is_dir():
        os.utime(place)
    else:
        parent.mkdir(parents=True, exist_ok=True)
        aside = parent / f".{inputs.short}.{os.getpid()}"
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(mode=_FOLDER)
        try:
            _fill(root, aside, inputs)
            _settle(aside, place)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
        _forget(parent)
    return place.relative_to(program).as_posix()


def _fill(root: Path, place: Path, inputs: NodeInputs) -> None:
    for path, entry in inputs.files().items():
        made = place / path
        _make_folders(place, made.parent)
        part = inputs.slices.get(path)
        content = (part.make((root / path).read_text()) or "").encode() if part and part.make else None
        wanted = part.whole if part and not part.make else entry[1:]
        if _put(root / path, made, entry[0], content) != wanted:
            raise changed_meanwhile(path)
    # Not an input: it says what of a checkout is one, and here keeps the Dockerfile itself out of COPY's reach.
    if inputs.ignore_file:
        made = place / inputs.ignore_file
        _make_folders(place, made.parent)
        _put(root / inputs.ignore_file, made, "-", None)
    if not (place / inputs.context).is_dir():
        _make_folders(place, place / inputs.context)


def _put(source: Path, made: Path, kind: str, content: bytes | None) -> str:
    """Write a file with a source's content, or with another, and return the digest of what was written."""
    if kind == "l":
        target = os.readlink(source)
        made.symlink_to(target)
        return hashlib.sha256(os.fsencode(target)).hexdigest()
    if content is None:
        content = source.read_bytes()
    made.write_bytes(content)
    made.chmod(_EXECUTABLE if kind == "x" else _FILE)
    return hashlib.sha256(content).hexdigest()


def _make_folders(place: Path, folder: Path) -> None:
    missing = []
    while folder != place and not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for path in reversed(missing):
        path.mkdir()
        path.chmod(_FOLDER)


def _settle(aside: Path, place: Path) -> None:
    """Give a complete folder its name; another process may have been faster with the same content."""
    aside.chmod(_FOLDER)
    try:
        aside.rename(place)
    except OSError:
        if not place.is_dir():
            raise


def _forget(parent: Path) -> None:
    oldest = time.time() - KEPT_SECONDS
    for path in parent.iterdir():
        if path.stat().st_mtime < oldest:
            shutil.rmtree(path, ignore_errors=True)
