"""Reading Dockerfiles: instructions, stages, variables and what is taken from where."""

from __future__ import annotations

from pathlib import Path

import pytest

from moorage.base.errors import MoorageError
from moorage.build.dockerfile import parse_dockerfile
from moorage.build.expansion import expand
from moorage.build.stages import CONTEXT, Dockerfile, mounted_secrets, staged


def read(text: str, **build_args: str) -> Dockerfile:
    return staged(Path("Dockerfile"), parse_dockerfile(text), build_args)


def inputs(text: str, **build_args: str) -> list[tuple[str, str, int]]:
    return [(taken.path, taken.origin, taken.line) for taken in read(text, **build_args).inputs()]


def test_continued_lines_are_one_instruction_without_the_comments_between_them() -> None:
    (_, run, user) = parse_dockerfile("FROM a\nRUN one \\\n  # why\n\n  && two \\\t\n  && three\nUSER 1\n")
    assert (run.keyword, run.line, run.end) == ("RUN", 2, 6)
    assert run.text.split() == ["one", "&&", "two", "&&", "three"]
    assert user.line == 7


def test_a_doubled_backslash_at_the_end_continues_nothing() -> None:
    assert [found.keyword for found in parse_dockerfile("FROM a\nRUN echo \\\\\nUSER 1\n")] == ["FROM", "RUN", "USER"]


def test_a_directive_changes_what_continues_a_line() -> None:
    (_, run, _) = parse_dockerfile("# escape=`\nFROM a\nRUN one `\n two\nRUN c:\\\n")[0:3]
    assert run.text.split() == ["one", "two"]


def test_what_a_here_document_says_is_no_instruction() -> None:
    text = "FROM a\nRUN <<EOF cat <<-'B'\nFROM x\nEOF\n\tCOPY y z\n\tB\nCOPY <<X /made\nADD q r\nX\nUSER 1\n"
    found = parse_dockerfile(text)
    assert [instruction.keyword for instruction in found] == ["FROM", "RUN", "COPY", "USER"]
    assert [heredoc.content for heredoc in found[1].heredocs] == ["FROM x\n", "COPY y z\n"]
    assert inputs(text) == []


@pytest.mark.parametrize(
    ("text", "remedy"),
    [("FROM a\nCOPPY x y\n", "correct it"), ("FROM a\nRUN <<EOF\nx\n", "write EOF on a line of its own")],
)
def test_what_cannot_be_read_is_an_error_with_its_place(text: str, remedy: str) -> None:
    with pytest.raises(MoorageError) as caught:
        parse_dockerfile(text, "apps/x/Dockerfile")
    (problem,) = caught.value.problems
    assert "apps/x/Dockerfile:2:1" in str(problem)
    assert remedy in str(problem.remedy)


def test_variables_before_the_first_stage_name_its_base() -> None:
    text = "ARG A=one\nARG B=${A}-two\nFROM ${B:-none} AS First\nFROM first\nFROM ${C:-$A}\n"
    assert [stage.base for stage in read(text).stages] == ["one-two", "first", "one"]
    assert [stage.base for stage in read(text, A="x").stages] == ["x-two", "first", "x"]
    assert [stage.name for stage in read(text).stages] == ["first", "", ""]
    assert [image for image, _ in read(text).images()] == ["one-two", "one"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$A/${A}", "x/x"),
        ("${B:-y}${B-z}${E:-e}${E-f}", "yze"),
        ("${A:+y}${B:+y}${A+z}${E+w}", "yzw"),
        ("\\$A", "$A"),
        ("${B:-${A}}", "x"),
        ("${B}|$B", "|"),
    ],
)
def test_variables_are_replaced_as_docker_does(text: str, expected: str) -> None:
    assert expand(text, {"A": "x", "E": ""}) == expected


def test_sources_are_told_with_where_they_come_from() -> None:
    text = (
        "ARG DIR=src\nFROM a AS build\nARG DIR\nCOPY --chmod=0755 $DIR /etc/passwd ./\n"
        'COPY ["with space", "b", "/to/"]\n'
        "ADD --checksum=sha256:x https://example.com/x.tar.gz /x\n"
        "COPY --from=other:1 /y /y\nCOPY --parents libs/./one/*.txt /\n"
        "RUN --mount=type=bind,source=tools,target=/t --mount=target=/all --mount=type=cache,target=/c true\n"
        "RUN --mount=type=bind,from=other:2,source=/z,target=/z true\n"
        "FROM scratch\nCOPY --from=build /o /o\nCOPY --from=0 /p /\n"
    )
    assert inputs(text) == [
        ("src", CONTEXT, 4),
        ("etc/passwd", CONTEXT, 4),
        ("with space", CONTEXT, 5),
        ("b", CONTEXT, 5),
        ("y", "other:1", 7),
        ("libs/one/*.txt", CONTEXT, 8),
        ("tools", CONTEXT, 9),
        (".", CONTEXT, 9),
        ("z", "other:2", 10),
        ("o", "build", 12),
        ("p", "0", 13),
    ]
    assert [image for image, _ in read(text).images()] == ["a", "other:1", "other:2"]


def test_a_stage_knows_the_settings_of_the_stage_that_it_is_built_from() -> None:
    text = "FROM a AS one\nENV WHERE=here\nFROM one\nCOPY $WHERE/x /\nFROM a\nCOPY $WHERE/x /\n"
    assert [path for path, _, _ in inputs(text)] == ["here/x", "x"]


def test_a_chain_goes_back_to_the_first_stage() -> None:
    file = read("FROM a AS one\nFROM one AS two\nFROM b AS one\nFROM two\n")
    assert [stage.index for stage in file.chain(file.stages[3])] == [0, 1, 3]


@pytest.mark.parametrize(
    "line",
    [
        "RUN --mount=type=secret,id=ca,target=/ca true",
        "RUN --mount=target=/ca,id=ca,type=secret,required=false true",
        "RUN --mount=type=cache,target=/c --mount=type=secret,source=ca true",
        "RUN --mount=type=cache,id=other,target=/c \\\n    # why\n    --mount=type=secret,id=ca \\\n    true",
        "RUN --mount=type=secret,target=/run/secrets/ca <<EOF\n--mount=type=secret,id=other\nEOF",
        "ONBUILD RUN --mount=type=secret,id=ca true",
    ],
)
def test_a_mounted_secret_is_found_however_it_is_written(line: str) -> None:
    assert mounted_secrets(parse_dockerfile(f"FROM scratch\n{line}\n")) == {"ca"}


@pytest.mark.parametrize(
    "line",
    [
        "# RUN --mount=type=secret,id=ca true",
        "RUN --mount=type=cache,id=ca,target=/c true",
        "RUN echo --mount=type=secret,id=ca",
        "ONBUILD COPY a b",
        "ONBUILD",
    ],
)
def test_what_is_no_mount_of_a_secret_is_not_taken_for_one(line: str) -> None:
    assert mounted_secrets(parse_dockerfile(f"FROM scratch\n{line}\n")) == frozenset()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("COPY --chwon=1 a b", "did you mean chown?"),
        ("COPY --link=maybe a b", "does not understand --link=maybe"),
        ("COPY --from a b", "does not understand --from"),
        ("COPY --chmod=1 --chmod=2 a b", "--chmod is there twice"),
        ("CMD --x", "CMD has no flag --x"),
        ("COPY a", "at least one source"),
        ("COPY --from=$S a b", "from takes no variables"),
        ("RUN --mount=from=${S},target=/t true", "from takes no variables"),
        ("FROM a AS b c", "FROM takes an image"),
        ("FROM a AS 1b", "begins with a letter"),
        ("FROM $NONE", "$NONE has no value"),
        ("ENV a", "ENV name=value"),
        ("ENV a=1 b", "ENV name=value"),
        ("WORKDIR", "WORKDIR folder"),
        ("COPY ${A:?given} b", "A is not set: given"),
        ("COPY ${A b c", "is not known"),
    ],
)
def test_what_buildkit_refuses_is_an_error_with_its_line(line: str, words: str) -> None:
    with pytest.raises(MoorageError) as caught:
        read(f"FROM x\n\n{line}\n")
    assert "Dockerfile:3:1" in str(caught.value)
    assert words in str(caught.value)


@pytest.mark.parametrize("text", ["", "# nothing\n", "ARG A=1\n"])
def test_a_dockerfile_without_a_stage_is_an_error(text: str) -> None:
    with pytest.raises(MoorageError, match="Dockerfile has no stage"):
        read(text)
