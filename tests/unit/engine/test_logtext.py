"""Log lines as an error shows them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.engine.logtext import last_lines, readable

CODES = (
    "\x1b[2m",
    "\x1b[0m",
    "\x1b[1;31m",
    "\x1b[38;5;208m",
    "\x1b[2K",
    "\x1b]0;title\x07",
    "\x1b]8;;http://x\x1b\\",
    "\x1b(B",
)


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("\x1b[2m20:41:07\x1b[0m \x1b[31merror\x1b[0m no such table", "20:41:07 error no such table"),
        ("\x1b]8;;http://docs\x1b\\see docs\x1b]8;;\x1b\\", "see docs"),
        ("10 %\r50 %\r100 % done", "100 % done"),
        ("a\tb", "a   b"),
        ("plain [2m text", "plain [2m text"),
    ],
)
def test_codes_for_terminals_are_taken_out(line: str, shown: str) -> None:
    assert readable(line, 80) == shown


def test_what_is_too_long_ends_in_an_ellipsis() -> None:
    told = readable("\x1b[31m" + "x" * 300 + "\x1b[0m", 80)
    assert told == "x" * 79 + "…"


@given(st.lists(st.sampled_from(CODES) | st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=9)))
def test_no_code_is_left_or_cut_in_its_middle(parts: list[str]) -> None:
    shown = readable("".join(parts), 20)
    assert "\x1b" not in shown
    assert len(shown) <= 20
    plain = "".join(part for part in parts if part not in CODES)
    if len(plain.expandtabs(4)) <= 20:
        assert shown == plain.expandtabs(4).rstrip()


def test_empty_lines_say_nothing() -> None:
    assert last_lines("one\n\n\x1b[0m\ntwo\n", 8, 80) == ["one", "two"]
