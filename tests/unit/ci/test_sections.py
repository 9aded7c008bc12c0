"""What a reviewer is told of a preview's report."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.ci.comment import markdown
from moorage.ci.sections import LIMIT, read_report, sections

if TYPE_CHECKING:
    from pathlib import Path

MOST = 65_536
"""Characters that GitHub takes in a comment."""
BACKEND = {
    "name": "backend",
    "rebuilt": ["apps/backend/backend/app.py changed", "uv.lock changed"],
    "redeployed": "rolled out",
    "bytesBefore": 27_500_000,
    "bytesAfter": 30_250_000,
}


def cells(report: dict[str, Any]) -> list[str]:
    """Return the cells of the table's only row."""
    (row,) = [line for line in sections(report).splitlines() if line.startswith("| `")]
    return [cell.strip() for cell in row.strip("|").split("|")]


def test_a_service_is_told_with_why_it_is_built_and_how_its_image_grows() -> None:
    told = cells({"services": [BACKEND]})
    assert told == [
        "`backend`",
        "rebuilt: `apps/backend/backend/app.py changed` and 1 more",
        "30.2 MB (+2.8 MB, +10.0%)",
        "rolled out",
    ]


@pytest.mark.parametrize(
    ("changes", "size"),
    [
        ({"bytesAfter": None}, "known once built"),
        ({"bytesBefore": None}, "30.2 MB"),
        ({"bytesAfter": 27_000_000}, "27.0 MB (-500.0 kB, -1.8%)"),
        ({"rebuilt": []}, "same"),
    ],
)
def test_a_size_is_told_as_far_as_it_is_known(changes: dict[str, Any], size: str) -> None:
    assert cells({"services": [BACKEND | changes]})[2] == size


def test_services_that_stay_as_they_are_are_counted() -> None:
    quiet = {"name": "frontend", "rebuilt": [], "redeployed": ""}
    text = sections({"services": [BACKEND, quiet, quiet | {"name": "worker"}]})
    assert "2 neither rebuilt nor redeployed" in text
    assert "frontend" not in text


def test_a_risk_comes_first_and_what_must_be_mended_before_what_is_advised() -> None:
    policies = [
        {"policy": "set-priority", "level": "advisory", "resource": "worker", "message": "no priority"},
        {"policy": "require-non-root-user", "level": "mandatory", "resource": "worker", "message": "USER is 0"},
    ]
    text = sections({"services": [BACKEND], "policies": policies, "risks": ["deletes StatefulSet postgres"]})
    assert text.startswith("**⚠️ At risk**\n\n- deletes StatefulSet postgres")
    assert text.index("require-non-root-user") < text.index("set-priority")


def test_nothing_of_a_report_is_markdown_or_notifies_anybody() -> None:
    text = sections(
        {"risks": ["<img src=x> @team [a](https://x) `b` | c"], "services": [{**BACKEND, "name": "a|b`@c"}]}
    )
    for meant in ("<img", "@team", "[a]", "https://"):
        assert meant not in text.replace("\\", "\0").replace("\0<", "\0").replace("\0[", "\0")
    assert "| `a b @c` |" in text


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=300),
    lambda inner: st.lists(inner, max_size=40) | st.dictionaries(st.text(max_size=5), inner, max_size=5),
    max_leaves=60,
)
reports = st.fixed_dictionaries(
    {},
    optional={
        "risks": json_values,
        "downtime": st.lists(st.text(max_size=400), max_size=300),
        "services": st.lists(
            st.fixed_dictionaries(
                {"name": st.text(max_size=400), "rebuilt": st.lists(st.text(max_size=400), max_size=3)}
            ),
            max_size=100,
        ),
        "policies": json_values,
        "drift": json_values,
    },
)


@given(report=reports, output=st.sampled_from(["", "error: it\n" * 9000, "x" * 70_000]))
def test_whatever_a_report_holds_the_comment_fits(report: dict[str, Any], output: str) -> None:
    assert len(sections(report)) <= LIMIT + 100
    assert len(markdown("dev", output, report)) < MOST


def test_a_report_that_is_missing_or_broken_is_none(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    assert read_report(path) is read_report(None) is None
    for broken in ("{", "[1]", ""):
        path.write_text(broken)
        assert read_report(path) is None
    path.write_text(json.dumps({"services": []}))
    assert read_report(path) == {"services": []}
