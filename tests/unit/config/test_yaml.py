"""YAML with positions: what a file means, where each value stands, and what is said of a broken one."""

from __future__ import annotations

import json
import string
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.base.errors import Location, MoorageError, Problem
from moorage.config.yamlfile import Document, parse_yaml, plain_value, read_yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moorage.config.yamlfile import Trail

PATH = Path("file.yaml")

# Everything that YAML and JSON both write unescaped, with some of each kind that has a meaning in YAML.
alphabet = "aZ09 -:#?&*!|>'%@`\"{}[],~._\\éß漢🚢"
words = st.text(alphabet, max_size=12)
keys = st.text(alphabet, min_size=1, max_size=12)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | words
trees = st.dictionaries(
    keys,
    st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
        max_leaves=8,
    ),
    max_size=3,
)


def parse(text: str) -> Document:
    return parse_yaml(text, PATH)


def syntax_problem(text: str) -> Problem:
    with pytest.raises(MoorageError) as caught:
        parse(text)
    (problem,) = caught.value.problems
    return problem


def leaves(value: Any, trail: Trail = ()) -> Iterator[tuple[Trail, Any]]:
    """Yield every scalar of a tree with the way to it."""
    if isinstance(value, dict | list):
        for part, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(item, (*trail, part))
    else:
        yield trail, value


@given(trees)
def test_json_means_the_same_when_read_as_yaml(tree: dict[str, Any]) -> None:
    assert parse(json.dumps(tree, ensure_ascii=False)).data == tree


@given(trees)
def test_every_value_is_found_where_it_is_written(tree: dict[str, Any]) -> None:
    text = json.dumps(tree, ensure_ascii=False, indent=2)
    document = parse(text)
    for trail, value in leaves(tree):
        place = document.value_at(trail)
        line = text.splitlines()[place.line - 1]
        assert line[place.column - 1 :].startswith(json.dumps(value, ensure_ascii=False))
        if isinstance(trail[-1], str):
            key = document.key_at(trail)
            assert line[key.column - 1 :].startswith(json.dumps(trail[-1], ensure_ascii=False))


@given(st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.booleans() | st.none())
def test_a_plain_json_scalar_is_read_as_json_reads_it(value: object) -> None:
    read = plain_value(json.dumps(value))
    assert (type(read), read) == (type(value), value)


@pytest.mark.parametrize(
    "text", ["on", "yes", "No", "2026-11-24", "12:30:45", "1_000", "0b1", "1.2.3", "500m", "-", "."]
)
def test_what_only_yaml_1_1_takes_for_something_else_is_text(text: str) -> None:
    assert plain_value(text) == text


def test_quotes_and_the_tag_for_text_make_text_of_a_number() -> None:
    assert parse("""{a: "1", b: '2', c: !!str 3, d: 4}""").data == {"a": "1", "b": "2", "c": "3", "d": 4}


def test_an_alias_stands_for_its_anchor() -> None:
    document = parse("a: &x\n  b: 1\nc: *x\n")
    assert document.data == {"a": {"b": 1}, "c": {"b": 1}}
    assert document.value_at(("c", "b")) == Location(file="file.yaml", line=2, column=6)


def test_a_block_is_found_at_its_key_and_what_is_missing_at_what_would_hold_it() -> None:
    document = parse("name: x\nroute:\n  path: /\n")
    route = Location(file="file.yaml", line=2, column=1)
    assert document.value_at(("route",)) == route
    assert document.value_at(("route", "host")) == route
    assert document.value_at(("absent",)) == Location(file="file.yaml", line=1, column=1)


@pytest.mark.parametrize(
    ("text", "line", "column", "what"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, 1, "the key a appears twice"),
        ("a:\n  b: 1\n  b: 2\n", 3, 3, "the key b appears twice"),
        ("a:\n\tb: 1\n", 2, 1, "a tab is used for indentation"),
        ("a: 1\n\tb: 1\n", 2, 1, "a tab is used for indentation"),
        ("a: b: c\n", 1, 5, "a colon is not expected here"),
        ("a:\n  - b\n c: 1\n", 3, 2, "wrong indentation"),
        ("a: [1, 2\nb: 3\n", 1, 4, "the bracket is not closed"),
        ('a: "x\nb: 1\n', 1, 4, "the quote is not closed"),
        ('a: "\\q"\n', 1, 5, "unknown escape sequence"),
        ("a: @x\n", 1, 4, "a value begins with a reserved character"),
        ("a: *x\n", 1, 4, "the alias has no anchor"),
        ("a: &x [*x]\n", 1, 4, "an alias refers to its own value"),
        ("a: 1\n---\nb: 1\n", 2, 1, "a second document begins here"),
        ("- a\n- b\n", 1, 1, "the file is not a mapping"),
        ("a: !vault x\n", 1, 4, "the tag !vault is not supported"),
        ("a: !!python/name:os.system {}\n", 1, 4, "the tag !!python/name:os.system is not supported"),
        ("? [a]\n: 1\n", 1, 3, "a key is a list or a mapping"),
        ("b: &x {c: 1}\na:\n  <<: *x\n", 3, 3, "<< merges another mapping"),
        ("a: 1\nb: \x07\n", 2, 4, "the character U+0007 is not allowed in YAML"),
        ("", 0, 0, "the file is empty"),
        ("# nothing\n", 0, 0, "the file is empty"),
        ("a: " + "[" * 5_000, 0, 0, "lists or mappings are nested too deeply"),
        ("- " * 50_000 + "a", 0, 0, "lists or mappings are nested too deeply"),
    ],
)
def test_broken_yaml_is_one_clear_error(text: str, line: int, column: int, what: str) -> None:
    problem = syntax_problem(text)
    assert (problem.what, problem.where) == (what, Location(file="file.yaml", line=line, column=column))
    assert problem.remedy


def test_the_offending_line_is_quoted_with_a_mark_below_the_column() -> None:
    assert syntax_problem("a: 1\nb: c: d\n").detail == ("   2 | b: c: d", "           ^")


def test_of_a_file_with_secrets_no_line_is_quoted() -> None:
    with pytest.raises(MoorageError) as caught:
        parse_yaml("token: hunter2: x\n", PATH, secret=True)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("deep", ["", "# " + "[" * 1100], ids=["libyaml", "python"])
@pytest.mark.parametrize("text", [r'a: "\ud83d"', r'a: "\ud83d\ude00"', r'a: ["\udfff"]', r'"\ud800": a'])
def test_half_of_a_surrogate_pair_is_no_character(text: str, deep: str) -> None:
    with pytest.raises(MoorageError) as caught:
        parse(f"{text}\n{deep}\n")
    problem = caught.value.problems[0]
    assert "invalid escape sequence" in problem.what
    assert problem.remedy == "write the character itself"
    assert isinstance(problem.where, Location)
    assert problem.where.line == 1


def test_of_a_long_line_only_the_part_around_the_place_is_quoted() -> None:
    problem = syntax_problem(f"a: [{'x, ' * 1000}{{b: 1, b: 2}}{', x' * 1000}]")
    shown, caret = problem.detail
    assert len(shown) < 200
    assert shown[caret.index("^") :].startswith("b: 2}, x, x")


def test_every_repeated_key_of_a_file_is_named() -> None:
    with pytest.raises(MoorageError) as caught:
        parse("a: 1\na: 2\nb: {c: 1, c: 2}\n")
    assert [problem.what for problem in caught.value.problems] == ["the key a appears twice", "the key c appears twice"]


def test_a_file_that_is_not_utf_8_is_named_with_the_byte(tmp_path: Path) -> None:
    path = tmp_path / "latin.yaml"
    path.write_bytes(b"a: 1\nb: \xe5\n")
    with pytest.raises(MoorageError) as caught:
        read_yaml(path)
    assert caught.value.problems[0].where == Location(file=str(path), line=2, column=4)
    assert caught.value.problems[0].what == "the byte 0xe5 is not UTF-8"


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(MoorageError) as caught:
        read_yaml(tmp_path)
    assert caught.value.problems[0].what == "the file cannot be read"
    assert caught.value.problems[0].remedy


@given(st.text(string.printable, max_size=60))
def test_any_text_is_either_read_or_complained_of(text: str) -> None:
    try:
        data = parse(text).data
    except MoorageError as error:
        data, problems = None, error.problems
    else:
        problems = ()
    assert isinstance(data, dict) != bool(problems)
    assert all(problem.what and problem.remedy and problem.where for problem in problems)
