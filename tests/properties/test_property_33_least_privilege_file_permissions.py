"""What a check of images says of rights is what GNU find says of the file system that BuildKit itself exports."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings

from tests.properties.batch import BATCHED
from tests.properties.built_images import built_together
from tests.properties.image_contents import build_all, contents

if TYPE_CHECKING:
    from tests.properties.image_contents import Contents, Judged


# Feature: optimized-container-infrastructure, Property 33: For any file in the production image, permissions should be
# set to the minimum required for operation (no unnecessary write or execute permissions).
@pytest.mark.property_test
@built_together(build_all)
@settings(BATCHED, max_examples=100)
@given(example=contents())
def test_every_right_that_is_not_needed_is_found_and_no_other(example: Contents, outcome: Judged) -> None:
    assert {rule: outcome.outcome.paths(rule) for rule in outcome.rights} == outcome.rights
