"""Layers that change rarely come before those that change often; the linter says where not, and builds prove it."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings

from tests.properties.layering import DEPENDENCIES, SOURCE, STEPS, Builds, Layered, layered, linted, out_of_order
from tests.support.stack import moorage

if TYPE_CHECKING:
    from pathlib import Path

BUILT = 100
"""Examples that are really built."""
BUILT_AT_LEAST = 20
"""Of these, with their steps in order and out of order."""


# Feature: optimized-container-infrastructure, Property 10: For any Dockerfile, layers containing frequently changing
# content (application code) should appear after layers containing rarely changing content (system packages,
# dependencies).
@pytest.mark.property_test
def test_layers_that_change_often_come_after_those_that_change_rarely(tmp_path: Path) -> None:
    examples: list[Layered] = []

    @settings(max_examples=300, database=None, deadline=None)
    @given(example=layered())
    def judged(example: Layered) -> None:
        assert linted(example) == out_of_order(example)
        examples.append(example)

    judged()
    assert len(examples) >= 100
    _are_right_about_real_builds(_picked(examples), tmp_path)


def _picked(examples: list[Layered]) -> list[Layered]:
    """Return different examples, some in order and some that are not."""
    picked = list(dict.fromkeys(example for example in examples if any(example.chains())))[-BUILT:]
    misplaced = sum(bool(out_of_order(example)) for example in picked)
    assert len(picked) == BUILT
    assert BUILT_AT_LEAST <= misplaced <= BUILT - BUILT_AT_LEAST
    return picked


def _are_right_about_real_builds(examples: list[Layered], folder: Path) -> None:
    moorage("platform", "start")
    builds = Builds(folder, examples, uuid.uuid4().hex)
    first = builds.run()
    builds.change(SOURCE, "changed")
    after_source = builds.run()
    builds.change(DEPENDENCIES, "changed")
    after_dependencies = builds.run()
    for example, ran, source, dependencies in zip(examples, first, after_source, after_dependencies, strict=True):
        steps = dict(step for chain in example.chains() for step in chain)
        built = {number for number, _ in example.chains()[-1]}
        assert built <= ran, f"not all was built: {example}"
        again = {number for number in source & built if STEPS[steps[number]][0] < SOURCE}
        again |= {number for number in dependencies & built if STEPS[steps[number]][0] < DEPENDENCIES}
        misplaced = out_of_order(example) & built
        assert again == misplaced, f"{example}\nran after source {source}, after dependencies {dependencies}"
