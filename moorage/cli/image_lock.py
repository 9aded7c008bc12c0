"""``moorage images update``: which digest each image of others stands for, asked of its registry."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

from rich.markup import escape

from moorage.base import console
from moorage.base.errors import Location, MoorageError, Problem
from moorage.base.files import write_atomic
from moorage.base.image_reference import ImageReference
from moorage.base.registry import Registry
from moorage.build.digests import foreign_images
from moorage.checks.declarations import read_builds
from moorage.checks.lint import BASE
from moorage.checks.stackwishes import read_wishes
from moorage.cli.sessions import session_of
from moorage.cli.source_check import read_monorepo
from moorage.config.imagelock import LOCK_FILE, lock_text, read_image_lock
from moorage.config.loader import load_target

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from moorage.config.monorepo import Monorepo

_JOBS = 8


def update(root: Path, *, stack: str) -> int:
    """Write the lock file and say what changed; return the exit status.

    Raises `MoorageError` with each image that its registry does not have; the file then stays as it is.
    """
    named = named_images(read_monorepo(root))
    target = load_target(root, stack)
    registry = Registry(session_of(root, stack).environment())
    problems: list[Problem] = []
    before = read_image_lock(root, problems).digests

    def ask(image: str) -> str | Problem:
        try:
            return registry.digest(asked(image, target.mirrors))
        except MoorageError as error:
            return replace(error.problems[0], what=f"{image}: {error.problems[0].what}", where=named[image])

    with ThreadPoolExecutor(_JOBS) as pool:
        answers = dict(zip(named, pool.map(ask, named), strict=True))
    problems = [answer for answer in answers.values() if isinstance(answer, Problem)]
    if problems:
        raise MoorageError(*problems)
    found = {image: digest for image, digest in answers.items() if isinstance(digest, str)}
    for image, digest in sorted(found.items()):
        if before.get(image) != digest:
            console.out.print(f"{escape(image)} [dim]{digest}[/]")
    if found != dict(before) or not (root / LOCK_FILE).exists():
        write_atomic(root / LOCK_FILE, lock_text(found))
    console.out.print(f"[green]✓[/] {len(found)} image{'' if len(found) == 1 else 's'} in {LOCK_FILE}")
    return 0


def named_images(monorepo: Monorepo) -> dict[str, Location]:
    """Return each image of others without a digest that a Dockerfile or a service.yaml names, and where."""
    found: dict[str, Location] = {}
    top = monorepo.repository.top
    own, wishes = {f"{BASE}{image}" for image in monorepo.images}, read_wishes(monorepo.repository.program)
    for node, _, build in monorepo.builds():
        for dockerfile in read_builds(top, node, build, frozenset(monorepo.images), wishes):
            for image, line in foreign_images(dockerfile, own):
                found.setdefault(image, Location(file=str(dockerfile.path), line=line, column=1))
    for _, source, service in monorepo.read_services():
        if service.image is not None:
            found.setdefault(service.image, source.document.value_at(source.trail(("image",))))
    return {image: where for image, where in sorted(found.items()) if "@" not in image}


def asked(image: str, mirrors: Mapping[str, str]) -> ImageReference:
    """Return where the digest of an image is asked for: its own registry, or the mirror that builds take it from."""
    reference = ImageReference.parse(image)
    mirror = mirrors.get(reference.registry)
    if mirror is None:
        return reference
    registry, _, path = mirror.partition("/")
    return replace(reference, registry=registry, repository=f"{path}/{reference.repository}".lstrip("/"))
