"""A check of images names every program and package that only builds and developers use, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings

from tests.properties.batch import BATCHED
from tests.properties.built_images import built_together
from tests.properties.image_contents import build_all, contents
from tests.properties.unwanted import BUILDERS

if TYPE_CHECKING:
    from tests.properties.image_contents import Contents, Judged


# Feature: optimized-container-infrastructure, Property 7: For any production image, the final image should contain only
# runtime dependencies and exclude all build-time and development dependencies.
@pytest.mark.property_test
@built_together(build_all)
@settings(BATCHED, max_examples=100)
@given(example=contents())
def test_exactly_what_a_service_does_not_run_with_is_found(example: Contents, outcome: Judged) -> None:
    assert outcome.found(BUILDERS) == example.left(BUILDERS)
