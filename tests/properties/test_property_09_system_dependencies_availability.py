"""What a check of images says of missing libraries is what the dynamic loader itself says inside the image."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.properties.batch import BATCHED
from tests.properties.built_images import Recipe, build, built_together, forget

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.properties.built_images import Outcome
    from tests.support.workbench import Workbench

FOLDER = "/usr/lib/x86_64-linux-gnu"
PROGRAMS = ("cat", "ls", "cp", "expr", "sort", "sed", "grep", "tar", "dash", "gzip")
LIBRARIES = (
    "libacl.so.1",
    "libattr.so.1",
    "libc.so.6",
    "libcap.so.2",
    "libcrypto.so.3",
    "libgmp.so.10",
    "libm.so.6",
    "libpcre2-8.so.0",
    "libselinux.so.1",
    "libsystemd.so.0",
    "libz.so.1",
    "libzstd.so.1",
)
LOADER = "/lib64/ld-linux-x86-64.so.2"


@dataclass(frozen=True, kw_only=True)
class Programs:
    """Programs, and those libraries that are put beside them."""

    programs: tuple[str, ...]
    libraries: tuple[str, ...]
    loader: bool

    def recipe(self) -> Recipe:
        """Return how the image is built: in layers that the examples share, as each stands by itself."""
        copies = [f"COPY --link --from=tools {' '.join(f'/usr/bin/{name}' for name in self.programs)} /usr/bin/"]
        copies += [f"COPY --link --from=tools {FOLDER}/{name} {FOLDER}/" for name in self.libraries]
        copies += [f"COPY --link --from=tools {FOLDER}/ld-linux-x86-64.so.2 {LOADER}"] if self.loader else []
        return Recipe(layers=[[]], instructions=copies)


@st.composite
def programs(draw: st.DrawFn) -> Programs:
    """Draw some programs; in most examples all but a few libraries are there."""
    left_out = draw(st.sets(st.sampled_from(LIBRARIES), max_size=3 if draw(st.booleans()) else len(LIBRARIES)))
    return Programs(
        programs=tuple(sorted(draw(st.sets(st.sampled_from(PROGRAMS), min_size=1, max_size=4)))),
        libraries=tuple(name for name in LIBRARIES if name not in left_out),
        loader=draw(st.integers(min_value=0, max_value=9)) > 0,
    )


@dataclass(frozen=True, kw_only=True)
class Started:
    """What the check said of an image, and what was seen of its programs."""

    outcome: Outcome
    starts: dict[str, bool]
    linked: dict[str, set[str]]
    """Paths of the libraries of each program, as the loader lists them where all are there."""

    def sound(self, program: str) -> bool:
        """Return whether nothing is said to be missing of a program and of what it is linked with."""
        broken = self.outcome.paths("require-libraries")
        return not broken & ({f"/usr/bin/{program}"} | self.linked[program])


def build_all(bench: Workbench, examples: Sequence[Programs]) -> list[Started]:
    """Build all examples, start the programs of each, and ask the loader of a whole Debian what they are linked with."""
    name = "property-09"
    whole = Recipe(layers=[[]], instructions=["COPY --from=tools / /"])
    try:
        *outcomes, debian = build(bench, [*(example.recipe() for example in examples), whole], name, export=True)
        linked = {program: _linked(debian, program) for program in PROGRAMS}
        return [
            Started(outcome=outcome, starts={name: _starts(outcome, name) for name in example.programs}, linked=linked)
            for example, outcome in zip(examples, outcomes, strict=True)
        ]
    finally:
        forget(bench, name)


def _starts(outcome: Outcome, program: str) -> bool:
    """Return whether a program, in a root file system that is nothing but the image's, gets as far as running."""
    command = ["chroot", str(outcome.root), f"/usr/bin/{program}", "--version"]
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    # The loader ends with 127 where a library is missing, and so does chroot where there is no loader.
    return result.returncode != 127


def _linked(outcome: Outcome, program: str) -> set[str]:
    command = ["chroot", str(outcome.root), LOADER, "--list", f"/usr/bin/{program}"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    names = [line.split()[0] for line in result.stdout.splitlines() if "=>" in line]
    return {f"{FOLDER}/{name}" for name in names}


# Feature: optimized-container-infrastructure, Property 9: For any alpine-based image, all system-level dependencies
# required for application runtime should be present and functional.
@pytest.mark.property_test
@built_together(build_all)
@settings(BATCHED, max_examples=100)
@given(example=programs())
def test_a_program_starts_exactly_where_nothing_is_said_to_be_missing(example: Programs, outcome: Started) -> None:
    assert {program: outcome.sound(program) for program in example.programs} == outcome.starts
