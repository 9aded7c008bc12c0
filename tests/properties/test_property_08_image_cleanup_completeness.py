"""A check of images names every cache, temporary file and build artifact that is left over, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings

from tests.properties.batch import BATCHED
from tests.properties.built_images import built_together
from tests.properties.image_contents import build_all, contents
from tests.properties.unwanted import LEFT_OVER

if TYPE_CHECKING:
    from tests.properties.image_contents import Contents, Judged


# Feature: optimized-container-infrastructure, Property 8: For any optimized image, the image should not contain
# temporary files, package manager caches, or build artifacts.
@pytest.mark.property_test
@built_together(build_all)
@settings(BATCHED, max_examples=100)
@given(example=contents())
def test_exactly_what_a_build_leaves_over_is_found(example: Contents, outcome: Judged) -> None:
    assert outcome.found(LEFT_OVER) == example.left(LEFT_OVER)
