"""A changed dependency file rebuilds the dependency layer and what follows from it, and nothing before it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.properties.batch import BATCHED
from tests.properties.buildkit import VERSIONS, Application, applications, cached_of, rebuilt
from tests.properties.built_images import built_together

if TYPE_CHECKING:
    from tests.properties.buildkit import Rebuilt, Tree


@dataclass(frozen=True)
class Change:
    """An application whose dependency file gains a package."""

    before: Application
    name: str
    version: str

    def trees(self) -> tuple[Tree, Tree]:
        """Return both states."""
        return self.before.tree(), self.after.tree()

    @property
    def after(self) -> Application:
        """The application with one more package."""
        return replace(self.before, packages={**self.before.packages, self.name: self.version})


CHANGES = st.builds(Change, applications(), st.sampled_from(["habcdefg", "bcdefgha"]), VERSIONS)


# Feature: optimized-container-infrastructure, Property 5: For any dependency file change (package.json,
# requirements.txt), only the dependency installation layer should be rebuilt, preserving cache for unchanged layers.
@pytest.mark.property_test
@built_together(rebuilt("property-05", Change.trees))
@settings(BATCHED, max_examples=100)
@given(example=CHANGES)
def test_a_changed_dependency_file_rebuilds_from_the_dependency_layer_on(example: Change, outcome: Rebuilt) -> None:
    app = example.after
    assert cached_of(outcome.first, app.prepare, app.install) == [False, False]
    assert cached_of(outcome.second, app.prepare) == [True]
    assert cached_of(outcome.second, app.declare, app.install, app.take) == [False, False, False]
    assert app.installed().items() <= outcome.second.files.items()
