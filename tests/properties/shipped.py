"""The shipped services' own Dockerfiles and lock files, a hundred times in one build, before and after real edits.

Everything that decides about caching is the product's: stages, steps, their order, what each copies and mounts, and the
slice of the lock file that uv itself makes. Only what takes long is not done: in the place of installing and compiling a
step keeps what it was given. It copies that instead of running a program: for BuildKit's cache both depend on all that
the stage has become before them, and starting a thousand containers took four fifths of the time.
"""

from __future__ import annotations

import functools
import re
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.properties.batch import once
from tests.properties.buildkit import Built, Tree, build
from tests.support.stack import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.properties.edits import Edited
    from tests.support.workbench import Workbench

SERVICES = ("backend", "worker", "frontend")
BASE = "debian:trixie-slim"
UV = ROOT / ".moorage" / "bin" / "uv"
HEAD = f"FROM {BASE} AS tools\nCOPY --chmod=0755 uv /usr/local/bin/uv\n"
INSTEAD = {
    r"\buv export\b": ("export", None),
    r"\buv pip install\b": ("install", "/requirements.txt /app/packages/installed"),
    r"\bnpm ci\b": ("install", "/app/package-lock.json node_modules/installed"),
    r"\bcompileall\b": ("compile", "/nonce /compiled"),
    r"\bvite(\.js)? build\b": ("page", "/app/node_modules/installed /app/index.html /app/public /app/src dist/"),
}
"""What a RUN step does, its name here, and what is copied within the stage in its place; None where it is run as it is."""
_NONCE = "COPY {n}/nonce /nonce"
_OPTION = re.compile(r"--mount=\S+\s*")


@dataclass(frozen=True)
class Ran:
    """What was done in the build of one state of a service: the names of its steps that ran, and what is in the image."""

    steps: frozenset[str]
    known: frozenset[str]
    """All steps, also those that came from the cache."""
    files: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The first build of a service, and those after an edit of its dependencies and after one of something else."""

    first: Ran
    dependencies: Ran
    other: Ran


@once
def build_all(bench: Workbench, examples: Sequence[Edited]) -> list[Outcome]:
    """Build all states of all examples."""
    nonce = uuid.uuid4().hex
    states = {"first": "before", "dependencies": "upgraded", "other": "edited"}
    runs = {
        name: build(
            bench,
            [_tree(each.service, getattr(each, state), f"{nonce}-{index}") for index, each in enumerate(examples)],
            f"shipped-{name}-{nonce}",
            nonce,
            head=HEAD,
            beside={"uv": UV.resolve()},
        )
        for name, state in states.items()
    }
    return [
        Outcome(**{name: _ran(example.service, runs[name][index]) for name in runs})
        for index, example in enumerate(examples)
    ]


def allowed(service: str) -> list[str]:
    """Return the paths that the build of a service may see."""
    lines = (ROOT / "apps" / service / "Dockerfile.dockerignore").read_text().splitlines()
    return [line[1:] for line in lines if line.startswith("!")]


@functools.cache
def sources(service: str) -> Mapping[str, str]:
    """Return the text of every file that the build of a service may see, by path."""
    found = [path for name in allowed(service) for path in ((ROOT / name), *(ROOT / name).rglob("*"))]
    files = [path for path in found if path.is_file() and "__pycache__" not in path.parts]
    return {
        path.relative_to(ROOT).as_posix(): path.read_text() for path in files if path.suffix not in {".ico", ".png"}
    }


def _tree(service: str, files: Mapping[str, str], nonce: str) -> Tree:
    """Return a service's context, with a file that makes all its steps others than those of any other example."""
    return Tree(dockerfile=_dockerfile(service)[0], files={"nonce": nonce, **files})


def _ran(service: str, built: Built) -> Ran:
    steps = _dockerfile(service)[1]
    known = {name for instruction, name in steps.items() if instruction in built.cached}
    ran = {name for instruction, name in steps.items() if not built.cached.get(instruction, True)}
    return Ran(frozenset(ran), frozenset(known), built.files)


@functools.cache
def _dockerfile(service: str) -> tuple[str, Mapping[str, str]]:
    """Return a service's Dockerfile as one of many in a file, and the name of each of its steps.

    Steps are named for what they do: ``install``, ``copy apps/backend/backend``, ``take dependencies``.
    """
    lines = ["FROM tools AS {n}_start", _NONCE]
    steps: dict[str, str] = {}
    instructions = _instructions(service)
    last = [rest for keyword, rest in instructions if keyword == "FROM"][-1]
    stages: list[str] = []
    begun = 0
    for keyword, rest in instructions:
        if keyword == "FROM":
            base, _, stage = rest.split()
            begun = len(lines)
            lines += _from(base if base in stages else "", stage, is_last=rest == last)
            stages.append(stage)
        elif keyword == "COPY":
            name, line = _copy(rest)
            lines.append(line)
            steps[line] = name
        elif keyword == "RUN":
            name, copied = _done_in_place_of(rest)
            if copied is None:
                lines.append(f"RUN : {stages[-1]}; {_OPTION.sub('', rest)}")
            else:
                # What a step copies of its own stage is in one of its own before it.
                given = f"{stages[-1]}_given{len(lines)}"
                lines[begun] = lines[begun].removesuffix(stages[-1]) + given
                begun = len(lines)
                lines += [f"FROM {{n}}_{given} AS {{n}}_{stages[-1]}", f"COPY --from={{n}}_{given} {copied}"]
            steps[lines[-1]] = name if name != "compile" else f"compile {stages[-1]}"
        elif keyword == "WORKDIR":
            lines.append(f"WORKDIR {rest}")
    lines += [f"FROM {{n}}_{stages[-1]} AS {{n}}_image"]
    return "\n".join(lines) + "\n", steps


def _from(base: str, stage: str, *, is_last: bool) -> list[str]:
    if base:
        return [f"FROM {{n}}_{base} AS {{n}}_{stage}"]
    # What is shipped need not have a shell here either, and is copied out of the builder.
    return [f"FROM scratch AS {{n}}_{stage}", _NONCE] if is_last else [f"FROM {{n}}_start AS {{n}}_{stage}"]


def _copy(rest: str) -> tuple[str, str]:
    words = rest.split()
    options = [word for word in words if word.startswith("--")]
    *taken, place = words[len(options) :]
    origin = next((option.partition("=")[2] for option in options if option.startswith("--from=")), None)
    name = f"take {origin}" if origin else f"copy {' '.join(taken)}"
    if origin is None:
        taken = [f"{{n}}/{path}" for path in taken]
    options = [option.replace("--from=", "--from={n}_") for option in options]
    return name, " ".join(["COPY", *options, *taken, place])


def _instructions(service: str) -> list[tuple[str, str]]:
    text = (ROOT / "apps" / service / "Dockerfile").read_text()
    whole = re.sub(r"\\\n\s*", "", re.sub(r"(?m)^\s*#.*\n", "", text))
    return [(words[0], words[1]) for line in whole.splitlines() if len(words := line.split(maxsplit=1)) == 2]


def _done_in_place_of(step: str) -> tuple[str, str | None]:
    found = [instead for pattern, instead in INSTEAD.items() if re.search(pattern, step)]
    assert found, f"nothing is said of what is done in the place of: {step}"
    assert "type=bind" not in step, f"what it mounts of the context is not looked at here: {step}"
    return found[0]
