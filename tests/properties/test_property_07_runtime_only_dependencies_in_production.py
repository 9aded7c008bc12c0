"""A check of images names every program and package that only builds and developers use, and nothing else."""

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
    "no-compilers": [
        "/usr/bin/gcc",
        "/usr/bin/x86_64-linux-gnu-g++-14",
        "/usr/local/bin/cmake",
        "/usr/bin/make",
        "/usr/local/go/bin/go",
        "/usr/bin/ld.gold",
        "/opt/{}/bin/rustc",
        "/usr/bin/strip",
    ],
    "no-package-managers": [
        "/usr/bin/apt-get",
        "/usr/bin/dpkg",
        "/usr/local/bin/pip3.13",
        "/usr/local/bin/uv",
        "/usr/local/bin/npx",
        "/sbin/apk",
        "/usr/lib/python3/dist-packages/pip/{}.py",
        "/app/packages/setuptools-80.9.0.dist-info/{}",
        "/usr/local/lib/node_modules/npm/lib/{}.js",
    ],
    "no-shells": ["/bin/sh", "/usr/bin/bash", "/usr/bin/dash", "/opt/{}/bin/busybox"],
    "no-development-packages": [
        "/app/packages/pytest/{}.py",
        "/app/packages/_pytest/{}.py",
        "/app/packages/mypy-1.18.2.dist-info/{}",
        "/app/node_modules/typescript/lib/{}.js",
        "/app/node_modules/@types/{}/package.json",
        "/app/node_modules/vitest/{}.js",
    ],
    "no-tests": [
        "/app/packages/{}/tests/helper.py",
        "/app/source/test_{}.py",
        "/app/source/{}_test.py",
        "/app/source/conftest.py",
        "/usr/share/nginx/html/{}.test.js",
        "/app/__tests__/{}.js",
    ],
}


# Feature: optimized-container-infrastructure, Property 7: For any production image, the final image should contain only
# runtime dependencies and exclude all build-time and development dependencies.
@pytest.mark.property_test
@built_together(built("property-07"))
@settings(BATCHED, max_examples=100)
@given(example=contents(PLANTED))
def test_exactly_what_a_service_does_not_run_with_is_found(example: Contents, outcome: Outcome) -> None:
    found = {(finding.rule, finding.path) for finding in outcome.findings if finding.rule in PLANTED}
    assert found == example.left
