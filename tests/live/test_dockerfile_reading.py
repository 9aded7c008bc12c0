"""Dockerfiles are read as BuildKit reads them: generated ones, with everything that makes reading hard."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import pytest

from moorage.build.dockerfile import parse_dockerfile
from moorage.build.stages import CONTEXT, Dockerfile, staged
from tests.support.buildx import buildx
from tests.support.stack import moorage

SEED = int(os.environ.get("MOORAGE_PROPERTY_SEED", random.SystemRandom().getrandbits(32)))
STAGES = 30
HIDDEN = "FROM hidden AS hidden\nCOPY hidden /hidden\nRUN \\\n"


FORMS = {
    "COPY @/file /to-@": "@/file",
    "COPY \\\n  # COPY hidden /hidden\n\n  --chmod=0644 \\  \n @/file \\\n /to-@": "@/file",
    'copy ["@/with space", "/to-@"]': "@/with space",
    'COPY "@/quoted" /to-@': "@/quoted",
    "ARG DIR\nCOPY $DIR/@ ${DIR}/@ /to-@/": "first/@",
    "ENV WHERE=@\nCOPY ${WHERE:-x}/file /to-@": "@/file",
    f"COPY <<EOF <<'B' @/file /to-@/\n{HIDDEN}EOF\nADD hidden /\nB": "@/file",
    f"COPY <<-EOF /to-@\n\t{HIDDEN}\tEOF": "",
    "ADD /@/file ../@/wild?card /to-@/": "@/file,@/wild card",
    "COPY --parents @/file /": "@/file",
    "LABEL one=two \\\n  FROM=hidden three='COPY \\\n hidden /'": "",
    "ENV A=1 \\\n# comment\n  B='x y'\nWORKDIR /@": "",
}
"""Instructions, and the files of the context that they take; ``@`` stands for a folder of their own."""


def dockerfile(rng: random.Random) -> tuple[str, set[str]]:
    """Return a Dockerfile that builds from nothing, and the files of the context that it takes."""
    lines, used = ["ARG DIR=first", "ARG BASE=scratch", "# a comment", ""], set[str]()
    for index in range(STAGES):
        earlier = [f"s{number}" for number in range(index)]
        base = rng.choice(["scratch", "${BASE}", "$BASE", "${NONE:-scratch}", "${BASE:-none}", *earlier[-4:]])
        space = rng.choice([" ", "  ", " \\\n  "])
        lines.append(f"{rng.choice(['FROM', 'from'])} {base}{space}AS S{index}")
        for step in range(rng.randint(1, 4)):
            form, takes = rng.choice(list(FORMS.items()))
            lines.append(form.replace("@", f"f{index}-{step}"))
            used |= {path.replace("@", f"f{index}-{step}") for path in takes.split(",") if path}
        if earlier and rng.random() < 0.5:
            lines += ["COPY present /present", f"COPY --from={rng.choice(earlier)} /anything* /here/"]
            used.add("present")
    lines += ["FROM scratch", *(f"COPY --from=s{number} /* /s{number}/" for number in range(STAGES))]
    return "\n".join(lines) + "\n", used


def read(text: str) -> Dockerfile:
    return staged(Path("Dockerfile"), parse_dockerfile(text), {})


@pytest.fixture(scope="module", autouse=True)
def platform() -> None:
    moorage("platform", "start")


def test_stages_are_those_that_buildkit_finds(tmp_path: Path) -> None:
    rng = random.Random(SEED)
    for _ in range(4):
        text, _ = dockerfile(rng)
        answer = buildx("--call=targets,format=json", "--file=-", str(tmp_path), stdin=text).stdout
        targets = json.loads(answer)["targets"]
        expected = [
            (target.get("name", ""), target["base"], target["location"]["ranges"][0]["start"]["line"])
            for target in targets
        ]
        found = [(stage.name, stage.written_base, stage.instruction.line) for stage in read(text).stages]
        assert found == expected, f"MOORAGE_PROPERTY_SEED={SEED}\n{text}"


def test_the_context_that_is_read_from_a_dockerfile_is_what_its_build_takes(tmp_path: Path) -> None:
    rng = random.Random(SEED)
    text, used = dockerfile(rng)
    found = {taken.path.replace("?", " ") for taken in read(text).inputs() if taken.origin == CONTEXT}
    assert found == used
    for path in found:
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(path)
    buildx("--file=-", "--output=type=cacheonly", str(tmp_path), stdin=text)
    # A wildcard may match nothing; any other file is missed.
    for path in rng.sample(sorted(path for path in found if "wild" not in path), 3):
        (tmp_path / path).rename(tmp_path / "aside")
        failed = buildx("--file=-", "--output=type=cacheonly", str(tmp_path), stdin=text, check=False)
        assert failed.returncode, f"{path} is not used (MOORAGE_PROPERTY_SEED={SEED})\n{text}"
        assert "not found" in failed.stderr or "no such file" in failed.stderr or "no source files" in failed.stderr
        (tmp_path / "aside").rename(tmp_path / path)
