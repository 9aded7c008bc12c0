"""What a check of images says of rights is what GNU find says of the file system that BuildKit itself exports."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moorage.scan.finding import Expectation
from tests.properties.batch import BATCHED
from tests.properties.built_images import USER, Node, Recipe, build, built_together, forget

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.properties.built_images import Outcome
    from tests.support.workbench import Workbench

DECLARED = "/data"
_FOLDERS = ("/app", "/data", "/data/deep", "/etc/app", "/usr/bin", "/run/app", "/tmp")
_CONTENTS = (b"#!/app/run\n", b"\x7fELF", b"{}", b"", b"# a comment\n")
_MODES = st.one_of(
    st.sampled_from([0o644, 0o755, 0o600, 0o444, 0o555]),
    st.integers(min_value=0, max_value=0o7777).map(lambda m: m | 0o400),
)


@dataclass(frozen=True, kw_only=True)
class Rights:
    """Files and folders with any rights and owners."""

    nodes: tuple[Node, ...]

    def recipe(self) -> Recipe:
        """Return how the image is built."""
        expectation = Expectation(user=USER, port=8000, writable_paths=(DECLARED,))
        return Recipe(layers=[self.nodes], expectation=expectation)


def _nodes() -> st.SearchStrategy[tuple[Node, ...]]:
    owners = st.sampled_from([0, 0, USER, 500])
    folders = st.builds(
        Node, path=st.sampled_from(_FOLDERS), mode=_MODES.map(lambda m: m | 0o700), uid=owners, folder=st.just(True)
    )
    files = st.builds(
        Node,
        path=st.builds("{}/{}".format, st.sampled_from(_FOLDERS), st.sampled_from(["a", "b.json", "c.sh", "lib.so"])),
        mode=_MODES,
        uid=owners,
        content=st.sampled_from(_CONTENTS),
    )
    return st.builds(
        lambda some, more: (*some, *more),
        st.lists(folders, max_size=4, unique_by=lambda n: n.path),
        st.lists(files, min_size=1, max_size=6, unique_by=lambda n: n.path),
    )


def build_all(bench: Workbench, examples: Sequence[Rights]) -> list[tuple[Outcome, dict[str, set[str]]]]:
    """Build all examples and ask GNU find about each."""
    try:
        outcomes = build(bench, [example.recipe() for example in examples], "property-33", export=True)
        return [(outcome, _expected(outcome)) for outcome in outcomes]
    finally:
        forget(bench, "property-33")


def _expected(outcome: Outcome) -> dict[str, set[str]]:
    """Return what find says, by rule."""
    temporary = {path for folder in ("/tmp", "/var/tmp") for path in [folder]}
    sticky = _find(outcome, "-type", "d", "-perm", "-1000") & temporary
    shared = _find(outcome, "!", "-type", "l", "-perm", "/0022") - sticky
    own = _find(outcome, "!", "-type", "l", "-uid", str(USER))
    allowed = {path for path in own if f"{path}/".startswith((f"{DECLARED}/", "/tmp/", "/var/tmp/"))}
    programs = {
        path
        for path in _find(outcome, "-type", "f", "-perm", "/0111")
        if not (outcome.root / path.lstrip("/")).read_bytes().startswith((b"#!", b"\x7fELF"))
    }
    return {
        "no-setuid": _find(outcome, "!", "-type", "l", "-perm", "/6000"),
        "no-shared-writes": shared,
        "no-writes-at-run-time": own - allowed - shared,
        "no-needless-execution": programs,
    }


def _find(outcome: Outcome, *expression: str) -> set[str]:
    # BuildKit's export has these three, which are mount points and no part of the image.
    leave = ["(", "-path", "./dev", "-o", "-path", "./proc", "-o", "-path", "./sys", ")", "-prune", "-o"]
    command = ["find", ".", "-mindepth", "1", *leave, *expression, "-print"]
    result = subprocess.run(command, cwd=outcome.root, capture_output=True, text=True, check=True)
    return {line.removeprefix(".") for line in result.stdout.splitlines()}


# Feature: optimized-container-infrastructure, Property 33: For any file in the production image, permissions should be
# set to the minimum required for operation (no unnecessary write or execute permissions).
@pytest.mark.property_test
@built_together(build_all)
@settings(BATCHED, max_examples=100)
@given(example=st.builds(Rights, nodes=_nodes()))
def test_every_right_that_is_not_needed_is_found_and_no_other(
    example: Rights, outcome: tuple[Outcome, dict[str, set[str]]]
) -> None:
    checked, expected = outcome
    assert {rule: checked.paths(rule) for rule in expected} == expected
