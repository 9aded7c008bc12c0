"""A build runs exactly the steps that a change reaches; all others come from the cache."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.properties.batch import BATCHED
from tests.properties.buildkit import BASE, Tree, cached_of, rebuilt
from tests.properties.built_images import built_together

if TYPE_CHECKING:
    from tests.properties.buildkit import Rebuilt


TAKE = ("COPY --from={n}_stage0 /s0 /", "COPY --from={n}_stage1 /s1 /")


@dataclass(frozen=True)
class Change:
    """Two stages of some layers each, of which some change; the image takes one file of each stage."""

    layers: tuple[int, int]
    changed: frozenset[tuple[int, int]]
    """Stage and layer."""

    def trees(self) -> tuple[Tree, Tree]:
        """Return both states."""
        before = Tree(dockerfile=self._dockerfile(), files={self.file(*layer): "before" for layer in self.all})
        return before, before.with_files(**{self.file(*layer): "after" for layer in self.changed & set(self.all)})

    @property
    def all(self) -> list[tuple[int, int]]:
        """Every layer: its stage and number."""
        return [(stage, layer) for stage in (0, 1) for layer in range(self.layers[stage])]

    @staticmethod
    def file(stage: int, layer: int) -> str:
        """Return the file that a layer is copied from."""
        return f"s{stage}l{layer}.txt"

    def copy(self, stage: int, layer: int) -> str:
        """Return the instruction of a layer."""
        return f"COPY {{n}}/{self.file(stage, layer)} /in/{{nonce}}/s{stage}l{layer}"

    @staticmethod
    def run(stage: int) -> str:
        """Return the instruction that makes a stage's result of its layers."""
        return f"RUN (cat /in/*/*; ls /in) > /s{stage}"

    def _dockerfile(self) -> str:
        lines = []
        for stage in (0, 1):
            lines.append(f"FROM {BASE} AS {{n}}_stage{stage}")
            lines += [self.copy(stage, layer) for layer in range(self.layers[stage])]
            lines.append(self.run(stage))
        return "\n".join([*lines, "FROM scratch AS {n}_image", TAKE[0], TAKE[1]]) + "\n"


CHANGES = st.builds(
    Change,
    st.tuples(st.integers(1, 4), st.integers(1, 4)),
    st.frozensets(st.tuples(st.integers(0, 1), st.integers(0, 3)), max_size=3),
)


# Feature: optimized-container-infrastructure, Property 12: For any incremental build, only layers affected by file
# changes should be rebuilt, while unaffected layers should be reused from cache.
@pytest.mark.property_test
@built_together(rebuilt("property-12", Change.trees))
@settings(BATCHED, max_examples=100)
@given(example=CHANGES)
def test_exactly_the_steps_that_a_change_reaches_are_run(example: Change, outcome: Rebuilt) -> None:
    untouched = []
    for stage in (0, 1):
        first = min((layer for at, layer in example.changed & set(example.all) if at == stage), default=99)
        for layer in range(example.layers[stage]):
            assert cached_of(outcome.first, example.copy(stage, layer)) == [False]
            assert cached_of(outcome.second, example.copy(stage, layer)) == [layer < first]
        untouched.append(first == 99)
        assert cached_of(outcome.second, example.run(stage)) == [untouched[stage]]
    assert cached_of(outcome.second, TAKE[0]) == [untouched[0]]
    assert cached_of(outcome.second, TAKE[1]) == [all(untouched)]
    assert (outcome.first.files == outcome.second.files) == all(untouched)
