"""Code of the shipped services may change as it will: their dependencies are not installed again."""

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


# Feature: optimized-container-infrastructure, Property 11: For any build where dependency files remain unchanged, the
# dependency installation layer should be loaded from cache without re-execution.
@pytest.mark.property_test
@built_together(build_all)
@settings(BATCHED, max_examples=100)
@given(example=edited())
def test_unchanged_dependencies_are_not_installed_again(example: Edited, outcome: Outcome) -> None:
    assert "install" in outcome.other.known
    assert "install" not in outcome.other.steps, f"{example.edit} installs all dependencies anew"
    assert outcome.other.files[example.installed] == outcome.first.files[example.installed]
