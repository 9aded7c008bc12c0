"""Processes without a supervisor: records, identity, ending."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from moorage.base.errors import MoorageError
from moorage.platform import processes
from moorage.platform.processes import Program, Record

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "records"
    monkeypatch.setattr(processes, "RECORDS", folder)
    return folder


def sleeper(name: str = "sleeper", seconds: str = "60") -> Program:
    return Program(name=name, command=("sleep", seconds), on_node=False)


def test_a_started_process_is_found_again_and_not_started_twice(records: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert processes.ensure(sleeper(), log)
    first = processes.records()["sleeper"]
    assert first.alive
    assert not processes.ensure(sleeper(), log)
    assert processes.records()["sleeper"].pid == first.pid
    processes.stop(first)
    assert not first.alive
    assert processes.records() == {}


def test_changed_flags_restart_the_process(records: Path, tmp_path: Path) -> None:
    processes.ensure(sleeper(), tmp_path / "log")
    first = processes.records()["sleeper"]
    assert processes.ensure(sleeper(seconds="61"), tmp_path / "log")
    second = processes.records()["sleeper"]
    assert not first.alive
    assert second.alive
    processes.stop(second)


def test_a_process_id_that_is_used_again_is_not_taken_for_ours(records: Path) -> None:
    other = Record(name="x", pid=os.getpid(), start_ticks=1, digest="", log="")
    assert not other.alive
    processes.stop(other)  # would end this very test run otherwise
    assert processes.start_ticks(os.getpid()) is not None


def test_a_process_that_ignores_sigterm_is_killed(records: Path, tmp_path: Path) -> None:
    stubborn = (
        "import signal,time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    )
    program = Program(name="stubborn", command=(sys.executable, "-c", stubborn), on_node=False)
    log = tmp_path / "log"
    processes.ensure(program, log)
    processes.wait_until(lambda: "up" in log.read_text(), seconds=10, what="the process")
    record = processes.records()["stubborn"]
    processes.stop(record, seconds=0.2)
    assert not record.alive


def test_waiting_for_a_process_that_died_shows_the_end_of_its_log(records: Path, tmp_path: Path) -> None:
    program = Program(name="broken", command=("sh", "-c", "echo no such file: etcd.crt; exit 1"), on_node=False)
    log = tmp_path / "broken.log"

    def start_and_wait() -> None:
        processes.ensure(program, log)  # it may be dead before it is recorded
        processes.wait_until(lambda: False, seconds=10, what="broken", programs=("broken",))

    with pytest.raises(MoorageError) as caught:
        start_and_wait()
    problem = caught.value.problems[0]
    assert "broken has exited" in problem.what
    assert "no such file: etcd.crt" in problem.detail[-1]
    assert problem.remedy


def test_a_damaged_record_is_dropped(records: Path) -> None:
    records.mkdir()
    (records / "x.json").write_text("{")
    assert processes.records() == {}
    assert not (records / "x.json").exists()


def test_ending_waits_for_a_child_of_its_own() -> None:
    child = subprocess.Popen(["sleep", "60"])
    processes.end([child.pid])
    assert processes.start_ticks(child.pid) is None
