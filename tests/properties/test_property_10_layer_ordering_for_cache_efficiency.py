"""Layers that change rarely come before those that change often; the linter says where not, and builds prove it."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, seed, settings

from tests.properties.batch import SEED
from tests.properties.layering import (
    DEPENDENCIES,
    SOURCE,
    STEPS,
    Builds,
    Layered,
    in_order_of_need,
    layered,
    linted,
    out_of_order,
)

if TYPE_CHECKING:
    from pathlib import Path

BUILT = 50
"""Examples that are really built, of those with their steps in order and of those out of order."""


# Feature: optimized-container-infrastructure, Property 10: For any Dockerfile, layers containing frequently changing
# content (application code) should appear after layers containing rarely changing content (system packages,
# dependencies).
@pytest.mark.property_test
def test_layers_that_change_often_come_after_those_that_change_rarely(platform: None, tmp_path: Path) -> None:
    examples: list[Layered] = []

    @seed(SEED)
    @settings(max_examples=400, database=None, deadline=None)
    @given(example=layered())
    def judged(example: Layered) -> None:
        assert linted(example) == out_of_order(example)
        examples.append(example)

    judged()
    assert len(examples) >= 100
    _are_right_about_real_builds(_picked(examples), tmp_path)


def _picked(examples: list[Layered]) -> list[Layered]:
    """Return different examples, half of them in order and half that are not."""
    known = list(dict.fromkeys(example for example in examples if any(example.chains())))
    misplaced = [example for example in known if out_of_order(example)][-BUILT:]
    ordered = [example for example in known if not out_of_order(example)][-BUILT:]
    assert (len(misplaced), len(ordered)) == (BUILT, BUILT)
    return [*misplaced, *ordered]


def _are_right_about_real_builds(examples: list[Layered], folder: Path) -> None:
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
        assert again - in_order_of_need(example) == misplaced - in_order_of_need(example), (
            f"{example}\nran after source {source}, after dependencies {dependencies}"
        )
