"""What the policies of one run share: the objects that came before, what was not judged, and what holds in the stack."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from moorage.base.image_reference import parse_image

from .image_configs import ConfigReader
from .objects import IMAGE, IMAGE_CONFIG, STATE, Object, Surroundings
from .stack import Stack
from .tree import Node, ShapeError, UnknownError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from .exemptions import Exemption
    from .verdicts import Unjudged


@dataclass
class Session:
    """One preview or update; ``seen`` holds the objects of each URN, as they were analyzed."""

    seen: dict[str, tuple[Object, ...]] = field(default_factory=dict)
    unjudged: dict[tuple[str, str, str], Unjudged] = field(default_factory=dict)
    built: set[str] = field(default_factory=set)
    """Registry and path of the images that the stack builds: of no other is the configuration read."""
    images: ConfigReader = field(default_factory=ConfigReader)
    acknowledged: frozenset[str] = frozenset()
    states: dict[str, Object] = field(default_factory=dict)
    """What Pulumi's state has of each URN."""
    analyzed: set[str] = field(default_factory=set)
    """URNs of what the program has declared so far."""
    registered: set[str] = field(default_factory=set)
    around: Surroundings = field(default_factory=Surroundings)
    exemptions: tuple[Exemption, ...] = ()
    dry_run: bool = False

    def stack(self, objects: tuple[Object, ...], dependencies: Mapping[str, frozenset[str]]) -> Stack:
        """Return these objects as the stack of this run."""
        return Stack(
            objects,
            dependencies,
            tuple(self.unjudged.values()),
            self.exemptions,
            dry_run=self.dry_run,
            acknowledged=self.acknowledged,
            registered=frozenset(self.registered),
        )

    def note(self, unjudged: Unjudged) -> None:
        """Remember a value that was not known, once for each field and rule."""
        key = (unjudged.about.origin.urn or unjudged.about.title, unjudged.path, unjudged.rule.name)
        self.unjudged.setdefault(key, unjudged)

    def note_build(self, about: Object) -> None:
        """Remember under which names an image of docker-build is pushed."""
        tags = about.root["tags"].value if about.kind == IMAGE else None
        if isinstance(tags, list):
            self.built |= {parse_image(tag).path for tag in tags if isinstance(tag, str)}

    def note_state(self, resources: Iterable[Mapping[str, object]]) -> None:
        """Remember what Pulumi has deployed so far."""
        for item in resources:
            urn = str(item.get("urn"))
            self.states[urn] = Object(STATE, "pulumi", Node({**item, "metadata": {"name": urn}}))

    def goes(self, urn: str) -> bool:
        """Tell, once all is declared, whether a resource is deleted: after a refresh the engine lists these as well.

        What a program only reads it does not declare either, but Pulumi does not own that.
        """
        state = self.states.get(urn)
        return urn not in self.analyzed and state is not None and state.root["external"].value is not True

    def beside(self, about: Object) -> Stack | None:
        """Return an object with its state and the configurations of those images that the stack builds, None for none."""
        references = [node.value for node in self._built_images(about)]
        found = [_config(item, config) for item in references if (config := self.images.read(item)) is not None]
        if about.origin.urn in self.states:
            found.append(self.states[about.origin.urn])
        return self.stack((about, *found), {}) if found else None

    def unread(self, about: Object) -> Iterator[str]:
        """Yield the paths of an object's images that the stack builds and whose configuration could not be read."""
        yield from (node.path for node in self._built_images(about) if self.images.read(node.value) is None)

    def _built_images(self, about: Object) -> Iterator[Node]:
        """Yield the images of an object that the stack builds; the rules report containers that cannot be read."""
        for container in about.pod.containers if about.pod is not None else ():
            try:
                node = container["image"]
            except (UnknownError, ShapeError):
                continue
            if isinstance(node.value, str) and parse_image(node.value).path in self.built:
                yield node


def _config(reference: str, config: Mapping[str, object]) -> Object:
    return Object(IMAGE_CONFIG, "oci", Node({**config, "metadata": {"name": reference}}))
