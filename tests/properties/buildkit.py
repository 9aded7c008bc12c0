"""Generated builds on a real BuildKit, many in one run, and which of their steps it took from its cache."""

from __future__ import annotations

import json
import re
import tarfile
import uuid
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from moorage.report.records import documents

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from tests.support.workbench import Workbench

BASE = "debian:trixie-slim"
"""The platform's own: the builder has it at hand."""
_STEP = re.compile(r"^\[(?P<example>e\d+)_\w+ \d+/\d+\] (?P<instruction>(?:COPY|RUN) .*)$")
NAMES = st.text("abcdefgh", min_size=1, max_size=6)
CONTENT = st.text("xyz \n", max_size=20)


@dataclass(frozen=True, kw_only=True)
class Tree:
    """A build context with its Dockerfile.

    Names of stages begin with ``{n}_``, paths of the context with ``{n}/``, and the last stage is ``{n}_image``;
    ``{nonce}`` is a text that no other example and no other run of the tests has.
    """

    dockerfile: str
    files: Mapping[str, str]

    def with_files(self, **changes: str) -> Tree:
        """Return the same tree with other content of some files."""
        return replace(self, files={**self.files, **changes})


@dataclass(frozen=True, kw_only=True)
class Built:
    """What BuildKit did with one tree."""

    cached: Mapping[str, bool]
    """Whether each instruction's result was in the cache, by the instruction as it stands in the tree."""
    files: Mapping[str, str] = field(repr=False)
    """What is in the image, by path."""


@dataclass(frozen=True, kw_only=True)
class Rebuilt:
    """A build from nothing, and the build of a changed tree after it."""

    first: Built
    second: Built


def rebuilt(
    name: str, trees: Callable[[Any], tuple[Tree, Tree]]
) -> Callable[[Workbench, Sequence[Any]], list[Rebuilt]]:
    """Return what builds the first trees of all examples together, then the second ones, and reports on both."""

    def run(bench: Workbench, examples: Sequence[Any]) -> list[Rebuilt]:
        pairs = [trees(example) for example in examples]
        nonce = uuid.uuid4().hex
        runs = [build(bench, [pair[index] for pair in pairs], f"{name}-{index}", nonce) for index in (0, 1)]
        return [Rebuilt(first=first, second=second) for first, second in zip(*runs, strict=True)]

    return run


def build(bench: Workbench, trees: Sequence[Tree], name: str, nonce: str) -> list[Built]:
    """Build all trees as stages of one Dockerfile; what one takes from the cache says nothing about another."""
    folder = bench.folder / name
    folder.mkdir()
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
    file.write_text("".join(parts) + f"{collected}FROM scratch\nCOPY --from=collected /copied /\n")
    output = f"type=tar,dest={folder / 'all.tar'}"
    arguments = ["--file", str(file), "--output", output, "--progress=rawjson", "--provenance=false", str(folder)]
    result = bench.buildx("build", *arguments)
    cached, files = _cached(result.stderr, nonce), _files(folder / "all.tar")
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


INSTALL = {
    "requirements.txt": "while IFS== read -r name _ version; do "
    "mkdir -p /deps/$name && echo $version > /deps/$name/VERSION; done < /app/requirements.txt",
    "package.json": """sed -n 's/^ *"\\([a-h]*\\)": "\\([0-9.]*\\)",*$/\\1 \\2/p' /app/package.json | """
    "while read -r name version; do mkdir -p /deps/$name && echo $version > /deps/$name/VERSION; done",
}
"""What installs the packages that a manifest names, each with its version."""


@dataclass(frozen=True, kw_only=True)
class Application:
    """A service with dependencies, as the shipped Dockerfiles build one: the dependencies in a stage of their own."""

    manifest: str
    packages: Mapping[str, str]
    """Version by name."""
    source: Mapping[str, str]

    def tree(self) -> Tree:
        """Return the context and the Dockerfile."""
        text = "".join(f"{name}=={version}\n" for name, version in self.packages.items())
        if self.manifest == "package.json":
            text = json.dumps({"name": "service", "dependencies": dict(self.packages)}, indent=2)
        files = {self.manifest: text, "system.txt": "system", **{f"src/{k}": v for k, v in self.source.items()}}
        return Tree(
            dockerfile=f"FROM {BASE} AS {{n}}_system\n{self.prepare}\n"
            f"FROM {{n}}_system AS {{n}}_dependencies\n{self.declare}\n{self.install}\n"
            f"FROM scratch AS {{n}}_image\n{self.take}\n{self.code}\n",
            files=files,
        )

    prepare = "COPY {n}/system.txt /deps/{nonce}"
    take = "COPY --from={n}_dependencies /deps /deps"
    code = "COPY {n}/src /src"

    @property
    def declare(self) -> str:
        """The instruction that copies the manifest."""
        return f"COPY {{n}}/{self.manifest} /app/"

    @property
    def install(self) -> str:
        """The instruction that installs what the manifest names."""
        return f"RUN {INSTALL[self.manifest]}"

    def installed(self) -> dict[str, str]:
        """Return what is in the image if exactly these packages are installed."""
        return {f"/deps/{name}/VERSION": f"{version}\n" for name, version in self.packages.items()}


VERSIONS = st.tuples(*[st.integers(0, 20)] * 3).map(lambda parts: ".".join(map(str, parts)))


def applications() -> st.SearchStrategy[Application]:
    """Applications with some dependencies and some code."""
    return st.builds(
        Application,
        manifest=st.sampled_from(sorted(INSTALL)),
        packages=st.dictionaries(NAMES, VERSIONS, min_size=1, max_size=5),
        source=st.dictionaries(NAMES, CONTENT, min_size=1, max_size=3),
    )


def cached_of(built: Built, *instructions: str) -> list[bool]:
    """Return which of these instructions came from the cache."""
    return [built.cached[instruction] for instruction in instructions]
