"""A build's progress: it moves while one large component is built, and estimates the time left."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moorage.platform.build_progress import BuildProgress, processor_seconds
from moorage.platform.pins import Component, components
from tests.support.stack import eventually

if TYPE_CHECKING:
    from pathlib import Path

BURN = "import time\nwhile time.process_time() < {seconds}: pass\nprint('burnt', flush=True); time.sleep(60)"


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def parts(**weights: float) -> list[Component]:
    """Components of these names and weights."""
    some = components()[0]
    return [dataclasses.replace(some, name=name, weight=weight) for name, weight in weights.items()]


def spend(progress: BuildProgress, name: str, seconds: float) -> None:
    """Let a component have used so much processor time, as a look at its processes would have found."""
    progress._parts[name].running = seconds
    progress.sample({})


def test_the_processor_time_of_a_session_counts_its_children_dead_and_alive() -> None:
    ended = BURN.format(seconds=0.3).replace("time.sleep(60)", "")
    program = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {ended!r}])\n" + BURN.format(seconds=0.3)
    with subprocess.Popen(
        [sys.executable, "-c", program], start_new_session=True, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.readline()
        used = processor_seconds({process.pid})
        process.kill()
    assert 0.5 <= used[process.pid] < 3


def test_a_component_of_half_of_the_work_moves_the_percentage_as_it_is_compiled(tmp_path: Path) -> None:
    progress = BuildProgress(parts(large=50, small=25, other=25), tmp_path / "record.json")
    shown = []
    for spent in range(0, 100, 10):
        spend(progress, "large", spent)
        shown.append(progress.share)
    assert shown == sorted(set(shown))
    assert shown[5] == pytest.approx(0.25)
    assert "of 3 built" in progress.text()


@settings(deadline=None)
@given(costs=st.lists(st.floats(0, 1e4), min_size=1, max_size=30))
def test_the_share_never_falls_and_is_whole_only_at_the_end(
    tmp_path_factory: pytest.TempPathFactory, costs: list[float]
) -> None:
    progress = BuildProgress(parts(a=100, b=1), tmp_path_factory.getbasetemp() / "record.json")
    before = 0.0
    for cost in sorted(costs):
        spend(progress, "a", cost)
        assert before <= progress.share < 1
        before = progress.share
        assert "100%" not in progress.text()


def test_the_time_left_follows_the_pace_of_this_machine(tmp_path: Path) -> None:
    clock = Clock()
    progress = BuildProgress(parts(large=300, small=300), tmp_path / "record.json", clock)
    assert progress.seconds_left is None
    for second in range(60):
        clock.now = second
        spend(progress, "large", second * 1.0)  # one core's worth, where a weight counts two
    assert progress.seconds_left == pytest.approx(1200 - 59, rel=0.01)
    assert "about 20 min left" in progress.text()
    for second in range(60, 400):
        clock.now = second
        spend(progress, "large", 60 + (second - 60) * 1.5)
    assert progress.seconds_left == pytest.approx((1200 - progress.share * 1200) / 1.5, rel=0.1)


def test_what_the_last_build_took_counts_more_than_the_weight(tmp_path: Path) -> None:
    record = tmp_path / "record.json"
    known = parts(large=10, small=10)
    first = BuildProgress(known, record)
    spend(first, "large", 900)
    first.command_ended("large")
    first.finished("large")
    assert json.loads(record.read_text())[known[0].folder] == 900
    second = BuildProgress(known, record)
    spend(second, "large", 450)
    assert second.share == pytest.approx(450 / 920)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"x": "y"}', '{"x": -1}', "null"])
def test_a_damaged_record_is_no_hindrance(tmp_path: Path, text: str) -> None:
    record = tmp_path / "record.json"
    record.write_text(text)
    progress = BuildProgress(parts(only=10), record)
    spend(progress, "only", 10)
    assert progress.share == pytest.approx(0.5)
    progress.finished("only")
    assert progress.share == 1


def test_what_is_discarded_is_gone_at_once_by_name_and_soon_altogether(tmp_path: Path) -> None:
    from moorage.platform.toolchain_builder import DISCARDED, discard, sweep

    folder = tmp_path / "go"
    (folder / "mod").mkdir(parents=True)
    (folder / "mod" / "file").write_text("x")
    interrupted = tmp_path / f"{DISCARDED}earlier" / "go"
    interrupted.mkdir(parents=True)
    started = time.monotonic()
    discard(folder)
    assert not folder.exists()
    assert time.monotonic() - started < 5
    eventually(lambda: list(tmp_path.iterdir()) == [], seconds=20)
    sweep(tmp_path)
