"""What differs between two records, and what follows from it: images to build, workloads to roll, and why each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from moorage.build.record import touches_deployment
from moorage.config.graph import BUILD, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from moorage.build.record import ImageRecord, Record
    from moorage.config.graph import Node
    from moorage.config.project import Project

Cause = Literal["file", "setting", "base", "secret", "builder", "new"]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One thing that an image or a workload was made from and that is no longer the same."""

    cause: Cause
    name: str
    """Path of a file; name of a setting, of a base image or of a secret."""
    how: str
    """``changed``, ``added``, ``removed``, ``mode changed``, or old and new value of a setting."""

    def __str__(self) -> str:
        """Return the difference as people read it."""
        kinds = {"file": "", "setting": "setting ", "base": "base image ", "secret": "build secret ", "builder": ""}
        return f"{kinds.get(self.cause, '')}{self.name} {self.how}".strip()


@dataclass(frozen=True, kw_only=True)
class ServiceChange:
    """What a change means for one service or data store."""

    name: str
    rebuilt: tuple[Difference, ...]
    """Why its image is rebuilt; empty where it is not."""
    redeployed: tuple[Difference, ...]
    """Why its workload is redeployed, apart from a new image; empty where nothing else touches it."""
    chains: tuple[tuple[str, ...], ...]
    """From each cause by way of libraries and base images to the image and the workload."""

    @property
    def touched(self) -> bool:
        """Whether anything of it changes."""
        return bool(self.rebuilt or self.redeployed)


@dataclass(frozen=True)
class Changes:
    """What a change means for a stack."""

    images: Mapping[str, tuple[Difference, ...]]
    """Images that are rebuilt, by folder, and why."""
    services: tuple[ServiceChange, ...]
    """Every service of the stack, then its data stores, changed or not."""


def changes(project: Project, before: Record, after: Record) -> Changes:
    """Return what differs between two records of a project, ``after`` being the one on disk."""
    images = {
        folder: found
        for folder, record in after.images.items()
        if (found := image_differences(before.images.get(folder), record))
    }
    return Changes(
        images=images,
        services=tuple(_service(project, name, images, before, after) for name in after.workloads),
    )


def image_differences(before: ImageRecord | None, after: ImageRecord) -> tuple[Difference, ...]:
    """Return why an image is rebuilt; nothing where its digest is the same."""
    if before is None:
        return (Difference(cause="new", name="its image", how="is not built for this stack yet"),)
    if before.digest == after.digest:
        return ()
    if before.form != after.form:
        return (Difference(cause="builder", name="the way images are built", how="changed"),)
    found = [
        *_files(before, after),
        *_settings(before.settings, after.settings),
        *_named("base", before.bases, after.bases),
        *_named("secret", dict.fromkeys(before.secrets, ""), dict.fromkeys(after.secrets, "")),
    ]
    return tuple(found) or (Difference(cause="builder", name="the way images are built", how="changed"),)


def _files(before: ImageRecord, after: ImageRecord) -> Iterator[Difference]:
    for path in sorted(before.files.keys() | after.files.keys()):
        old, new = before.files.get(path), after.files.get(path)
        if old == new:
            continue
        how = "changed"
        if old is None:
            how = "added"
        elif new is None:
            how = "removed"
        elif old[1:] == new[1:]:
            how = "mode changed"
        elif path in after.slices:
            how = "changed in the part that this image uses"
        yield Difference(cause="file", name=path, how=how)


def _settings(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Difference]:
    for key in sorted(before.keys() | after.keys()):
        if before.get(key) != after.get(key):
            how = f"{before.get(key, '(none)')} → {after.get(key, '(none)')}"
            yield Difference(cause="setting", name=key, how=how)


def _named(cause: Cause, before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Difference]:
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            how = "added" if name not in before else "removed" if name not in after else "changed"
            yield Difference(cause=cause, name=name, how=how)


def _service(
    project: Project, name: str, images: Mapping[str, tuple[Difference, ...]], before: Record, after: Record
) -> ServiceChange:
    node = project.service(name) if name in project.services else project.image(name)
    rebuilt = images.get(str(node), ())
    old, new = before.workloads.get(name), after.workloads[name]
    if old is None:
        redeployed: tuple[Difference, ...] = (
            Difference(cause="new", name=name, how="is not running in this stack yet"),
        )
    else:
        keys = touches_deployment(old, new)
        redeployed = tuple(
            _settings({key: old[key] for key in keys if key in old}, {key: new[key] for key in keys if key in new})
        )
    workload = ("Deployment" if node.kind is Kind.service else "StatefulSet", name)
    chains = [(*way, f"image {name}", " ".join(workload)) for way in _ways(project, node, images)]
    chains += [(str(difference), " ".join(workload)) for difference in redeployed]
    return ServiceChange(name=name, rebuilt=rebuilt, redeployed=redeployed, chains=tuple(dict.fromkeys(chains)))


def _ways(project: Project, end: Node, images: Mapping[str, tuple[Difference, ...]]) -> Iterator[tuple[str, ...]]:
    """Yield the way from each cause, in the image itself or in one below it, to the image of ``end``."""
    if str(end) not in images:
        return
    graph = project.graph
    for node in sorted(graph.below([end], via=BUILD)):
        way = graph.chain(node, end) or ()
        above = tuple(str(edge.source) for edge in way)
        for difference in images.get(str(node), ()):
            # A changed base is told by its own causes, which have their own chains.
            if difference.cause == "base" and str(project.image(difference.name)) in images:
                continue
            library = _library(project, difference) if difference.cause == "file" else ()
            yield (str(difference) if difference.cause != "file" else difference.name, *library, str(node), *above)


def _library(project: Project, difference: Difference) -> tuple[str, ...]:
    owner = project.monorepo.repository.owner_of(difference.name)
    return (str(owner),) if owner is not None and owner.kind is Kind.lib else ()
