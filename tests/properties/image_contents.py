"""What generated images hold: files of a running service, and among them what has no place in production."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from moorage.scan.finding import Expectation
from tests.properties.batch import once
from tests.properties.built_images import USER, Node, Recipe, build, forget, run
from tests.properties.image_rights import DECLARED, Rights, rights, said_by_find
from tests.properties.unwanted import BUILDERS, LEFT_OVER

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

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
    """Files that a service runs with, files that it does not, and which of these a later layer removes.

    Some more have any rights: images are judged by their contents and by these.
    """

    useful: tuple[str, ...]
    planted: tuple[tuple[str, str], ...]
    """Rule and path."""
    removed: frozenset[str]
    together: bool
    """Whether all are in one layer."""
    rights: Rights

    def left(self, rules: Iterable[str]) -> set[tuple[str, str]]:
        """Return what of the planted files the image's file system still has, of those that break some rules."""
        there = {(rule, path) for rule, path in self.planted if path not in self.removed} | self.rights.temporary
        return {(rule, path) for rule, path in there if rule in rules}

    def recipe(self) -> Recipe:
        """Return how the image is built."""
        useful = [node(path) for path in self.useful]
        planted = [node(path) for _, path in self.planted]
        layers = [[*useful, *planted, *self.rights.nodes]] if self.together else [useful, planted, self.rights.nodes]
        removals = [run("rm", "-rf", *sorted(self.removed))] if self.removed else []
        expectation = Expectation(user=USER, port=8000, writable_paths=(DECLARED,))
        return Recipe(layers=layers, instructions=removals, expectation=expectation)


def node(path: str) -> Node:
    """Return a file: a script where it lies among programs, else data."""
    return (
        Node(path=path, mode=0o755, content=b"#!/app/run\n") if "/bin/" in path or "/sbin/" in path else Node(path=path)
    )


def contents() -> st.SearchStrategy[Contents]:
    """Return a strategy for images, of whatever is useful, unwanted, or has any rights."""
    patterns = [(rule, pattern) for rule, found in {**BUILDERS, **LEFT_OVER}.items() for pattern in found]
    useful = st.lists(
        st.builds(str.format, st.sampled_from(_PLACES), WORD), min_size=1, max_size=6, unique=True
    )  # whatever is drawn is of use
    bad = st.lists(
        st.builds(lambda choice, word: (choice[0], choice[1].format(word)), st.sampled_from(patterns), WORD),
        max_size=12,
        unique_by=lambda entry: entry[1],
    ).map(_side_by_side)

    def some(
        useful: list[str], bad: list[tuple[str, str]], removed: list[bool], *, together: bool, rights: Rights
    ) -> Contents:
        gone = frozenset(path for (_, path), remove in zip(bad, removed, strict=False) if remove)
        return Contents(useful=tuple(useful), planted=tuple(bad), removed=gone, together=together, rights=rights)

    return st.builds(some, useful, bad, st.lists(st.booleans(), max_size=5), together=st.booleans(), rights=rights())


def _side_by_side(bad: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the entries without those in whose place another has its folder."""
    return [(rule, path) for rule, path in bad if not any(other.startswith(f"{path}/") for _, other in bad)]


@dataclass(frozen=True)
class Judged:
    """What the check said of an image, and what GNU find says of its rights."""

    outcome: Outcome
    rights: dict[str, set[str]]

    def found(self, rules: Iterable[str]) -> set[tuple[str, str]]:
        """Return rule and path of what was found against some rules."""
        return {(finding.rule, finding.path) for finding in self.outcome.findings if finding.rule in rules}


@once
def build_all(bench: Workbench, examples: Sequence[Contents]) -> list[Judged]:
    """Build all examples, check them, and ask GNU find about each."""
    try:
        outcomes = build(bench, [example.recipe() for example in examples], "contents", export=True)
        return [Judged(outcome, said_by_find(outcome)) for outcome in outcomes]
    finally:
        forget(bench, "contents")
