"""Whether a program of the machine's own starts in an image that has its libraries in one place or another."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from moorage.scan.check import judge
from moorage.scan.finding import Expectation
from tests.unit.image_samples import image, layer


def linked(program: str) -> tuple[str, dict[str, Path]]:
    """Return a program's loader, and its libraries by name, as the loader itself lists them."""
    listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    libraries = {name: Path(path) for name, path in re.findall(r"(\S+) => (/\S+)", listed)}
    (loader,) = re.findall(r"^\s*(/\S+) \(", listed, re.MULTILINE)
    return loader, libraries


CAT = str(shutil.which("cat"))
LOADER, LIBRARIES = linked(CAT)
MULTIARCH = next(iter(LIBRARIES.values())).parent.name
"""``x86_64-linux-gnu``."""


def missing(files: dict[str, Any], *, libraries: str, loader: bool = True, **settings: Any) -> set[str]:
    """Return what is said to be missing where the libraries are in one folder, by the reasons given."""
    members: dict[str, Any] = {"usr/bin/cat": (Path(CAT).read_bytes(), 0o755), **files}
    if loader:
        members[LOADER.lstrip("/")] = (Path(LOADER).resolve().read_bytes(), 0o755)
    if libraries:
        members |= {f"{libraries}/{name}": path.read_bytes() for name, path in LIBRARIES.items()}
    found = judge(image(layer(members), **settings), Expectation(user=10001, port=8000))
    return {f"{finding.path} {finding.why}" for finding in found if finding.rule == "require-libraries"}


EVERY = {f"/usr/bin/cat it needs {name}, which does not exist" for name in LIBRARIES}


@pytest.mark.parametrize(
    "folder", ["lib", "usr/lib", "lib64", "usr/lib64", "usr/local/lib", f"lib/{MULTIARCH}", f"usr/lib/{MULTIARCH}"]
)
def test_libraries_are_found_where_the_loader_looks(folder: str) -> None:
    assert missing({}, libraries=folder) == set()


def test_libraries_elsewhere_and_nowhere_are_missing() -> None:
    assert LIBRARIES
    assert missing({}, libraries="opt/own") == EVERY
    assert missing({}, libraries="usr/lib/other-linux-gnu") == EVERY
    # A static library beside it is no shared one.
    assert missing({"usr/lib/libc.a": b"x"}, libraries="") == EVERY


@pytest.mark.parametrize(
    ("files", "settings", "there"),
    [
        ({"etc/ld.so.conf": b"/opt/own\n"}, {}, True),
        ({"etc/ld.so.conf": b"# /opt/own\n/opt/other  # /opt/own\n"}, {}, False),
        ({"etc/ld.so.conf.d/own.conf": b"/opt/other\n  /opt/own  # ours\n"}, {}, True),
        ({"etc/ld.so.conf.e/own.conf": b"/opt/own\n"}, {}, False),
        ({"etc/ld.so.conf": b"opt/own\n"}, {}, False),
        ({}, {"Env": ["PATH=/bin", "LD_LIBRARY_PATH=/opt/other:/opt/own"]}, True),
        ({}, {"Env": ["LIBRARY_PATH=/opt/own"]}, False),
    ],
)
def test_other_folders_count_where_the_image_names_them(
    files: dict[str, bytes], settings: dict[str, Any], *, there: bool
) -> None:
    assert missing(files, libraries="opt/own", **settings) == (set() if there else EVERY)


def test_a_loader_that_is_not_there_is_named() -> None:
    said = missing({}, libraries="usr/lib", loader=False)
    assert {line for line in said if line.startswith("/usr/bin/cat")} == {
        f"/usr/bin/cat its loader {LOADER} does not exist"
    }


def test_a_library_is_looked_at_like_a_program_and_data_is_not() -> None:
    name, path = next(iter(LIBRARIES.items()))
    content = path.read_bytes()
    said = missing({f"opt/lib/{name}": content, "opt/data.bin": content}, libraries="", loader=False)
    assert {line.split()[0] for line in said} == {"/usr/bin/cat", f"/opt/lib/{name}"}


@pytest.mark.parametrize(
    ("content", "mode", "found"),
    [
        (b"#!/app/run\n", 0o755, False),
        (b"#! /app/run -x\n", 0o755, False),
        (b"#!/app/data\n", 0o755, True),
        (b"#!/usr/bin/nothing -x\n", 0o755, True),
        (b"#!\n", 0o755, True),
        (b"#!/usr/bin/nothing\n", 0o644, False),
        (b"", 0o755, False),
        (b"\x7fELF but not really", 0o755, True),
    ],
)
def test_an_interpreter_has_to_be_there_and_to_run(content: bytes, mode: int, *, found: bool) -> None:
    checked = image(layer({"app/script": (content, mode), "app/data": b"x"}))
    rules = {
        (finding.rule, finding.path)
        for finding in judge(checked, Expectation(user=10001, port=8000))
        if finding.rule == "require-libraries"
    }
    assert rules == ({("require-libraries", "/app/script")} if found else set())
