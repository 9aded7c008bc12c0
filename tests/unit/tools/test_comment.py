"""The comment of a pull request."""

from __future__ import annotations

from tools.comment import LIMIT, markdown

OUTPUT = """Previewing update (dev):
 ~  kubernetes:apps/v1:Deployment backend update [diff: ~spec]
Resources:
    ~ 1 to update
    41 unchanged
"""


def test_the_counts_of_resources_are_the_headline() -> None:
    text = markdown("dev", OUTPUT)
    assert text.splitlines()[0] == "<!-- moorage preview dev -->"
    assert "\n~ 1 to update, 41 unchanged\n" in text
    assert "Deployment backend update" in text


def test_a_preview_that_broke_off_says_so() -> None:
    assert "the preview did not finish" in markdown("dev", "error apps/backend/service.yaml:3:5: …")


def test_colours_and_fences_do_not_break_the_comment() -> None:
    text = markdown("dev", "\x1b[31mred\x1b[0m ``` fence")
    assert "\x1b" not in text
    assert text.count("```") == 2


def test_a_long_preview_keeps_its_end_and_fits_into_a_comment() -> None:
    text = markdown("dev", "x" * LIMIT + OUTPUT)
    assert len(text) < 65_536
    assert "41 unchanged" in text
    assert "characters left out" in text
