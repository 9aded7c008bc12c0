"""What changes in a folder of the checkout changes in the pods that are developed, and the other way round."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings

from tests.properties.batch import BATCHED
from tests.properties.developed_pod import DevelopedPod
from tests.properties.file_changes import sequences
from tests.properties.pods import node, run_together

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.properties.developed_pod import Seen
    from tests.properties.file_changes import Change


def _all(examples: Sequence[Sequence[Change]]) -> Sequence[Seen]:
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory(prefix="property-06-") as folder, node("property-06") as where:
        return DevelopedPod(where, Path(folder)).run(examples)


# Feature: optimized-container-infrastructure, Property 6: For any file modification in a volume-mounted directory, the
# change should be visible in both host and container filesystems immediately.
@pytest.mark.property_test
@run_together(_all)
@settings(BATCHED, max_examples=100)
@given(example=sequences)
def test_a_change_on_either_side_is_visible_on_both(example: tuple[Change, ...], outcome: Seen) -> None:
    assert outcome.wanted, example
    assert outcome.host == outcome.wanted
    assert outcome.container == outcome.wanted
