"""The comment of a pull request."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.ci.comment import LIMIT, markdown, plain

MOST = 65_536
"""Characters that GitHub takes."""
OUTPUT = """Previewing update (dev):
 ~  kubernetes:apps/v1:Deployment backend update [diff: ~spec]
Resources:
    ~ 1 to update
    41 unchanged
"""
BROKEN = """Previewing update (prod):
 +  kubernetes:apps/v1:Deployment backend create
Diagnostics:
  kubernetes:apps/v1:Deployment (backend):
    error: the image has no digest
      it is still to be built
Policies:
    ❌ moorage@v0.1.0
        - [mandatory]  require-non-root-user  (kubernetes:apps/v1:Deployment: backend)
          USER is 0
        - [advisory]  set-priority  (kubernetes:apps/v1:Deployment: backend)
Resources:
    + 3 to create
"""


def test_the_counts_of_resources_are_the_headline() -> None:
    text = markdown("dev", OUTPUT)
    assert text.splitlines()[0] == "<!-- moorage preview dev -->"
    assert "\n~ 1 to update, 41 unchanged\n" in text
    assert "Deployment backend update" in text


def test_a_preview_that_broke_off_says_so() -> None:
    assert "the preview did not finish" in markdown("dev", "error apps/backend/service.yaml:3:5: …")


def test_causes_come_before_everything_else_with_what_belongs_to_them() -> None:
    head, _, rest = markdown("prod", BROKEN).partition("<details>")
    assert "error: the image has no digest\n  it is still to be built\n" in head
    assert "- [mandatory]  require-non-root-user  (kubernetes:apps/v1:Deployment: backend)\n  USER is 0\n" in head
    assert "advisory" not in head
    assert "advisory" in rest
    assert "+ 3 to create" in head
    assert "```" not in markdown("dev", OUTPUT).partition("<details>")[0]


def test_a_cause_that_is_told_twice_is_shown_once() -> None:
    assert markdown("prod", BROKEN + BROKEN).partition("<details>")[0].count("has no digest") == 1


@pytest.mark.parametrize(
    "dressed",
    [
        "\x1b[31mred\x1b[0m",
        "\x1b[38;2;255;0;0mred\x1b[m",
        "\x1b[1;2Hred\x1b[K",
        "\x1b]8;;https://example.com\x1b\\red\x1b]8;;\x1b\\",
        "\x1b]0;title\x07red",
        "\x9b31mred",
        "\x1b(Bred\x1b=",
        "r\x00e\x08d",
        "10 %\r50 %\rred",
        "red\r",
        "\x1b[?25lred\x1b[?25h",
    ],
)
def test_what_only_a_terminal_understands_is_taken_out(dressed: str) -> None:
    assert plain(f"{dressed}\n") == "red"


def test_folds_of_the_jobs_log_are_taken_out() -> None:
    assert plain("::group::log of backend\nstep 1\n::endgroup::\nrest") == "log of backend\nstep 1\nrest"


def test_colours_and_fences_do_not_break_the_comment() -> None:
    text = markdown("dev", "\x1b[31mred\x1b[0m ``` fence ~~~ ````")
    assert "\x1b" not in text
    assert text.count("```") == 2


def test_a_long_preview_keeps_its_end_and_fits_into_a_comment() -> None:
    text = markdown("dev", "x" * LIMIT + OUTPUT)
    assert len(text) < MOST
    assert "41 unchanged" in text
    assert "characters left out" in text


@pytest.mark.parametrize(
    "output",
    [
        "error " + "x" * 200_000,
        "error one\n" * 50_000,
        "\n".join(f"error {number}\n  why" for number in range(9_000)),
        "Resources:\n" + "    1 to create\n" * 9_000,
        "Resources:\n    " + "9" * 100_000 + " to create\n",
        "Resources:\n    1 to create " + "x" * 100_000 + "\n",
        "```" * 60_000,
        "\x1b[31m" * 60_000 + "x" * 100_000,
        "\u2028" * 70_000,
        "🚢" * 70_000,
        "",
    ],
)
def test_no_output_makes_a_comment_too_long(output: str) -> None:
    text = markdown("s" * 70_000, output)
    assert len(text) < MOST
    assert text.endswith("</details>\n")


@given(st.text(alphabet=st.sampled_from("error: [mandatory]-`~\x1b[0m\r\n #<>@x1"), max_size=400), st.integers(1, 400))
def test_whatever_is_printed_stays_in_its_fences(piece: str, times: int) -> None:
    text = markdown("dev", piece * times)
    assert len(text) < MOST
    fences = [line for line in text.split("\n") if line.startswith("```")]
    assert len(fences) in (0, 2, 4)
    assert text.count("```") == len(fences)
    assert "\x1b" not in text


def test_the_headline_holds_no_text_of_the_program() -> None:
    text = markdown("dev", "Resources:\n    @everyone <img src=x>\n    + 1 to create\n")
    assert "\n\n+ 1 to create\n\n" in text


def test_the_tool_reads_any_bytes(tmp_path: Path) -> None:
    (tmp_path / "preview.txt").write_bytes(b"\xff\xfe error \x80\n" + OUTPUT.encode())
    command = [sys.executable, "-m", "moorage.ci.comment", "dev", str(tmp_path / "preview.txt")]
    result = subprocess.run(command, cwd=Path(__file__).parents[3], capture_output=True, check=True)
    assert "41 unchanged" in result.stdout.decode()
