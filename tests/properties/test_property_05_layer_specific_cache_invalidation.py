"""The shipped services' dependencies are installed anew where their lock file says something else, and nowhere else."""

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


# Feature: optimized-container-infrastructure, Property 5: For any dependency file change (package.json,
# requirements.txt), only the dependency installation layer should be rebuilt, preserving cache for unchanged layers.
@pytest.mark.property_test
@built_together(build_all)
@settings(BATCHED, max_examples=100)
@given(example=edited())
def test_a_changed_dependency_file_rebuilds_the_dependency_layer_alone(example: Edited, outcome: Outcome) -> None:
    assert "install" in outcome.first.steps
    assert "install" in outcome.dependencies.steps
    apart = {"compile library", "compile source"} & outcome.dependencies.known
    assert bool(apart) == (example.service != "frontend")
    assert not apart & outcome.dependencies.steps, "what does not depend on them was built anew"
    assert "install" not in outcome.other.steps, f"{example.edit} installs all dependencies anew"
