"""On a fresh builder, the cache of the branch and of main is looked up before any step; what it has is not run again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings

from moorage.components.naming import tag_name
from moorage.components.service_image import MAIN_BRANCH
from tests.properties.batch import BATCHED
from tests.properties.built_images import built_together
from tests.properties.cached_builds import DEPENDENCIES, SOURCE, build_all, cached_builds, copies

if TYPE_CHECKING:
    from tests.properties.cached_builds import CachedBuild, Outcome


# Feature: optimized-container-infrastructure, Property 20: For any CI/CD build, the build process should attempt to load
# cache from previous builds before executing build steps.
@pytest.mark.property_test
@built_together(build_all)
@settings(BATCHED, max_examples=100)
@given(example=cached_builds())
def test_a_fresh_builder_asks_both_caches_first_and_runs_only_what_neither_has(
    example: CachedBuild, outcome: Outcome
) -> None:
    imports = {step.name.rpartition(":")[2]: step for step in outcome.steps if step.name.startswith("importing cache")}
    assert set(imports) == {tag_name(example.branch), tag_name(MAIN_BRANCH)}
    dependencies, source = copies(outcome.steps, DEPENDENCIES), copies(outcome.steps, SOURCE)
    assert (len(dependencies), len(source)) == (len(example.dependencies), len(example.source) + 1)
    assert max(step.started for step in imports.values()) < min(step.started for step in [*dependencies, *source])
    known = bool(example.before)
    assert {step.cached for step in dependencies} == {known}
    # The first of these copies the dependencies: cheap, and with an imported cache BuildKit does it again where a step
    # after it is new.
    _, *own = sorted(source, key=lambda step: step.name)
    assert {step.cached for step in own} == {known and not example.changed}
