"""The key under which an image counts as built is made of the content of its dependency files, and of nothing beside."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moorage.build.digests import Inputs
from moorage.build.outline import outline_of
from moorage.config.loader import load_project
from tests.properties.shared_libraries import Sharing, write_sharing, write_stack

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FILES = ("requirements.txt", "package.json", "package-lock.json", "pyproject.toml")
CONTENTS = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=40)
STATES = st.dictionaries(st.sampled_from(FILES), CONTENTS, max_size=4)
PAIRS = STATES.flatmap(
    lambda before: st.tuples(
        st.just(before), st.one_of(st.just(before), STATES, STATES.map(lambda more: {**before, **more}))
    )
)
ALONE = Sharing(services=(frozenset(),), lib=0, change="edit")


def write(root: Path, states: list[Mapping[str, str]], mode: int, mtime: int) -> None:
    """Write one service for each state of dependency files, all with the same mode and time."""
    write_stack(root)
    for number, state in enumerate(states):
        write_sharing(root, number, ALONE)
        folder = root / "apps" / f"g{number}-s0"
        for name, content in state.items():
            (folder / name).write_text(content)
        allowed = "".join(f"!apps/g{number}-s0/{name}\n" for name in FILES)
        (folder / "Dockerfile.dockerignore").write_text(f"*\n{allowed}")
    for path in root.rglob("*"):
        if path.is_file():
            path.chmod(mode)
            os.utime(path, (mtime, mtime))


def keys(root: Path) -> list[str]:
    """Return the input digest of each service, by number."""
    found = {node.name: inputs.digest for node, inputs in Inputs(outline_of(load_project(root, "dev"))).all().items()}
    return [found[f"g{number}-s0"] for number in range(len(found))]


# Feature: optimized-container-infrastructure, Property 22: For any cache key generation, the key should be derived from
# content hashes of dependency files to ensure cache invalidation on changes.
@pytest.mark.property_test
def test_a_cache_key_is_the_same_exactly_as_long_as_the_dependency_files_are(tmp_path: Path) -> None:
    pairs: list[tuple[dict[str, str], dict[str, str]]] = []

    @settings(max_examples=150, database=None, deadline=None)
    @given(PAIRS)
    def gather(pair: tuple[dict[str, str], dict[str, str]]) -> None:
        pairs.append(pair)

    gather()
    assert len(pairs) >= 100
    # Another machine: another place, other times and another umask.
    write(tmp_path / "here", [before for before, _ in pairs], mode=0o644, mtime=1_700_000_000)
    write(tmp_path / "there", [after for _, after in pairs], mode=0o600, mtime=1_800_000_000)
    here, there = keys(tmp_path / "here"), keys(tmp_path / "there")
    for (before, after), first, second in zip(pairs, here, there, strict=True):
        assert (first == second) == (before == after), (before, after)
    # And in one place, from what was remembered of the state before.
    write(tmp_path / "here", [after for _, after in pairs], mode=0o644, mtime=1_700_000_000)
    for number, (before, after) in enumerate(pairs):
        for name in before.keys() - after.keys():
            (tmp_path / "here" / "apps" / f"g{number}-s0" / name).unlink()
    assert keys(tmp_path / "here") == there
