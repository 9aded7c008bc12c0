"""All objects of a stack together, for rules on how they refer to each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Final

from .changes import previous_object
from .kinds import family_of
from .objects import STATE
from .provided import built_in, claimed, pods_of_others, provided
from .selectors import GIVEN_LABELS, labels_of, selects, selects_by_map
from .tree import ShapeError, UnknownError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .exemptions import Exemption
    from .objects import Object, Pod
    from .provided import Provided
    from .tree import Node
    from .verdicts import Unjudged

SELECTORS: Final = {
    "Service": ("spec", "selector"),
    "NetworkPolicy": ("spec", "podSelector"),
    "PodDisruptionBudget": ("spec", "selector"),
}
"""Where the kinds that select pods by label keep their selector; a Service's is a plain map."""


def target_family(reference: Node) -> str:
    """Return the family that a reference with apiVersion and kind leads to; raises UnknownError or ShapeError."""
    version, kind = reference["apiVersion"].text(), reference["kind"].text() or ""
    return family_of(version, kind) if version else kind


@dataclass(frozen=True, eq=False)
class Stack:
    """Objects in the order in which they were declared, and what else rules on the whole need to know.

    ``dependencies`` hold the URNs that each of Pulumi's URNs depends on, ``unjudged`` what the other rules could not
    judge, ``exemptions`` those of the stack's configuration, ``today`` the day on which they may have expired;
    ``dry_run`` marks a preview.
    ``acknowledged`` are the changes of data that may happen, ``registered`` all URNs of the program and their aliases.
    """

    objects: tuple[Object, ...]
    dependencies: Mapping[str, frozenset[str]] = field(default_factory=dict)
    unjudged: tuple[Unjudged, ...] = ()
    exemptions: tuple[Exemption, ...] = ()
    today: date = field(default_factory=date.today)
    dry_run: bool = False
    acknowledged: frozenset[str] = frozenset()
    registered: frozenset[str] = frozenset()

    @cached_property
    def by_kind(self) -> dict[str, list[Object]]:
        """The objects of each kind."""
        kinds: dict[str, list[Object]] = {}
        for item in self.objects:
            kinds.setdefault(item.family, []).append(item)
        return kinds

    def of(self, *kinds: str) -> Iterator[Object]:
        """Yield the objects of these kinds, patches left out."""
        for kind in kinds:
            yield from (item for item in self.by_kind.get(kind, ()) if not item.partial)

    @cached_property
    def pods(self) -> tuple[Pod, ...]:
        """Every pod template of the stack, patches left out."""
        return tuple(item.pod for item in self.objects if item.pod is not None and not item.partial)

    @cached_property
    def previous(self) -> tuple[Object, ...]:
        """What the state has of data, before this update."""
        states = ((item.root.value, item.name) for item in self.of(STATE))
        named = ({**state, "urn": name} for state, name in states if isinstance(state, Mapping))
        return tuple(found for state in named if (found := previous_object(state)) is not None)

    def find(self, kind: str, namespace: str, name: str) -> Object | None:
        """Return the object of that name, None for none; raises UnknownError where a name of the kind is not known."""
        known, unknown = self._names(kind)
        found = known.get((namespace, name))
        if found is None and unknown is not None:
            raise UnknownError(unknown)
        return found

    def has(self, kind: str, namespace: str, name: str) -> bool:
        """Tell whether an object is in the stack, or is made by the cluster or by a controller that the stack tells to.

        Raises UnknownError where a name of the kind, or of what makes it, is not known.
        """
        if built_in(kind, name):
            return True
        made, unknown = self._provided
        if {(kind, namespace, name), (kind, "*", name)} & made:
            return True
        if kind == "PersistentVolumeClaim" and claimed(self.of("StatefulSet"), namespace, name):
            return True
        if self.find(kind, namespace, name) is not None:
            return True
        if unknown is not None:
            raise UnknownError(unknown)
        return False

    @cached_property
    def _provided(self) -> tuple[frozenset[Provided], str | None]:
        return provided(self.objects)

    def autoscaler(self, workload: Object) -> Object | None:
        """Return the autoscaler that owns a workload; raises UnknownError where a target is not known."""
        targets, unknown = self._targets
        name = workload.root["metadata"]["name"].text() or ""
        found = targets.get((workload.home, workload.family, name))
        if found is None and unknown is not None:
            raise UnknownError(unknown)
        return found

    @cached_property
    def _targets(self) -> tuple[dict[tuple[str, str, str], Object], str | None]:
        targets: dict[tuple[str, str, str], Object] = {}
        unknown = None
        for scaler in self.of("HorizontalPodAutoscaler"):
            try:
                target = scaler.root.at("spec", "scaleTargetRef")
                targets[scaler.home, target_family(target), target["name"].text() or ""] = scaler
            except UnknownError as error:
                unknown = error.path
            except ShapeError:
                continue
        return targets, unknown

    def matching(self, selecting: Object) -> list[Pod]:
        """Return the pods that an object selects; raises UnknownError where a label that may decide is not known."""
        selector = selecting.root.at(*SELECTORS[selecting.kind])
        namespace = selecting.home
        plain = selecting.kind == "Service"
        labels, fits = (selector, selects_by_map) if plain else (selector["matchLabels"], selects)
        found = [pod for pod, has in self._candidates(namespace, labels) if fits(selector, has)]
        if not found and self._unlabelled:
            raise UnknownError(self._unlabelled[0])
        return found

    def made_elsewhere(self, selecting: Object) -> bool:
        """Tell whether what an object selects may be pods that an operator makes for a custom resource of the stack."""
        selector = selecting.root.at(*SELECTORS[selecting.kind])
        fits = selects_by_map if selecting.kind == "Service" else selects
        return pods_of_others(self.objects, selecting.home, lambda labels: fits(selector, labels))

    def selecting(self, kind: str) -> tuple[dict[Pod, list[Object]], str | None]:
        """Return the objects of ``kind`` that select each pod, and the path of a selector that is not known, if any."""
        return self._selecting[kind]

    @cached_property
    def _selecting(self) -> dict[str, tuple[dict[Pod, list[Object]], str | None]]:
        result: dict[str, tuple[dict[Pod, list[Object]], str | None]] = {}
        for kind in SELECTORS:
            by_pod: dict[Pod, list[Object]] = {}
            unknown = None
            for item in self.of(kind):
                try:
                    for pod in self.matching(item):
                        by_pod.setdefault(pod, []).append(item)
                except UnknownError as error:
                    unknown = error.path
                except ShapeError:
                    continue  # the rules on the object itself report it
            result[kind] = by_pod, unknown
        return result

    def _candidates(self, namespace: str, labels: Node) -> Iterable[tuple[Pod, dict[str, str]]]:
        """Return the pods of a namespace that have one of the labels asked for, or all where none is."""
        for key, node in labels.fields():
            if key in GIVEN_LABELS:
                continue
            return self._labelled.get((namespace, key, node.text() or ""), ())
        return self._labelled.get((namespace, "", ""), ())

    @cached_property
    def _labelled(self) -> dict[tuple[str, str, str], list[tuple[Pod, dict[str, str]]]]:
        index: dict[tuple[str, str, str], list[tuple[Pod, dict[str, str]]]] = {}
        for pod in self.pods:
            try:
                labels, namespace = labels_of(pod.metadata), pod.owner.home
            except (UnknownError, ShapeError):
                continue
            for key, value in (("", ""), *labels.items()):
                index.setdefault((namespace, key, value), []).append((pod, labels))
        return index

    @cached_property
    def _unlabelled(self) -> list[str]:
        """The paths of labels and namespaces of pods that are not known."""
        paths = []
        for pod in self.pods:
            try:
                _ = labels_of(pod.metadata), pod.owner.home
            except UnknownError as unknown:
                paths.append(unknown.path)
            except ShapeError:
                continue
        return paths

    def _names(self, kind: str) -> tuple[dict[tuple[str, str], Object], str | None]:
        if kind not in self._named:
            known: dict[tuple[str, str], Object] = {}
            unknown = None
            for item in self.of(kind):
                try:
                    node = item.root["metadata"]["name"]
                    name = node.text()
                    if name is None:
                        unknown = node.path  # it is given one on creation
                    else:
                        known[item.home, name] = item
                except UnknownError as error:
                    unknown = error.path
                except ShapeError:
                    continue
            self._named[kind] = known, unknown
        return self._named[kind]

    @cached_property
    def _named(self) -> dict[str, tuple[dict[tuple[str, str], Object], str | None]]:
        return {}
