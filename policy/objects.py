"""Kubernetes objects as rules see them: the object, its pod template, and every container in one place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Literal

from .kinds import Reach, family_of, reach_of
from .tree import UNKNOWN, Misshapen, Node, ShapeError, UnknownError

if TYPE_CHECKING:
    from collections.abc import Iterator

Role = Literal["containers", "initContainers", "ephemeralContainers"]
ROLES: Final[tuple[Role, ...]] = ("initContainers", "containers", "ephemeralContainers")

POD_PATHS: Final[dict[str, tuple[str, ...]]] = {
    "Pod": (),
    "PodTemplate": ("template",),
    "ReplicationController": ("spec", "template"),
    "ReplicaSet": ("spec", "template"),
    "Deployment": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
    "DaemonSet": ("spec", "template"),
    "Job": ("spec", "template"),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
}
"""Where each kind of Kubernetes' own keeps its pod: an object with ``metadata`` and ``spec``."""

LONG_RUNNING: Final = frozenset({"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController"})
"""Kinds whose containers are meant to run until they are told to stop."""

DEFAULT_NAMESPACE: Final = "default"
"""Where the API server puts what names no namespace."""
IMAGE: Final = "docker-build:index:Image"
INDEX: Final = "docker-build:index:Index"
STATE: Final = "pulumi:state:Resource"
"""A resource in Pulumi's state, named by its URN: an object beside those that will be deployed."""
IMAGE_CONFIG: Final = "oci:image:Config"
"""Of an image's own configuration, as a registry holds it: no resource, but an object beside the pods that run it."""


@dataclass(eq=False)
class Surroundings:
    """What rules on one object have to know of others in the same run.

    ``namespace`` is that of objects which name none. ``definitions`` tell where objects of the kinds live that the run's own
    CustomResourceDefinitions define, by group and kind. ``tokenless`` are namespace and name of the service accounts whose
    pods get no token.
    """

    namespace: str = DEFAULT_NAMESPACE
    definitions: dict[tuple[str, str], Reach] = field(default_factory=dict)
    tokenless: set[tuple[str, str]] = field(default_factory=set)

    def note(self, about: Object) -> None:
        """Remember what an object says about others; never raises."""
        if about.family == "CustomResourceDefinition":
            group, kind = _text_of(about.root, "spec", "group"), _text_of(about.root, "spec", "names", "kind")
            scope = _text_of(about.root, "spec", "scope")
            if group and kind and scope in {"Namespaced", "Cluster"}:
                self.definitions[group, kind] = "Cluster" if scope == "Cluster" else "Namespaced"
        elif about.family == "ServiceAccount" and about.root["automountServiceAccountToken"].value is False:
            self.tokenless.add((about.namespace or self.namespace, about.name))


NOWHERE: Final = Surroundings()
"""Of an object that stands alone."""


@dataclass(frozen=True, eq=False)
class Origin:
    """Where an object comes from, for messages and for rules on how it is deployed.

    ``urn`` and the options are Pulumi's; ``file``, ``line`` and the ``document``, which knows the lines, a manifest's.
    ``around`` is what the objects of one run say about each other.
    """

    urn: str | None = None
    file: str | None = None
    line: int | None = None
    protect: bool | None = None
    document: object = None
    around: Surroundings = field(default_factory=lambda: NOWHERE)


@dataclass(frozen=True, eq=False)
class Object:
    """One object: of Kubernetes, or an image of docker-build (``kind`` is then Pulumi's type).

    ``partial`` marks a patch, of which a missing field says nothing.
    """

    kind: str
    api_version: str
    root: Node
    partial: bool = False
    origin: Origin = field(default_factory=Origin)

    @cached_property
    def group(self) -> str:
        """The API group, empty for the core one."""
        return self.api_version.rpartition("/")[0]

    @cached_property
    def family(self) -> str:
        """The kind, for rules: with its group where it is a kind of somebody else's, that may share the name of another."""
        return family_of(self.api_version, self.kind)

    @property
    def reach(self) -> Reach | None:
        """Whether the object lives in a namespace or in the cluster, None where nobody can tell."""
        key = self.group, self.kind
        return reach_of(*key) or self.origin.around.definitions.get(key)

    @property
    def home(self) -> str:
        """The namespace that the object lives in, or would; raises UnknownError."""
        return self.root["metadata"]["namespace"].text() or self.origin.around.namespace

    @cached_property
    def name(self) -> str:
        """``metadata.name``, or what stands in its place; never raises."""
        given = _text_of(self.root, "metadata", "name") or _text_of(self.root, "metadata", "generateName")
        return given or (self.origin.urn or "").rpartition("::")[2] or "(unnamed)"

    @cached_property
    def namespace(self) -> str:
        """``metadata.namespace``; empty where there is none or it is not known, so never raises."""
        return _text_of(self.root, "metadata", "namespace") or ""

    @property
    def title(self) -> str:
        """``Kind/name``, for people."""
        return f"{self.kind.rpartition(':')[2]}/{self.name}"

    @property
    def spec(self) -> Node:
        """The field ``spec``; raises UnknownError or ShapeError where the manifest itself is not a mapping."""
        return self.root["spec"]

    @cached_property
    def pod(self) -> Pod | None:
        """The pod inside, None for a kind that has none; never raises."""
        path = POD_PATHS.get(self.family)
        if path is None:
            if not self._resembles_a_workload():
                return None
            path = ("spec", "template")
        here: Any = self.root
        try:
            here = here.at(*path)
            return Pod(self, here["metadata"], here["spec"])
        except UnknownError as unknown:
            return Pod(self, Node(UNKNOWN, unknown.path), Node(UNKNOWN, unknown.path))
        except ShapeError as error:
            broken = Node(Misshapen(error.expected, error.found), error.path)
            return Pod(self, broken, broken)

    def _resembles_a_workload(self) -> bool:
        """Tell whether this is a custom resource that makes pods the way a Deployment does."""
        if ":" in self.kind or reach_of(self.group, self.kind) is not None:
            return False
        try:
            return self.root.at("spec", "template", "spec", "containers").value is not None
        except (UnknownError, ShapeError):
            return False


@dataclass(frozen=True, eq=False)
class Pod:
    """A pod or the template of one."""

    owner: Object
    metadata: Node
    spec: Node

    @cached_property
    def containers(self) -> tuple[Container, ...]:
        """Every container: of init, regular and ephemeral ones.

        A list that is unknown or no list stands as one container that cannot be read: the other lists are judged.
        """
        return tuple(container for role in ROLES for container in self._of(role))

    def of(self, *roles: Role) -> tuple[Container, ...]:
        """Return the containers of these roles only."""
        return tuple(container for container in self.containers if container.role in roles)

    @property
    def account(self) -> Node:
        """The field that names the service account: ``serviceAccountName``, or the old ``serviceAccount`` in its place."""
        named, old = self.spec["serviceAccountName"], self.spec["serviceAccount"]
        return old if (named.value is None or named.value == "") and old.value is not None else named

    @property
    def windows(self) -> bool:
        """Whether ``spec.os.name`` says windows, the only thing that exempts from Linux' own rules."""
        return self.spec["os"]["name"].text() == "windows"

    @property
    def user_namespace(self) -> bool:
        """Whether ``hostUsers`` is false: root in the container is then nobody on the node."""
        return self.spec["hostUsers"].boolean() is False

    def _of(self, role: Role) -> Iterator[Container]:
        node = Node(None, f"{self.spec.path}.{role}")
        try:
            node = self.spec[role]
            for item in node.elements():
                yield Container(self, item, role)
        except UnknownError as unknown:
            yield Container(self, Node(UNKNOWN, unknown.path), role)
        except ShapeError as error:
            yield Container(self, Node(Misshapen(error.expected, error.found), error.path), role)


@dataclass(frozen=True, eq=False)
class Container:
    """A container of a pod; ``role`` is the list that it stands in."""

    pod: Pod
    node: Node
    role: Role

    def __getitem__(self, key: str) -> Node:
        """Return the container's field ``key``."""
        return self.node[key]

    @property
    def security(self) -> Node:
        """The container's ``securityContext``."""
        return self.node["securityContext"]

    @cached_property
    def name(self) -> str:
        """The container's name, or its place where that cannot be read; never raises."""
        return _text_of(self.node, "name") or self.node.path.rpartition(".")[2]

    @property
    def sidecar(self) -> bool:
        """Whether an init container runs on beside the others (``restartPolicy: Always``)."""
        return self.role == "initContainers" and self.node["restartPolicy"].text() == "Always"


def manifest_objects(value: Any, origin: Origin, *, partial: bool = False) -> Iterator[Object]:
    """Yield the objects of a manifest: itself, or the items of a list; odd values yield an object without kind."""
    node = Node(value)
    kind, version = _text_of(node, "kind") or "", _text_of(node, "apiVersion") or ""
    if kind.endswith("List") and isinstance(value, Mapping) and "items" in value:
        yield from list_items(node["items"], kind.removesuffix("List"), version, origin, partial=partial)
    else:
        yield Object(kind, version, node, partial, origin)


def list_items(items: Node, kind: str, version: str, origin: Origin, *, partial: bool = False) -> Iterator[Object]:
    """Yield the objects of a list, whose own kind and version hold for items that name none."""
    try:
        nodes = items.elements()
    except (UnknownError, ShapeError):
        yield Object(kind, version, items, origin=origin)
        return
    for item in nodes:
        its_kind = _text_of(item, "kind") or kind
        its_version = _text_of(item, "apiVersion") or version
        if its_kind.endswith("List") and isinstance(item.value, Mapping) and "items" in item.value:
            yield from list_items(item["items"], its_kind.removesuffix("List"), its_version, origin, partial=partial)
        else:
            yield Object(its_kind, its_version, item, partial=partial, origin=origin)


def _text_of(node: Node, *path: str) -> str | None:
    try:
        return node.at(*path).text()
    except (UnknownError, ShapeError):
        return None
