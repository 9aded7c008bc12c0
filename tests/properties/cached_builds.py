"""Generated builds of two stages that share a registry cache, exactly as the image component asks BuildKit for it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from moorage.components.naming import tag_name
from moorage.components.service_image import MAIN_BRANCH, BuildCacheArgs, cache_from, cache_to
from moorage.report.records import vertices
from tests.properties.batch import once
from tests.properties.built_images import forget

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tests.support.workbench import Workbench

TOGETHER = 20
"""Builds at a time."""
DEPENDENCIES, SOURCE = "deps", "app"
BRANCHES = st.from_regex(r"[a-z][a-z0-9]{0,8}([/_.-][A-Za-z0-9]{1,9}){0,2}", fullmatch=True)


@dataclass(frozen=True, kw_only=True)
class CachedBuild:
    """An image with dependencies and source, built on a branch after others were built, or not."""

    dependencies: tuple[str, ...]
    source: tuple[str, ...]
    branch: str
    before: frozenset[str]
    """Which caches there are already: ``main``, ``branch``."""
    changed: bool
    """Whether the source has changed since."""

    def dockerfile(self, number: int) -> str:
        """Return a Dockerfile whose every step copies one file."""
        lines = ["FROM scratch AS deps"]
        lines += [f"COPY {number}-dep-{index} /dep-{index}" for index in range(len(self.dependencies))]
        lines += ["FROM scratch AS app", "COPY --from=deps / /deps/"]
        lines += [f"COPY {number}-src-{index} /src-{index}" for index in range(len(self.source))]
        return "\n".join(lines) + "\n"

    def write(self, folder: Path, number: int, *, changed: bool) -> None:
        """Put the files of the build into its context."""
        for index, text in enumerate(self.dependencies):
            (folder / f"{number}-dep-{index}").write_text(f"{number} {index} {text}")
        for index, text in enumerate(self.source):
            (folder / f"{number}-src-{index}").write_text(f"{number} {index} {text} {changed}")

    def cache(self, bench: Workbench, number: int, branch: str) -> BuildCacheArgs:
        """Return the cache of the build as the stack's program describes it."""
        return BuildCacheArgs(repository=f"{bench.registry}/cache/e{number}", branch=branch)


@dataclass(frozen=True, kw_only=True)
class Step:
    """A vertex of a build: what it is, whether it was cached, when it began."""

    name: str
    cached: bool
    started: datetime


def cached_builds() -> st.SearchStrategy[CachedBuild]:
    """Return a strategy."""
    words = st.lists(st.text(max_size=12), min_size=1, max_size=3).map(tuple)
    return st.builds(
        CachedBuild,
        dependencies=words,
        source=words,
        branch=BRANCHES.filter(lambda name: tag_name(name) != tag_name(MAIN_BRANCH)),
        before=st.sets(st.sampled_from(["main", "branch"])).map(frozenset),
        changed=st.booleans(),
    )


def run(
    bench: Workbench,
    folder: Path,
    examples: Mapping[int, CachedBuild],
    branches: Mapping[int, str],
    *,
    write: bool = True,
) -> dict[int, list[Step]]:
    """Build the examples by their number, each on a branch, and return the steps of each; the files are there."""
    told: list[dict[str, Any]] = []
    for some in _chunks(list(examples)):
        targets = {f"e{number}": _target(bench, folder, number, examples[number], branches[number]) for number in some}
        if not write:
            targets = {name: target | {"cache-to": []} for name, target in targets.items()}
        told += bench.bake(targets, cwd=folder)
    found = vertices("\n".join(map(json.dumps, told)))
    steps: dict[int, list[Step]] = {number: [] for number in examples}
    for vertex in found.values():
        owner, _, name = vertex["name"].removeprefix("[").replace("] ", " ", 1).partition(" ")
        if owner.startswith("e") and owner[1:].isdigit():
            steps[int(owner[1:])].append(Step(name=name, cached=vertex["cached"], started=_time(vertex["started"])))
    return steps


def _time(text: str) -> datetime:
    """Return a time of BuildKit's, which tells nanoseconds and leaves zeros at the end out."""
    return datetime.fromisoformat(re.sub(r"(\.\d{6})\d*", r"\1", text))


def _chunks(numbers: list[int]) -> list[list[int]]:
    return [numbers[start : start + TOGETHER] for start in range(0, len(numbers), TOGETHER)]


def _target(bench: Workbench, folder: Path, number: int, example: CachedBuild, branch: str) -> dict[str, Any]:
    cache = example.cache(bench, number, branch)
    return {
        "context": str(folder),
        "dockerfile-inline": example.dockerfile(number),
        "cache-from": [f"type=registry,ref={_registry(entry).ref}" for entry in cache_from(cache)],
        "cache-to": [_written(entry) for entry in cache_to(cache)],
        "output": [f"type=registry,name={bench.registry}/built:e{number}"],
        "attest": ["type=provenance,disabled=true"],
    }


def _registry(entry: Any) -> Any:
    return entry.registry


def _written(entry: Any) -> str:
    """Return what the provider makes of the component's arguments."""
    given = _registry(entry)
    flags = {
        "mode": given.mode.value,
        "image-manifest": given.image_manifest,
        "oci-mediatypes": given.oci_media_types,
        "ignore-error": given.ignore_error,
    }
    return f"type=registry,ref={given.ref}," + ",".join(f"{key}={str(value).lower()}" for key, value in flags.items())


def copies(steps: Sequence[Step], stage: str) -> list[Step]:
    """Return the steps of a stage."""
    return [step for step in steps if step.name.startswith(f"{stage} ") and "COPY" in step.name]


MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_KEPT = 1000
"""Added to an example's number where its cache is kept as it is, on a branch of its own."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of an example on a builder that knows nothing."""

    steps: list[Step]
    """Of its build on its branch, with the caches that it has and perhaps another source."""
    manifest: dict[str, Any]
    """Of the cache that it left in the registry when it was built, as an image manifest: all that some registries store."""
    present: bool
    """Whether every blob that this names can be had."""
    again: list[Step]
    """Of the same build once more, with that cache."""


@once
def build_all(bench: Workbench, examples: Sequence[CachedBuild]) -> list[Outcome]:
    """Fill the caches that each example has and one more, look at that, and build all with a builder that knows nothing."""
    folder = bench.folder / "caches"
    folder.mkdir()
    numbered = dict(enumerate(examples))
    kept = {number + _KEPT: example for number, example in numbered.items()}
    branches = {number: example.branch for number, example in numbered.items()}
    own = {number: f"keep/{example.branch}" for number, example in kept.items()}
    try:
        for number, example in {**numbered, **kept}.items():
            example.write(folder, number, changed=False)
        main = {number: example for number, example in numbered.items() if "main" in example.before}
        run(bench, folder, {**main, **kept}, {**dict.fromkeys(main, MAIN_BRANCH), **own})
        run(bench, folder, {n: example for n, example in numbered.items() if "branch" in example.before}, branches)
        stored = {number: _stored(bench, number, own[number]) for number in kept}
        bench.renew_builder()
        for number, example in numbered.items():
            example.write(folder, number, changed=example.changed)
        steps = run(bench, folder, numbered, branches)
        again = run(bench, folder, kept, own, write=False)
    finally:
        forget(bench, folder.name)
    return [
        Outcome(
            steps=steps[number],
            manifest=stored[number + _KEPT][0],
            present=stored[number + _KEPT][1],
            again=again[number + _KEPT],
        )
        for number in numbered
    ]


def _stored(bench: Workbench, number: int, branch: str) -> tuple[dict[str, Any], bool]:
    repository = f"cache/e{number}"
    manifest = bench.get(f"{repository}/manifests/{tag_name(branch)}", accept=MANIFEST).json()
    blobs = [manifest.get("config", {}), *manifest.get("layers", [])]
    return manifest, all(
        len(bench.get(f"{repository}/blobs/{blob['digest']}").content) == blob["size"] for blob in blobs
    )
