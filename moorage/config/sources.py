"""Finding the monorepo's parts on disk, and reading what describes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from moorage.base.errors import Location, MoorageError, Problem
from moorage.base.words import listed
from moorage.config.graph import Kind, Node
from moorage.config.repository import DESCRIBED_BY, shipped_root
from moorage.config.service import BaseImage, Service
from moorage.config.validate import Source, validated
from moorage.config.yamlfile import read_yaml

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

    from moorage.config.repository import Repository

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


def read_services(repository: Repository, problems: list[Problem]) -> dict[str, Entry[Service]]:
    """Return every service of the monorepo, by name."""
    entries = _read_all(Service, repository, Kind.service, problems)
    if not entries and not problems:
        home = repository.home_of(Kind.service)
        globs = listed(repository.layout.globs(Kind.service), last="or")
        problems.append(
            Problem(
                what="there is no service",
                where=Location(file=str(repository.top / home)),
                why=f"each service is a folder {globs} with a service.yaml",
                remedy=f"add {home}/<name>/service.yaml, or say in Pulumi.yaml where services lie: "
                "moorage: {layout: {services: [services/*]}}",
            )
        )
    return entries


def read_images(repository: Repository, problems: list[Problem]) -> dict[str, Entry[BaseImage]]:
    """Return every base image of the monorepo, by name."""
    return _read_all(BaseImage, repository, Kind.image, problems)


def read_shipped(names: Iterable[str], own: Collection[str]) -> dict[str, Entry[BaseImage]]:
    """Return those base images of the distribution that are wanted, and what these are built FROM, by name.

    What the monorepo has itself is its own matter, whatever it is called.
    """
    found: dict[str, Entry[BaseImage]] = {}
    waiting = [name for name in names if name not in own]
    while waiting:
        name = waiting.pop()
        node = Node(Kind.image, name, f"images/{name}")
        path = shipped_root() / node.folder / DESCRIBED_BY[Kind.image]
        if name in found or not path.is_file():
            continue
        found[name] = _read(BaseImage, path, node, [])
        model = found[name].model
        waiting += [base for base in (model.build.bases if model else ()) if base not in own]
    return dict(sorted(found.items()))


def find_libs(repository: Repository) -> tuple[str, ...]:
    """Return the names of the libraries."""
    return tuple(node.name for node in repository.of_kind(Kind.lib))


def stack_file(root: Path, stack: str) -> Path:
    """Return the path of a stack's settings."""
    return root / f"Pulumi.{stack}.yaml"


def known_stacks(root: Path) -> tuple[str, ...]:
    """Return the names of the stacks that have settings."""
    return tuple(sorted(path.name[len("Pulumi.") : -len(".yaml")] for path in root.glob("Pulumi.?*.yaml")))


def _read_all(
    model: type[ModelT], repository: Repository, kind: Kind, problems: list[Problem]
) -> dict[str, Entry[ModelT]]:
    entries, filename = {}, DESCRIBED_BY[kind]
    for node in repository.of_kind(kind):
        path = repository.top / node.folder / filename
        if path.exists():
            entries[node.name] = _read(model, path, node, problems)
        else:
            problems.append(
                Problem(
                    what=f"the file is not named {filename}",
                    where=Location(file=str(path.with_suffix(".yml"))),
                    why="only that name is read",
                    remedy=f"rename it to {filename}",
                )
            )
    return entries


def _read(model: type[ModelT], path: Path, node: Node, problems: list[Problem]) -> Entry[ModelT]:
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
                remedy=f"create {node}/{found.build.dockerfile}, or correct build.dockerfile",
            )
        )
    return Entry(path.parent, source, found)
