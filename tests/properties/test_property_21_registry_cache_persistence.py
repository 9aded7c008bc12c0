"""After a build, its branch's cache in the registry has the layers of every stage, and serves a builder without any."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings

from components.naming import tag_name
from tests.properties.batch import BATCHED
from tests.properties.built_images import built_together, forget
from tests.properties.cached_builds import DEPENDENCIES, SOURCE, cached_builds, copies, run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.properties.cached_builds import CachedBuild, Step
    from tests.support.workbench import Workbench

MANIFEST = "application/vnd.oci.image.manifest.v1+json"


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What the registry has of a cache, and the steps of the next build."""

    manifest: dict[str, Any]
    """As an image manifest, which is all that some registries store."""
    present: bool
    """Whether every blob that it names can be had."""
    again: list[Step]


def build_all(bench: Workbench, examples: Sequence[CachedBuild]) -> list[Kept]:
    """Build all examples, look at what the registry has, and build them again with a builder that has nothing."""
    folder = bench.folder / "property-21"
    folder.mkdir()
    numbered = dict(enumerate(examples))
    branches = {number: f"keep/{example.branch}" for number, example in numbered.items()}
    try:
        for number, example in numbered.items():
            example.write(folder, number + 1000, changed=False)
        numbered = {number + 1000: example for number, example in numbered.items()}
        branches = {number + 1000: branch for number, branch in branches.items()}
        run(bench, folder, numbered, branches)
        kept = {number: _kept(bench, number, branches[number]) for number in numbered}
        bench.renew_builder()
        again = run(bench, folder, numbered, branches, write=False)
        return [Kept(manifest=kept[number][0], present=kept[number][1], again=again[number]) for number in numbered]
    finally:
        forget(bench, folder.name)


def _kept(bench: Workbench, number: int, branch: str) -> tuple[dict[str, Any], bool]:
    repository = f"cache/e{number}"
    manifest = bench.get(f"{repository}/manifests/{tag_name(branch)}", accept=MANIFEST).json()
    blobs = [manifest.get("config", {}), *manifest.get("layers", [])]
    return manifest, all(
        len(bench.get(f"{repository}/blobs/{blob['digest']}").content) == blob["size"] for blob in blobs
    )


# Feature: optimized-container-infrastructure, Property 21: For any build with registry-based cache enabled, cache layers
# should be pushed to the registry after successful build completion.
@pytest.mark.property_test
@built_together(build_all)
@settings(BATCHED, max_examples=100)
@given(example=cached_builds())
def test_the_cache_of_every_stage_is_in_the_registry_and_is_used_by_the_next_builder(
    example: CachedBuild, outcome: Kept
) -> None:
    assert outcome.manifest["mediaType"] == MANIFEST
    assert outcome.manifest["config"]["mediaType"] == "application/vnd.buildkit.cacheconfig.v0"
    # One for each file, and one for the dependencies as they are copied into the last stage.
    assert len(outcome.manifest["layers"]) == len(example.dependencies) + len(example.source) + 1
    assert outcome.present
    steps = [*copies(outcome.again, DEPENDENCIES), *copies(outcome.again, SOURCE)]
    assert len(steps) == len(example.dependencies) + len(example.source) + 1
    assert {step.cached for step in steps} == {True}
