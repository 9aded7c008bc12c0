"""Generated builds on a real BuildKit, many in one run, and which of their steps it took from its cache."""

from __future__ import annotations

import re
import shutil
import tarfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from moorage.report.records import documents

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tests.support.workbench import Workbench

BASE = "debian:trixie-slim"
"""The platform's own: the builder has it at hand."""
_STEP = re.compile(r"^\[(?P<example>e\d+)_\w+ \d+/\d+\] (?P<instruction>(?:COPY|RUN) .*)$")


@dataclass(frozen=True, kw_only=True)
class Tree:
    """A build context with its Dockerfile.

    Names of stages begin with ``{n}_``, paths of the context with ``{n}/``, and the last stage is ``{n}_image``;
    ``{nonce}`` is a text that no other example and no other run of the tests has.
    """

    dockerfile: str
    files: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Built:
    """What BuildKit did with one tree."""

    cached: Mapping[str, bool]
    """Whether each instruction's result was in the cache, by the instruction as it stands in the tree."""
    files: Mapping[str, str] = field(repr=False)
    """What is in the image, by path."""


def build(
    bench: Workbench, trees: Sequence[Tree], name: str, nonce: str, *, head: str, beside: Mapping[str, Path]
) -> list[Built]:
    """Build all trees as stages of one Dockerfile; what one takes from the cache says nothing about another.

    ``head`` are stages that all trees may use, ``beside`` files that these may copy, by name.
    """
    folder = bench.folder / name
    folder.mkdir()
    for path, source in beside.items():
        shutil.copy2(source, folder / path)
    names = [f"e{number}" for number in range(len(trees))]
    parts, mounts = [], []
    for example, tree in zip(names, trees, strict=True):
        for path, content in tree.files.items():
            (folder / example / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / example / path).write_text(content)
        parts.append(tree.dockerfile.replace("{n}", example).replace("{nonce}", f"{example}-{nonce}"))
        mounts.append(f"--mount=type=bind,from={example}_image,target=/all/{example}")
    collected = f"FROM {BASE} AS collected\nRUN {' '.join(mounts)} cp -r /all /copied\n"
    file = folder / "Dockerfile"
    file.write_text(head + "".join(parts) + f"{collected}FROM scratch\nCOPY --from=collected /copied /\n")
    output = f"type=tar,dest={folder / 'all.tar'}"
    arguments = ["--file", str(file), "--output", output, "--progress=rawjson", "--provenance=false", str(folder)]
    result = bench.buildx("build", *arguments)
    cached, files = _cached(result.stderr, nonce), _files(folder / "all.tar")
    shutil.rmtree(folder)
    return [Built(cached=cached.get(example, {}), files=files.get(example, {})) for example in names]


def _cached(progress: str, nonce: str) -> dict[str, dict[str, bool]]:
    """Return whether each step came from the cache, by example and instruction, from BuildKit's own progress."""
    found: dict[str, dict[str, bool]] = {}
    for document in documents(progress):
        for vertex in document.get("vertexes") or []:
            step = _STEP.match(vertex["name"])
            if step and vertex.get("completed"):
                example = step["example"]
                instruction = step["instruction"].replace(f"{example}-{nonce}", "{nonce}")
                instruction = re.sub(rf"\b{example}([/_])", r"{n}\1", instruction)
                found.setdefault(example, {})[instruction] = bool(vertex.get("cached"))
    return found


def _files(archive: Path) -> dict[str, dict[str, str]]:
    """Return the content of every file, by example and path."""
    found: dict[str, dict[str, str]] = {}
    with tarfile.open(archive) as opened:
        for member in opened.getmembers():
            if (file := opened.extractfile(member)) is not None:
                example, _, path = member.name.partition("/")
                found.setdefault(example, {})[f"/{path}"] = file.read().decode()
    return found
