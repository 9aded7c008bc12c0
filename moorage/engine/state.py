"""What a stack consists of, as its last update left it: one typed view of Pulumi's state."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from moorage.base.errors import MoorageError
from moorage.build.record import Record, image_record_of, workload_record_of
from moorage.config.graph import Kind

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from moorage.config.repository import Repository
    from moorage.engine.session import Session

STACK = "pulumi:pulumi:Stack"
IMAGE = "moorage:image:ServiceImage"
SERVICE = "moorage:service:Service"
WORKLOADS = (SERVICE, "moorage:postgres:PostgresDatabase", "moorage:redis:RedisCache")
BASE = "base-"
"""Stands before a base image's name in that of its component."""
_PROVIDER = "pulumi:providers:"
_COMPONENT = "moorage:"
_OBJECT = "kubernetes:"


@dataclass(frozen=True, kw_only=True)
class Resource:
    """A resource of a stack."""

    urn: str
    type: str
    parent: str = ""
    protect: bool = False
    leaving: bool = False
    """Whether it will be deleted: its replacement exists already."""
    inputs: Mapping[str, Any] = field(default_factory=dict, repr=False)
    outputs: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def kind(self) -> str:
        """``StatefulSet``."""
        return self.type.rpartition(":")[2]

    @property
    def name(self) -> str:
        """Its logical name, ``postgres-statefulset``."""
        return self.urn.rpartition("::")[2]

    @property
    def is_object(self) -> bool:
        """Whether it is a Kubernetes object."""
        return self.type.startswith(_OBJECT) and not self.type.startswith(_PROVIDER)

    @property
    def place(self) -> tuple[str, str]:
        """Namespace, empty for none, and name of a Kubernetes object in the cluster."""
        metadata = self.outputs.get("metadata") or self.inputs.get("metadata") or {}
        return str(metadata.get("namespace") or ""), str(metadata.get("name") or "")

    def __str__(self) -> str:
        """Return kind and logical name."""
        return f"{self.kind} {self.name}"


@dataclass(frozen=True)
class State:
    """A stack as its last update left it; one that never came up has no resources."""

    resources: tuple[Resource, ...] = ()

    @cached_property
    def outputs(self) -> Mapping[str, Any]:
        """What the program exports."""
        return next((resource.outputs for resource in self.resources if resource.type == STACK), {})

    @property
    def namespace(self) -> str:
        """The namespace that its objects are in; empty for a stack that never came up."""
        return str(self.outputs.get("namespace") or "")

    @cached_property
    def images(self) -> Mapping[str, str]:
        """The images that it consists of, ``repository@digest`` by the name of service or of ``base-`` and base image."""
        return {
            resource.name: str(resource.outputs["image"])
            for resource in self.resources
            if resource.type == IMAGE and "@" in str(resource.outputs.get("image"))
        }

    @cached_property
    def services(self) -> tuple[str, ...]:
        """The names of its services."""
        return tuple(resource.name for resource in self.resources if resource.type == SERVICE)

    @cached_property
    def protected(self) -> tuple[Resource, ...]:
        """What it protects from being deleted, by kind and name."""
        own = (STACK, _PROVIDER)
        found = [resource for resource in self.resources if resource.protect and not resource.type.startswith(own)]
        return tuple(sorted(found, key=lambda resource: (resource.kind, resource.name)))

    def objects(self) -> Iterable[tuple[Resource, str]]:
        """Yield each Kubernetes object with the outermost component that it belongs to; empty for none."""
        parents = {resource.urn: resource.parent for resource in self.resources}
        for resource in self.resources:
            if resource.is_object and not resource.leaving:
                yield resource, _part(resource.urn, parents)

    def record(self, repository: Repository) -> Record:
        """Return what images and workloads were made from, the images by the folders that these have today."""
        images, workloads = {}, {}
        for resource in self.resources:
            name = resource.name
            if resource.type == IMAGE and (image := image_record_of(str(resource.outputs.get("inputs", "")))):
                base = name.startswith(BASE)
                node = repository.node(Kind.image if base else Kind.service, name[len(BASE) :] if base else name)
                images[str(node)] = image
            elif resource.type in WORKLOADS and (
                found := workload_record_of(str(resource.outputs.get("settings", "")))
            ):
                workloads[name] = found
        return Record(images, workloads)


def read_state(session: Session) -> State:
    """Return the stack's state; an empty one for a stack that never came up.

    Where it is a file of this machine, Pulumi is not started. Raises `MoorageError` where it cannot be read.
    """
    path = state_file(session)
    if path is not None and path.exists():
        content = path.read_bytes()
        checkpoint = json.loads(gzip.decompress(content) if path.suffix == ".gz" else content)["checkpoint"]
        return State(_resources(checkpoint.get("latest") or {}))
    if session.own_backend:
        return State()
    from moorage.engine import pulumi

    result = pulumi.run(session, ["stack", "export", "--stack", session.stack])
    if result.returncode:
        if "no stack named" in result.stderr:
            return State()
        raise _unreadable(session, result)
    return State(_resources(json.loads(result.stdout).get("deployment") or {}))


def state_file(session: Session) -> Path | None:
    """Return the file of the stack's state, which need not exist; None where the backend is not a folder."""
    folder = session.backend_folder()
    if folder is None:
        return None
    path = folder / "stacks" / session.project / f"{session.stack}.json"
    packed = path.with_name(f"{path.name}.gz")
    return packed if packed.exists() else path


def stack_images(session: Session) -> Mapping[str, str]:
    """Return the images that a stack consists of.

    Raises `MoorageError` where the stack has none.
    """
    found = read_state(session).images
    if not found:
        raise MoorageError.of(
            "there are no images to look at",
            where=f"stack {session.stack}",
            why="the stack is not up",
            remedy=f"moorage up {session.stack}, or name an image by its reference",
        )
    return found


def _resources(deployment: Mapping[str, Any]) -> tuple[Resource, ...]:
    entries: Sequence[Mapping[str, Any]] = deployment.get("resources") or ()
    return tuple(
        Resource(
            urn=entry["urn"],
            type=entry["type"],
            parent=entry.get("parent") or "",
            protect=bool(entry.get("protect")),
            leaving=bool(entry.get("delete")),
            inputs=entry.get("inputs") or {},
            outputs=entry.get("outputs") or {},
        )
        for entry in entries
    )


def _part(urn: str, parents: Mapping[str, str]) -> str:
    found = ""
    while parent := parents.get(urn):
        if parent.split("::")[2].split("$")[-1].startswith(_COMPONENT):
            found = parent.rpartition("::")[2]
        urn = parent
    return found


def _unreadable(session: Session, result: subprocess.CompletedProcess[str]) -> MoorageError:
    return MoorageError.of(
        f"the state of stack {session.stack} cannot be read",
        where=session.backend(),
        why=(result.stderr.strip().splitlines() or ["pulumi stack export failed"])[-1],
        remedy="log in with `pulumi login`, or check your access to the backend",
    )
