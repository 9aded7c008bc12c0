"""A check of images names every cache, temporary file and build artifact that is left over, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings

from tests.properties.batch import BATCHED
from tests.properties.built_images import built_together
from tests.properties.image_contents import built, contents

if TYPE_CHECKING:
    from tests.properties.built_images import Outcome
    from tests.properties.image_contents import Contents

PLANTED = {
    "no-caches": [
        "/var/cache/apt/archives/{}",
        "/var/lib/apt/lists/{}_Packages",
        "/var/cache/ldconfig/{}",
        "/root/.cache/pip/{}",
        "/root/.cache/uv/archive/{}",
        "/root/.npm/{}",
        "/app/.npm/_cacache/{}",
        "/app/.pytest_cache/{}",
        "/app/{}/.mypy_cache/index",
    ],
    "no-temporary-files": [
        "/tmp/{}",
        "/var/tmp/{}/x",
        "/app/{}.tmp",
        "/app/{}.py~",
        "/app/.{}.swp",
        "/etc/{}.orig",
        "/app/.DS_Store",
        "/var/log/{}.log",
        "/root/.bash_history",
    ],
    "no-build-artifacts": [
        "/app/{}.o",
        "/usr/lib/lib{}.a",
        "/usr/include/{}.h",
        "/app/packages/{}/native.c",
        "/app/packages/{}/types.pyi",
        "/app/{}.whl",
        "/opt/{}.deb",
        "/app/.git/{}",
        "/app/package-lock.json",
        "/app/{}/Makefile",
        "/app/{}.tsbuildinfo",
    ],
}


# Feature: optimized-container-infrastructure, Property 8: For any optimized image, the image should not contain
# temporary files, package manager caches, or build artifacts.
@pytest.mark.property_test
@built_together(built("property-08"))
@settings(BATCHED, max_examples=100)
@given(example=contents(PLANTED))
def test_exactly_what_a_build_leaves_over_is_found(example: Contents, outcome: Outcome) -> None:
    found = {(finding.rule, finding.path) for finding in outcome.findings if finding.rule in PLANTED}
    assert found == example.left
