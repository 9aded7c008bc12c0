"""One build of one image as it is kept: plain data that goes to JSON and back, and the folder of it."""

from __future__ import annotations

import datetime as dt  # noqa: TC003  # pydantic reads annotations when the program runs
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from moorage.base.files import write_atomic

if TYPE_CHECKING:
    from pathlib import Path


class Record(BaseModel):
    """Base of what is kept: camelCase in JSON; keys that a later version has added are passed over."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True, extra="ignore")


class Source(Record):
    """What a step takes from outside the Dockerfile: files of the context, or another step's result."""

    kind: Literal["step", "context", "image"]
    name: str
    """Key of a step, reference of an image, or empty."""
    paths: list[str] = []
    """Of the context: what COPY or ADD names, relative to the context's root."""


class Step(Record):
    """One instruction of the Dockerfile that BuildKit carried out, or found in its cache."""

    stage: str
    number: int
    """Place in its stage, from 1."""
    text: str
    """The instruction as written, on one line."""
    line: int = 0
    """In the Dockerfile; 0 where it is not known."""
    base: bool = False
    """FROM: nothing is run, and what is loaded does not count for this build."""
    cached: bool
    offset: float = 0
    """Seconds from the beginning of the build until it was looked at."""
    seconds: float
    definition: dict[str, str] = {}
    """What decides about the step beside its sources: ``arguments``, ``mounts``, ``env NAME``, ``file``."""
    sources: list[Source] = []
    missed: str = ""
    """Why it was not found in the cache; empty where it was, and for FROM."""

    @property
    def key(self) -> str:
        """The step's name within its build."""
        return f"{self.stage} {self.number}"

    @property
    def instruction(self) -> str:
        """The step as a reader knows it: its stage and its instruction."""
        return f"[{self.stage}] {self.text}"


class LayerSize(Record):
    """One layer of the image and the instruction that it comes from."""

    digest: str
    packed: int
    """Bytes in the registry."""
    unpacked: int
    """Bytes after decompression."""
    created_by: str = ""


class Build(Record):
    """One build."""

    image: str
    """Name of the service, or of the base image after ``base-``."""
    dockerfile: str
    """Relative to the repository's root."""
    target: str = ""
    reference: str
    """BuildKit's name of the record."""
    started: dt.datetime
    seconds: float
    revision: str = ""
    """Git commit of the checkout, where there was one."""
    arguments: dict[str, str] = {}
    """Build args."""
    steps: list[Step]
    files: dict[str, str] = {}
    """Digest of every file of the context, by its path."""
    digest: str = ""
    """Of the image's manifest."""
    layers: list[LayerSize] = []

    @property
    def counted(self) -> list[Step]:
        """The steps that count: all but FROM."""
        return [step for step in self.steps if not step.base]

    @property
    def cached(self) -> int:
        """How many steps were found in the cache."""
        return sum(step.cached for step in self.counted)

    @property
    def hit_rate(self) -> float:
        """Share of steps that were found in the cache, in percent; 100 where there is nothing to do."""
        return 100 * self.cached / len(self.counted) if self.counted else 100.0

    @property
    def warm(self) -> bool:
        """Whether anything was found in the cache."""
        return self.cached > 0

    @property
    def packed(self) -> int:
        """Bytes of all layers in the registry."""
        return sum(layer.packed for layer in self.layers)

    @property
    def unpacked(self) -> int:
        """Bytes of all layers after decompression."""
        return sum(layer.unpacked for layer in self.layers)

    def stages(self) -> dict[str, list[Step]]:
        """Return the steps of each stage, in the order in which they stand in the Dockerfile."""
        found: dict[str, list[Step]] = {}
        for step in sorted(self.steps, key=lambda step: (step.line, step.number)):
            found.setdefault(step.stage, []).append(step)
        return found


KEPT = 200
"""Builds of each image; older ones are deleted."""


class Store:
    """The kept builds of one stack."""

    def __init__(self, folder: Path) -> None:
        """Use a folder, which need not exist yet."""
        self.folder = folder

    def builds(self) -> dict[str, list[Build]]:
        """Return the builds of each image, the oldest first; a file that is damaged is passed over."""
        found: dict[str, list[Build]] = {}
        for path in self.folder.glob("*.json"):
            try:
                build = Build.model_validate_json(path.read_bytes())
            except (OSError, ValidationError):
                continue
            found.setdefault(build.image, []).append(build)
        return {image: sorted(builds, key=lambda build: build.started) for image, builds in sorted(found.items())}

    def add(self, build: Build) -> Path:
        """Keep a build, whole or not at all, and return its file."""
        path = self.folder / f"{build.started:%Y%m%dT%H%M%S.%f}-{build.image}.json"
        write_atomic(path, build.model_dump_json(by_alias=True, indent=1))
        kept = sorted(entry for entry in self.folder.glob("[0-9]*.json") if _image_of(entry.name) == build.image)
        for old in kept[:-KEPT]:
            old.unlink(missing_ok=True)
        return path


def _image_of(name: str) -> str:
    return name.partition("-")[2].removesuffix(".json")
