"""What a run of the tests gives them, says, and keeps; and that every property of the specification has its one test."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from tests.properties import batch
from tests.properties.batch import BATCHED, judge_together
from tests.properties.lanes import LANES, place_of
from tests.support import parts
from tests.support.environment import bare
from tests.support.parts import COMMANDS, PARTS, Ran

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parents[2]
MISSING = {15, 24, 25, 26}
"""Of the specification's 33, those whose part of the product is still to come."""
LOG = """\
..F
=================================== FAILURES ===================================
____ test_x ____
E   assert 1 == 2
============================= slowest durations ==============================
1.50s call     tests/a.py::test_x[a b]
0.25s setup    tests/a.py::test_y
=========================== short test summary info ============================
FAILED tests/a.py::test_x[a b]
1 failed, 2 passed in 3.20s
"""


def test_each_property_has_one_test_with_its_words_enough_examples_and_a_place() -> None:
    found: dict[int, Path] = {}
    for path in sorted((ROOT / "tests" / "properties").glob("test_property_*.py")):
        number = int(path.name.split("_")[2])
        text = path.read_text()
        named = re.findall(r"^# Feature: optimized-container-infrastructure, Property (\d+): ", text, re.MULTILINE)
        assert named == [str(number)], path
        assert number not in found, path
        found[number] = path
        counts = [int(count) for count in re.findall(r"max_examples=(\d+)", text)]
        assert counts, path
        assert min(counts) >= 100, path
        assert place_of(number)[0] in LANES
        assert len(re.findall(r"^@pytest.mark.property_test$", text, re.MULTILINE)) == 1, path
    assert set(range(1, 34)) - found.keys() == MISSING


def test_nothing_of_the_shell_reaches_tests_but_where_things_are() -> None:
    shell = {
        "HOME": "/home/x",
        "PATH": "/usr/bin:/bin",
        "TERM": "xterm",
        "MOORAGE_CACHE": "/cache",
        "HTTPS_PROXY": "http://proxy:1",
        "NO_PROXY": "intranet",
    }
    hostile = {
        "PULUMI_STACK": "x",
        "KUBECONFIG": "/x",
        "DOCKER_CONFIG": "/x",
        "PIP_INDEX_URL": "x",
        "UV_PYTHON": "/x",
        "NO_COLOR": "1",
        "LANG": "tr_TR.UTF-8",
        "LC_ALL": "tr_TR.UTF-8",
        "TZ": "UTC",
        "PYTHONPATH": "/x",
        "GIT_DIR": "/x",
        "MOORAGE_POLICY_PACK": "/x",
        "HOMEBREW_PREFIX": "/x",
    }
    given = bare({**shell, **hostile})
    assert {name: given[name] for name in shell.keys() - {"PATH", "NO_PROXY"}} == {
        name: value for name, value in shell.items() if name not in {"PATH", "NO_PROXY"}
    }
    assert given["PATH"] == f"{ROOT / '.venv/bin'}:/usr/bin:/bin"
    assert given["NO_PROXY"] == given["no_proxy"] == "intranet,127.0.0.1,::1,localhost,.localhost"
    assert not (hostile.keys() - {"LANG"}) & given.keys()
    assert given["LANG"] == "C.UTF-8"
    assert bare(given) == given


def test_a_part_is_known_or_refused_and_each_is_of_known_commands() -> None:
    assert {name for steps in PARTS.values() for lanes in steps for lane in lanes for name in lane} == COMMANDS.keys()
    command = [sys.executable, "-m", "tests.support.parts", "unit", "coffee"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 64
    assert "coffee" in result.stdout


def test_what_failed_how_long_it_took_and_in_a_few_words_is_read_from_the_log(tmp_path: Path) -> None:
    (tmp_path / "unit.log").write_text(LOG)
    ran = Ran("unit", 1, 3.2, tmp_path / "unit.log")
    assert ran.durations() == [(1.5, "tests/a.py::test_x[a b] (call)"), (0.25, "tests/a.py::test_y (setup)")]
    assert ran.outcome() == "1 failed, 2 passed"
    assert "assert 1 == 2" in ran.failures()
    assert "FAILED tests/a.py::test_x[a b]" in ran.failures()
    assert "slowest" not in ran.failures()
    (tmp_path / "check.log").write_text("a.py:1: error\n")
    assert Ran("check", 1, 1, tmp_path / "check.log").failures() == "a.py:1: error\n"


def test_lanes_run_side_by_side_and_each_command_leaves_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "FOLDER", tmp_path)
    # Each waits for the other: one after the other they would never end.
    waits = "until [ -e {0}/{2} ]; do touch {0}/{1}; sleep 0.05; done; touch {0}/{1}; echo {1}"
    commands = {
        "one": waits.format(tmp_path, "one", "two"),
        "two": waits.format(tmp_path, "two", "one"),
        "bad": "exit 3",
    }
    monkeypatch.setattr(parts, "COMMANDS", commands)
    said = Console(file=io.StringIO(), width=200)
    ended = parts.run([["one", "bad"], ["two"]], bare({"PATH": "/usr/bin:/bin"}), said)
    assert {ran.name: ran.status for ran in ended} == {"one": 0, "two": 0, "bad": 3}
    assert [ran.output for ran in sorted(ended, key=lambda ran: ran.name)] == ["", "one\n", "two\n"]
    assert isinstance(said.file, io.StringIO)
    assert len(said.file.getvalue().splitlines()) == 3


def test_all_failures_of_a_batch_are_reported_with_its_seed_whatever_is_raised() -> None:
    @settings(BATCHED, max_examples=100)
    @given(example=st.integers(0, 10**9))
    def judged(example: int, outcome: Any) -> None:
        assert example % 3
        if example % 3 == 1:
            raise KeyError(outcome)

    def echo(examples: Sequence[int]) -> Sequence[int]:
        return [*examples]

    with pytest.raises(ExceptionGroup, match=f"MOORAGE_PROPERTY_SEED={batch.SEED}") as caught:
        judge_together(judged, echo)
    assert {type(error) for error in caught.value.exceptions} == {AssertionError, KeyError}
    assert all("for the example" in error.__notes__[-1] for error in caught.value.exceptions)

    def broken(_: Sequence[int]) -> Sequence[int]:
        raise OSError("no builder")

    with pytest.raises(OSError, match="no builder") as lost:
        judge_together(judged, broken)
    assert f"MOORAGE_PROPERTY_SEED={batch.SEED}" in lost.value.__notes__[0]
