"""Moorage's reader of Dockerfiles is held against BuildKit's own: instructions, what is taken of the context, images."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from moorage.base.errors import MoorageError
from moorage.base.image_reference import parse_image
from moorage.build.dockerfile import parse_dockerfile
from moorage.build.stages import CONTEXT, staged
from tests.support.tools import path_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

ROOT = Path(__file__).resolve().parents[3]
PLATFORM = "linux/arm/v7"
GIVEN = {"GIVEN": "given", "FORMAT": "toml"}
CORPUS = Path(__file__).with_name("dockerfiles.txt")
LEFT_TO_BUILDKIT = re.compile(
    r"invalid (network mode|signal|containerPort|protocol|reference format)|secret mount should not|unexpected key|"
    r"unsupported mount|SHELL requires|ONBUILD|could not parse|may not contain|could not find|needs to be defined|"
    r"circular dependency|must be a key=value pair|requires exactly one argument|maximum number|failed to parse|invalid (user|mount) "
)
"""Of what BuildKit refuses: what the arguments of an instruction mean, which the reader does not judge."""


class Reference:
    """BuildKit's reader, asked line by line."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [path_of("dockerfile-reference")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, text: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"text": text, "args": GIVEN, "platform": PLATFORM}) + "\n")
        self._process.stdin.flush()
        found: dict[str, Any] = json.loads(self._process.stdout.readline())
        return found

    def close(self) -> None:
        self._process.communicate()


@pytest.fixture(scope="module")
def reference() -> Iterator[Reference]:
    started = Reference()
    yield started
    started.close()


def read(text: str) -> dict[str, Any]:
    """Return what our reader finds, in the reference's form."""
    instructions = parse_dockerfile(text)
    dockerfile = staged(Path("Dockerfile"), instructions, GIVEN, PLATFORM)
    return {
        "instructions": [
            (found.keyword, found.line, found.end, found.flags, [(each.name, each.content) for each in found.heredocs])
            for found in instructions
        ],
        "paths": needed(taken.path for taken in dockerfile.inputs() if taken.origin == CONTEXT),
        "images": sorted({_plain(image) for image, _ in dockerfile.images()}),
    }


def needed(paths: Iterable[str]) -> list[str]:
    """Return what is taken of the context; where that is all of it, BuildKit says no more."""
    found = sorted(set(paths))
    return ["."] if "." in found else found


def _plain(image: str) -> str:
    found = parse_image(image)
    return f"{found.path}:{found.tag or 'latest'}"


def told(answer: dict[str, Any]) -> dict[str, Any]:
    """Return the reference's answer in the form that is compared."""
    # Of a repository that ADD clones, BuildKit notes the address as if it were a path too, to no effect.
    paths = {path.lstrip("/") or "." for path in answer["paths"] or () if not path.lstrip("/").startswith("git@")}
    return {
        "instructions": [
            (
                found["keyword"],
                found["line"],
                found["end"],
                tuple(found["flags"] or ()),
                [(each["name"], each["content"]) for each in found["heredocs"] or ()],
            )
            for found in answer["instructions"]
        ],
        "paths": needed(paths),
        "images": sorted({_plain(image) for image in answer["images"] or ()}),
    }


def is_read(text: str) -> bool:
    """Return whether our reader takes a text."""
    try:
        read(text)
    except MoorageError:
        return False
    return True


def hold(reference: Reference, text: str) -> None:
    """Fail where the two do not read a text alike."""
    answer = reference.ask(text)
    if "error" not in answer:
        assert read(text) == told(answer)
    elif not LEFT_TO_BUILDKIT.search(answer["error"]):
        assert not is_read(text), f"BuildKit refuses it: {answer['error']}\n{text}"


def corpus() -> Sequence[str]:
    """Return the kept texts, which lines of dashes part; control characters are written as in Python."""
    texts = CORPUS.read_text(encoding="utf-8").split("\n----\n")
    return [text.replace("\\r", "\r").replace("\\t", "\t").replace("\\ufeff", "\ufeff") + "\n" for text in texts]


@pytest.mark.parametrize("text", corpus())
def test_the_kept_dockerfiles_are_read_as_buildkit_reads_them(reference: Reference, text: str) -> None:
    hold(reference, text)


@pytest.mark.parametrize(
    "path",
    sorted([*ROOT.glob("apps/*/Dockerfile"), *ROOT.glob("images/*/Dockerfile")]),
    ids=lambda path: path.parent.name,
)
def test_our_own_dockerfiles_are_read_as_buildkit_reads_them(reference: Reference, path: Path) -> None:
    text = re.sub(r"^(ARG \w+_IMAGE)$", r"\1=base", path.read_text(), flags=re.MULTILINE)
    hold(reference, text)


NAMES = st.sampled_from(["A", "B", "GIVEN", "TARGETARCH", "TARGETPLATFORM", "BUILDOS", "NONE"])
PLAIN = st.sampled_from(["a", "b/c", "d.e", "x-y", "é", "*.ts", "./q", "../r", "/s", "t/../u", "v/", "w?"])
RULES = st.sampled_from(
    ["", ":-z", "-z", ":+y", "+y", "%.*", "%%.*", "#*.", "##*.", "/a/o", "//./_", "%", ":-$A", ":-${B}"]
)
VARIABLES = st.one_of(
    NAMES.map("${}".format), st.tuples(NAMES, RULES).map(lambda parts: f"${{{parts[0]}{parts[1]}}}"), st.just("\\$A")
)
QUOTED = st.tuples(st.sampled_from(["'{}'", '"{}"', "{}"]), st.one_of(PLAIN, VARIABLES)).map(
    lambda parts: parts[0].format(parts[1])
)
WORDS = st.lists(QUOTED, min_size=1, max_size=3).map("".join)
STAGES = st.sampled_from(["one", "two", "Three"])
SPACE = st.sampled_from([" ", "  ", " \\\n  ", " \\\n# why\n ", " \\\n\n"])


@st.composite
def lines(draw: st.DrawFn) -> str:  # noqa: PLR0911  # a form of each instruction
    """Return one instruction of a stage."""
    keyword = draw(
        st.sampled_from(["COPY", "COPY", "ADD", "RUN", "ARG", "ENV", "copy", "WORKDIR", "LABEL", "#", "ONBUILD"])
    )
    space, words = draw(SPACE), draw(st.lists(WORDS, min_size=1, max_size=3))
    name, other = draw(NAMES), draw(NAMES)
    if keyword in {"ARG", "ENV"}:
        value = draw(st.one_of(WORDS, st.just("'a b'")))
        more = draw(st.sampled_from(["", f"{space}{other}=${name}"]))
        return f"{keyword} {name}={value}{more}" if keyword == "ENV" or draw(st.booleans()) else f"ARG {name}"
    if keyword == "RUN":
        forms = [
            "echo a",
            f"cat <<{draw(st.sampled_from(['', ' ', '-']))}END\n\tCOPY a b\nEND",
            "echo $((1<<2))",
            '["a", "b"]',
        ]
        source = draw(PLAIN)
        forms += [f"--mount=type=bind,source={source},target=/t a", "--mount=type=cache,target=/c a"]
        forms += [f"--mount=from={draw(STAGES)},target=/m a", f"--network=none{space}--mount=target=/all{space}a"]
        return f"RUN{space}{draw(st.sampled_from(forms))}"
    if keyword == "LABEL":
        return f"LABEL a={words[0]}"
    if keyword == "WORKDIR":
        return f"WORKDIR /a/{draw(PLAIN)}"
    if keyword in {"#", "ONBUILD"}:
        return f"{keyword} RUN a"
    flags = draw(st.sampled_from(["", "--chmod=0755 ", "--link ", "--exclude=*.md ", "--chown=1:1 --link=false "]))
    if keyword == "COPY":
        flags += draw(st.sampled_from(["", "", "--parents ", f"--from={draw(STAGES)} ", "--from=0 ", "--from=img:1 "]))
    if draw(st.integers(0, 5)) == 0:
        return f"{keyword} {flags}{json.dumps([*words, '/to/'], ensure_ascii=False)}"
    return f"{keyword} {flags}{space.join([*words, '/to/'])}"


@st.composite
def dockerfiles(draw: st.DrawFn) -> str:
    """Return a Dockerfile of some stages."""
    found = draw(st.lists(st.tuples(NAMES, WORDS).map(lambda pair: f"ARG {pair[0]}={pair[1]}"), max_size=2))
    if draw(st.integers(0, 9)) == 0:
        found.insert(0, "# syntax=docker/dockerfile:1")
    for number in range(draw(st.integers(1, 3))):
        base = draw(st.sampled_from(["base", "scratch", "one", "r.example/a/b:1", "${NONE:-base}", "base:${GIVEN}"]))
        name = draw(st.sampled_from([" AS one", " as Two", "", f" AS s{number}"]))
        found.append(f"FROM {base}{name}")
        found += draw(st.lists(lines(), max_size=4))
    return "\n".join(found) + draw(st.sampled_from(["\n", "", "\n\n# end\n"]))


@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@example(text="FROM base AS one\nRUN --mount=type=bind,source=é,target=/t a\n")
@given(text=dockerfiles())
def test_any_dockerfile_is_read_as_buildkit_reads_it(reference: Reference, text: str) -> None:
    hold(reference, text)
