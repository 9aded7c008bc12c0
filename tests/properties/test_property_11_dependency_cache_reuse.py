"""Code may change as it will: the layer of dependencies is not installed again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.properties.batch import BATCHED
from tests.properties.buildkit import CONTENT, NAMES, Application, applications, cached_of, rebuilt
from tests.properties.built_images import built_together

if TYPE_CHECKING:
    from tests.properties.buildkit import Rebuilt, Tree


@dataclass(frozen=True)
class Change:
    """An application and its code after a change."""

    before: Application
    source: dict[str, str]

    def trees(self) -> tuple[Tree, Tree]:
        """Return both states."""
        return self.before.tree(), replace(self.before, source=self.source).tree()


CHANGES = st.builds(Change, applications(), st.dictionaries(NAMES, CONTENT, min_size=1, max_size=3))


# Feature: optimized-container-infrastructure, Property 11: For any build where dependency files remain unchanged, the
# dependency installation layer should be loaded from cache without re-execution.
@pytest.mark.property_test
@built_together(rebuilt("property-11", Change.trees))
@settings(BATCHED, max_examples=100)
@given(example=CHANGES)
def test_unchanged_dependencies_are_not_installed_again(example: Change, outcome: Rebuilt) -> None:
    app = example.before
    assert cached_of(outcome.first, app.install) == [False]
    assert cached_of(outcome.second, app.prepare, app.declare, app.install) == [True, True, True]
    assert cached_of(outcome.second, app.code) == [example.source == app.source]
    assert app.installed().items() <= outcome.second.files.items()
    assert {f"/src/{name}": text for name, text in example.source.items()}.items() <= outcome.second.files.items()
