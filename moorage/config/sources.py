"""Finding the monorepo's parts on disk, and reading what describes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from moorage.base.errors import Location, MoorageError, Problem
from moorage.config.service import BaseImage, Service
from moorage.config.validate import Source, validated
from moorage.config.yamlfile import read_yaml

if TYPE_CHECKING:
    from pathlib import Path

ModelT = TypeVar("ModelT", Service, BaseImage)


@dataclass(frozen=True)
class Entry(Generic[ModelT]):
    """One service or base image: its folder, and what its file says; ``model`` is None where that has errors."""

    folder: Path
    source: Source | None
    model: ModelT | None

    @property
    def name(self) -> str:
        """Name of the folder."""
        return self.folder.name

    def secret_keys(self) -> frozenset[str]:
        """Return the config keys that the file lists as secrets, also where other parts of it have errors."""
        secrets = self.source.document.data.get("secrets") if self.source else None
        values = secrets.values() if isinstance(secrets, dict) else ()
        return frozenset(value for value in values if isinstance(value, str))


def read_services(root: Path, problems: list[Problem]) -> dict[str, Entry[Service]]:
    """Return every folder of ``apps/`` with a ``service.yaml``, by name."""
    entries = _read_all(Service, root / "apps", "service.yaml", problems)
    if not entries:
        problems.append(
            Problem(
                what="there is no service",
                where=Location(file=str(root / "apps")),
                why="each service has a folder below apps/ with a service.yaml",
                remedy="add apps/<name>/service.yaml, or run this from the repository's root",
            )
        )
    return entries


def read_images(root: Path, problems: list[Problem]) -> dict[str, Entry[BaseImage]]:
    """Return every folder of ``images/`` with an ``image.yaml``, by name."""
    return _read_all(BaseImage, root / "images", "image.yaml", problems)


def find_libs(root: Path) -> tuple[str, ...]:
    """Return the names of the folders of ``libs/``."""
    return tuple(folder.name for folder in _folders(root / "libs"))


def stack_file(root: Path, stack: str) -> Path:
    """Return the path of a stack's settings."""
    return root / f"Pulumi.{stack}.yaml"


def known_stacks(root: Path) -> tuple[str, ...]:
    """Return the names of the stacks that have settings."""
    return tuple(sorted(path.name[len("Pulumi.") : -len(".yaml")] for path in root.glob("Pulumi.?*.yaml")))


def _folders(parent: Path) -> list[Path]:
    if not parent.is_dir():
        return []
    return sorted(path for path in parent.iterdir() if path.is_dir() and not path.name.startswith((".", "_")))


def _read_all(model: type[ModelT], parent: Path, filename: str, problems: list[Problem]) -> dict[str, Entry[ModelT]]:
    entries = {}
    for folder in _folders(parent):
        path = folder / filename
        if path.exists():
            entries[folder.name] = _read(model, path, problems)
        elif path.with_suffix(".yml").exists():
            problems.append(
                Problem(
                    what=f"the file is not named {filename}",
                    where=Location(file=str(path.with_suffix(".yml"))),
                    why="only that name is read",
                    remedy=f"rename it to {filename}",
                )
            )
    return entries


def _read(model: type[ModelT], path: Path, problems: list[Problem]) -> Entry[ModelT]:
    try:
        source = Source(read_yaml(path))
    except MoorageError as error:
        problems.extend(error.problems)
        return Entry(path.parent, None, None)
    found = validated(model, source.document.data, source, problems)
    if found is not None and not getattr(found, "image", None) and not found.build.dockerfile_in(path.parent).is_file():
        problems.append(
            source.problem(
                ("build", "dockerfile"),
                what=f"the Dockerfile {found.build.dockerfile} does not exist",
                why=f"{path.parent.name} is built from it; the path is relative to {path.parent.name}'s folder",
                remedy=f"create {path.parent.parent.name}/{path.parent.name}/{found.build.dockerfile}, or correct "
                "build.dockerfile",
            )
        )
    return Entry(path.parent, source, found)
