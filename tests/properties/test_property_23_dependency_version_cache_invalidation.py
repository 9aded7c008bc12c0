"""Another version of one dependency installs the dependencies anew, and the image has the new version."""

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
    """An application in which one package is to have a certain version, which may be the one that it has."""

    before: Application
    pick: int
    version: str

    def trees(self) -> tuple[Tree, Tree]:
        """Return both states."""
        return self.before.tree(), self.after.tree()

    @property
    def after(self) -> Application:
        """The application with the version set."""
        name = sorted(self.before.packages)[self.pick % len(self.before.packages)]
        packages = {key: self.version if key == name else value for key, value in self.before.packages.items()}
        return replace(self.before, packages=packages)


CHANGES = st.builds(Change, applications(), st.integers(0, 9), VERSIONS)


# Feature: optimized-container-infrastructure, Property 23: For any dependency version change in package.json or
# requirements.txt, the dependency cache should be invalidated and dependencies reinstalled.
@pytest.mark.property_test
@built_together(rebuilt("property-23", Change.trees))
@settings(BATCHED, max_examples=100)
@given(example=CHANGES)
def test_another_version_of_a_dependency_is_installed(example: Change, outcome: Rebuilt) -> None:
    app = example.after
    same = app.packages == example.before.packages
    assert cached_of(outcome.second, app.declare, app.install) == [same, same]
    installed = {path: text for path, text in outcome.second.files.items() if path.endswith("/VERSION")}
    assert installed == app.installed()
