"""Another version, file or set of packages in the shipped services' lock files is what is installed then."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings

from tests.properties.batch import BATCHED
from tests.properties.built_images import built_together
from tests.properties.edits import edited
from tests.properties.shipped import build_all

if TYPE_CHECKING:
    from tests.properties.edits import Edited
    from tests.properties.shipped import Outcome


# Feature: optimized-container-infrastructure, Property 23: For any dependency version change in package.json or
# requirements.txt, the dependency cache should be invalidated and dependencies reinstalled.
@pytest.mark.property_test
@built_together(build_all)
@settings(BATCHED, max_examples=100)
@given(example=edited())
def test_another_version_of_a_dependency_is_installed(example: Edited, outcome: Outcome) -> None:
    assert "install" in outcome.dependencies.steps
    before, after = (run.files[example.installed] for run in (outcome.first, outcome.dependencies))
    assert before != after
    assert [(text in before, text in after) for text in example.gained()] == [(False, True)] * len(example.gained())
    assert [(text in before, text in after) for text in example.lost()] == [(True, False)] * len(example.lost())
