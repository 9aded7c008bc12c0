"""A build of a shipped service runs exactly the steps that an edit reaches; all others come from the cache."""

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

DEPENDENCIES = {
    "python": {"export", "take lock", "install", "take dependencies", "take library", "take source"},
    "npm": {"install", "page", "take page"},
}
"""Steps that an edit of the dependencies reaches, copies of the context aside."""
SOURCE = frozenset({"compile source", "take source", "page", "take page"})
REACHED = {
    **dict.fromkeys(("edit", "add", "delete", "rename"), SOURCE),
    "library": {"compile library", "take library", "take source"},
    **dict.fromkeys(("other package", "tools", "comment"), frozenset({"export"})),
    "page": {"page", "take page"},
    "nothing": set[str](),
}
"""Steps that any other edit reaches, of those that the service has."""


# Feature: optimized-container-infrastructure, Property 12: For any incremental build, only layers affected by file
# changes should be rebuilt, while unaffected layers should be reused from cache.
@pytest.mark.property_test
@built_together(build_all)
@settings(BATCHED, max_examples=100)
@given(example=edited())
def test_exactly_the_steps_that_a_change_reaches_are_run(example: Edited, outcome: Outcome) -> None:
    known = {step for step in outcome.first.known if not step.startswith("copy ")}
    assert {step for step in outcome.first.steps if not step.startswith("copy ")} == known
    kind = "npm" if example.service == "frontend" else "python"
    assert outcome.dependencies.steps & known == DEPENDENCIES[kind]
    assert outcome.other.steps & known == REACHED[example.edit] & known
