"""A change of one service's code builds that service anew and no other: as Moorage tells, and as BuildKit builds."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moorage.build.digests import Inputs
from moorage.build.outline import outline_of
from moorage.config.loader import load_project
from tests.properties.shared_libraries import Sharing, all_services, built_anew, sharings, write_sharing, write_stack

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

REACHING = ("edit", "add", "delete", "executable", "rename", "dockerfile")
NOT_REACHING = ("touch", "readme", "test")


@dataclass(frozen=True)
class Change:
    """Services that share libraries, one of them picked, and what happens to its code."""

    sharing: Sharing
    pick: int
    how: str

    @property
    def expected(self) -> set[int]:
        """The services whose images have to be built anew."""
        return {self.pick % len(self.sharing.services)} if self.how in REACHING else set()

    def apply(self, root: Path, number: int) -> None:
        """Change the code."""
        folder = root / "apps" / f"g{number}-s{self.pick % len(self.sharing.services)}"
        main, other = folder / "src" / "main.py", folder / "src" / "other.py"
        steps: dict[str, Callable[[], object]] = {
            "edit": lambda: main.write_text(f"changed {folder}"),
            "add": lambda: (folder / "src" / "added.py").write_text("new"),
            "delete": other.unlink,
            "executable": lambda: main.chmod(0o755),
            "rename": lambda: other.rename(folder / "src" / "renamed.py"),
            "dockerfile": lambda: _append(
                folder / "Dockerfile", f"COPY apps/{folder.name}/src/main.py /app/again.py\n"
            ),
            "touch": lambda: os.utime(main, (1, 1)),
            "readme": lambda: (folder / "README.md").write_text("changed"),
            "test": lambda: (folder / "test_main.py").write_text("changed"),
        }
        assert steps.keys() == {*REACHING, *NOT_REACHING}
        steps[self.how]()


def _append(path: Path, text: str) -> None:
    path.write_text(path.read_text() + text)


# Feature: optimized-container-infrastructure, Property 27: For any code change in a monorepo, only the microservice
# containing the changed files should trigger a rebuild.
@pytest.mark.property_test
def test_a_change_of_a_services_code_rebuilds_that_service_alone(platform: None, tmp_path: Path) -> None:
    examples: list[Change] = []

    @settings(max_examples=120, database=None, deadline=None)
    @given(st.builds(Change, sharings(), st.integers(0, 9), st.sampled_from([*REACHING, *NOT_REACHING])))
    def gather(change: Change) -> None:
        examples.append(change)

    gather()
    assert len(examples) >= 100
    write_stack(tmp_path)
    for number, example in enumerate(examples):
        write_sharing(tmp_path, number, example.sharing)
        for index in range(len(example.sharing.services)):
            (tmp_path / "apps" / f"g{number}-s{index}" / "src" / "other.py").write_text("other")
    services = all_services([example.sharing for example in examples])
    assert built_anew(tmp_path, services) == set(services)
    digests = _input_digests(tmp_path)
    for number, example in enumerate(examples):
        example.apply(tmp_path, number)
    anew, new_digests = built_anew(tmp_path, services), _input_digests(tmp_path)
    for number, example in enumerate(examples):
        names = {f"g{number}-s{index}": index for index in range(len(example.sharing.services))}
        told = {index for name, index in names.items() if digests[name] != new_digests[name]}
        assert told == example.expected, f"Moorage would build {told} anew: {example}"
        really = {index for name, index in names.items() if name in anew}
        assert really == example.expected, f"BuildKit built {really} anew: {example}"


def _input_digests(root: Path) -> dict[str, str]:
    return {node.name: inputs.digest for node, inputs in Inputs(outline_of(load_project(root, "dev"))).all().items()}
