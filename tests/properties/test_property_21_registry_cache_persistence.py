"""After a build, its branch's cache in the registry has the layers of every stage, and serves a builder without any."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings

from tests.properties.batch import BATCHED
from tests.properties.built_images import built_together
from tests.properties.cached_builds import DEPENDENCIES, MANIFEST, SOURCE, build_all, cached_builds, copies

if TYPE_CHECKING:
    from tests.properties.cached_builds import CachedBuild, Outcome


# Feature: optimized-container-infrastructure, Property 21: For any build with registry-based cache enabled, cache layers
# should be pushed to the registry after successful build completion.
@pytest.mark.property_test
@built_together(build_all)
@settings(BATCHED, max_examples=100)
@given(example=cached_builds())
def test_the_cache_of_every_stage_is_in_the_registry_and_is_used_by_the_next_builder(
    example: CachedBuild, outcome: Outcome
) -> None:
    assert outcome.manifest["mediaType"] == MANIFEST
    assert outcome.manifest["config"]["mediaType"] == "application/vnd.buildkit.cacheconfig.v0"
    # One for each file, and one for the dependencies as they are copied into the last stage.
    assert len(outcome.manifest["layers"]) == len(example.dependencies) + len(example.source) + 1
    assert outcome.present
    steps = [*copies(outcome.again, DEPENDENCIES), *copies(outcome.again, SOURCE)]
    assert len(steps) == len(example.dependencies) + len(example.source) + 1
    assert {step.cached for step in steps} == {True}
