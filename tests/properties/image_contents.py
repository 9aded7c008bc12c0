"""What generated images hold: files of a running service, and among them what has no place in production."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from tests.properties.built_images import Node, Recipe, build, forget, run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tests.properties.built_images import Outcome
    from tests.support.workbench import Workbench

WORD = st.text(alphabet="abcdefghijklmnopqrstuvwxyz", min_size=3, max_size=9).map(lambda word: f"q{word}")
"""Begins with a letter that no program and no folder of those that are looked for begins with."""
_PLACES = (
    "/app/packages/{}/__init__.py",
    "/app/source/{}.py",
    "/usr/lib/x86_64-linux-gnu/lib{}.so.1",
    "/usr/share/nginx/html/assets/{}.js",
    "/usr/share/doc/{}/copyright",
    "/etc/{}/settings.conf",
    "/usr/bin/{}",
    "/opt/{}/data.json",
)


@dataclass(frozen=True, kw_only=True)
class Contents:
    """Files that a service runs with, files that it does not, and which of these a later layer removes."""

    useful: tuple[str, ...]
    planted: tuple[tuple[str, str], ...]
    """Rule and path."""
    removed: frozenset[str]
    together: bool
    """Whether all are in one layer."""

    @property
    def left(self) -> set[tuple[str, str]]:
        """What of the planted files the image's file system still has."""
        return {(rule, path) for rule, path in self.planted if path not in self.removed}

    def recipe(self) -> Recipe:
        """Return how the image is built."""
        useful = [node(path) for path in self.useful]
        planted = [node(path) for _, path in self.planted]
        layers = [[*useful, *planted]] if self.together else [useful, planted]
        removals = [run("rm", "-rf", *sorted(self.removed))] if self.removed else []
        return Recipe(layers=layers, instructions=removals)


def node(path: str) -> Node:
    """Return a file: a script where it lies among programs, else data."""
    return (
        Node(path=path, mode=0o755, content=b"#!/app/run\n") if "/bin/" in path or "/sbin/" in path else Node(path=path)
    )


def contents(planted: Mapping[str, Sequence[str]]) -> st.SearchStrategy[Contents]:
    """Return a strategy; ``planted`` has patterns of paths for each rule, ``{}`` standing for a word."""
    patterns = [(rule, pattern) for rule, found in planted.items() for pattern in found]
    useful = st.lists(
        st.builds(str.format, st.sampled_from(_PLACES), WORD), min_size=1, max_size=6, unique=True
    )  # whatever is drawn is of use
    bad = st.lists(
        st.builds(lambda choice, word: (choice[0], choice[1].format(word)), st.sampled_from(patterns), WORD),
        max_size=5,
        unique_by=lambda entry: entry[1],
    )

    def some(useful: list[str], bad: list[tuple[str, str]], removed: list[bool], *, together: bool) -> Contents:
        gone = frozenset(path for (_, path), remove in zip(bad, removed, strict=False) if remove)
        return Contents(useful=tuple(useful), planted=tuple(bad), removed=gone, together=together)

    return st.builds(some, useful, bad, st.lists(st.booleans(), max_size=3), together=st.booleans())


def built(name: str, *, export: bool = False) -> Callable[[Workbench, Sequence[Contents]], list[Outcome]]:
    """Return what builds all examples under a repository's name."""

    def build_all(bench: Workbench, examples: Sequence[Contents]) -> list[Outcome]:
        try:
            return build(bench, [example.recipe() for example in examples], name, export=export)
        finally:
            forget(bench, name)

    return build_all
