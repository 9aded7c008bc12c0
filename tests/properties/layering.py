"""Generated Dockerfiles of steps that change rarely, now and then, or often; and what of them a real build runs again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from moorage.build.dockerfile import parse_dockerfile
from moorage.build.stages import staged
from moorage.checks.lint import Purpose, lint_dockerfile
from tests.support.buildx import buildx

if TYPE_CHECKING:
    from collections.abc import Sequence

SYSTEM, DEPENDENCIES, SOURCE = range(3)
"""How often the content of a step changes: rarely, now and then, often."""
STEPS = {
    "apt": (SYSTEM, "RUN --mount=type=cache,target=/var/cache/apt : apt-get update; : apt-get install {name}"),
    "apk": (SYSTEM, "RUN : apk add --no-cache {name}"),
    "manifest": (DEPENDENCIES, "COPY {folder}/requirements.txt {folder}/pyproject.toml /data/{name}/"),
    "install": (DEPENDENCIES, "RUN : uv pip install --no-cache {name} {version}"),
    "npm": (DEPENDENCIES, "RUN --mount=type=cache,target=/root/.npm : \\\n  npm --silent ci {name} {version}"),
    "mounted": (
        DEPENDENCIES,
        "RUN --mount=type=bind,source={folder}/requirements.txt,target=/r : pip install --no-cache-dir {name}",
    ),
    "two": (DEPENDENCIES, "RUN : apt-get update; : apt-get install -y {name} ; : pip install --no-cache-dir {version}"),
    "listed": (
        SYSTEM,
        "RUN --mount=type=bind,source={folder}/requirements.txt,target=/r : apt-get update; : apt-get install {name}",
    ),
    "runs": (DEPENDENCIES, "RUN : /data/code; : uv pip install --no-cache {name} {version}"),
    "from an image": (SYSTEM, "COPY --from=fixed /made /data/{name}/"),
    "from a stage": (SOURCE, "COPY --from={folder}-made /made /data/{name}/"),
    "source": (SOURCE, "COPY --chmod=0755 {folder}/src /data/{name}/"),
    "both": (SOURCE, 'COPY ["{folder}/requirements.txt", "{folder}/src/code", "/data/{name}/"]'),
}
"""Steps by name: how often they change, and how they are written."""
MOUNTS = {"listed": DEPENDENCIES}
"""Steps that are run as often as what they mount changes, though they need not be."""
NEEDS = {"runs": {"both"}}
"""Steps that run what others have copied, and so come after these."""
NEUTRAL = {
    "make": "RUN : make {name}",
    "env": "ENV A_{number}=1",
    "label": "LABEL a{number}=x",
    "workdir": "WORKDIR /data/w{number}",
}
"""Steps whose place is of no matter."""


@dataclass(frozen=True)
class Layered:
    """A Dockerfile: its stages, each with whether it is built FROM the one before, and its steps in order."""

    stages: tuple[tuple[bool, tuple[str, ...]], ...]

    def chains(self) -> list[list[tuple[int, str]]]:
        """Return, for each stage, the steps that its image consists of: their number, and their name in `STEPS`."""
        chains: list[list[tuple[int, str]]] = []
        number = 0
        for follows, steps in self.stages:
            own = [(number + index, step) for index, step in enumerate(steps)]
            number += len(steps)
            chains.append([*(chains[-1] if follows and chains else []), *own])
        return [[(index, step) for index, step in chain if step in STEPS] for chain in chains]

    def text(self, example: int, base: str, version: str = "1") -> str:
        """Return the Dockerfile; every step that makes a layer carries ``e<example>-<number>-``.

        ``version`` is what dependencies are asked for.
        """
        lines, number = [f"FROM {base} AS e{example}-made", f"COPY e{example}/src /made/"], 0
        for index, (follows, steps) in enumerate(self.stages):
            name = f"e{example}-stage{index}"
            lines.append(f"FROM {f'e{example}-stage{index - 1}' if follows and index else base} AS {name}")
            for step in steps:
                form = STEPS[step][1] if step in STEPS else NEUTRAL[step]
                lines.append(
                    form.format(name=f"e{example}-{number}-", folder=f"e{example}", number=number, version=version)
                )
                number += 1
        return "\n".join(lines) + "\n"

    @property
    def last(self) -> int:
        """Number of the last stage."""
        return len(self.stages) - 1


def layered() -> st.SearchStrategy[Layered]:
    """Dockerfiles of up to three stages, their steps as they come, in order, or the other way around."""
    steps = st.lists(st.sampled_from([*STEPS, *STEPS, *NEUTRAL]), min_size=1, max_size=4)
    shuffled = st.lists(st.tuples(st.booleans(), steps.map(tuple)), min_size=1, max_size=3)
    return st.builds(
        lambda stages, order: Layered(tuple(_sorted(stages, order) if order else stages)),
        shuffled,
        st.sampled_from([0, 1, -1]),
    )


def _sorted(stages: Sequence[tuple[bool, tuple[str, ...]]], order: int) -> list[tuple[bool, tuple[str, ...]]]:
    """Return the stages with all their steps in the order of how often these change, or in the opposite one."""
    drawn = [step for _, steps in stages for step in steps]
    every = sorted(drawn, key=lambda step: order * STEPS.get(step, (SYSTEM, ""))[0])
    found, start = [], 0
    for follows, own in stages:
        found.append((follows, tuple(every[start : start + len(own)])))
        start += len(own)
    return found


def out_of_order(example: Layered) -> set[int]:
    """Return the numbers of the steps that come after one that changes more often, in any image that they are part of."""
    return {
        later
        for chain in example.chains()
        for place, (later, step) in enumerate(chain)
        if any(_pace(earlier) > STEPS[step][0] for _, earlier in chain[:place] if earlier not in NEEDS.get(step, ()))
        or _pace(step) > STEPS[step][0]
    }


def in_order_of_need(example: Layered) -> set[int]:
    """Return the numbers of the steps that run what a step before them has copied, which changes more often."""
    return {
        later
        for chain in example.chains()
        for place, (later, step) in enumerate(chain)
        if NEEDS.get(step, set()) & {earlier for _, earlier in chain[:place]}
    }


def _pace(step: str) -> int:
    return max(STEPS[step][0], MOUNTS.get(step, SYSTEM))


def linted(example: Layered) -> set[int]:
    """Return the numbers of the steps that the linter finds out of order."""
    text = example.text(0, "debian:trixie-slim")
    file = staged(Path("Dockerfile"), parse_dockerfile(text), {})
    found = lint_dockerfile(file, Purpose(service=False))
    by_line = {found.line: found for found in file.instructions}
    lines = [finding.line for finding in found if finding.id == "order-layers"]
    return {int(by_line[line].text.split("e0-", 1)[1].split("-")[0]) for line in lines}


class Builds:
    """All examples in one Dockerfile, so that they are built at once; their files can be changed between builds."""

    def __init__(self, folder: Path, examples: Sequence[Layered], nonce: str) -> None:
        """Write the Dockerfile and its files; ``nonce`` makes them others than those of any build before."""
        self._folder = folder
        self._examples = examples
        self._nonce = nonce
        self.change(SOURCE, nonce)
        self.change(DEPENDENCIES, nonce)

    def change(self, kind: int, content: str) -> None:
        """Change what changes that often; dependencies also in the steps that install them."""
        for number in range(len(self._examples)):
            source = self._folder / f"e{number}" / "src"
            source.mkdir(parents=True, exist_ok=True)
            if kind == SOURCE:
                (source / "code").write_text(f"{content} {number}")
            elif kind == DEPENDENCIES:
                (source.parent / "requirements.txt").write_text(f"{content} {number}")
                (source.parent / "pyproject.toml").write_text(f"{content} {number}")
        if kind == DEPENDENCIES:
            self._write_dockerfile(content)

    def _write_dockerfile(self, version: str) -> None:
        texts = [example.text(number, "start", version) for number, example in enumerate(self._examples)]
        ends = [
            f"COPY --from=e{number}-stage{found.last} /data /e{number}" for number, found in enumerate(self._examples)
        ]
        start = f"FROM debian:trixie-slim AS start\nRUN mkdir /data; : {self._nonce}\n"
        start += "FROM start AS fixed\nRUN mkdir /made && touch /made/fixed\n"
        (self._folder / "Dockerfile").write_text("\n".join([start, *texts, "FROM scratch", *ends]) + "\n")

    def run(self) -> list[set[int]]:
        """Build, and return for each example the numbers of the steps that were not taken from the cache."""
        result = buildx("--progress=rawjson", "--output=type=cacheonly", str(self._folder))
        ran: list[set[int]] = [set() for _ in self._examples]
        for line in result.stderr.splitlines():
            for vertex in json.loads(line).get("vertexes") or [] if line.startswith("{") else []:
                example = _marker(vertex["name"])
                if example and vertex.get("completed") and not vertex.get("cached"):
                    ran[example[0]].add(example[1])
        return ran


def _marker(name: str) -> tuple[int, int] | None:
    """Return example and number of a step from the name that BuildKit gives it."""
    for word in name.replace("/", " ").replace('"', " ").replace(",", " ").split():
        parts = word.split("-")
        if len(parts) == 3 and not parts[2] and parts[0][:1] == "e" and parts[0][1:].isdigit() and parts[1].isdigit():
            return int(parts[0][1:]), int(parts[1])
    return None
