"""The measures of ``make bench``: figures are kept as they come, and the caller's variables are not theirs."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from tests.bench import __main__ as bench
from tests.bench.figure import Figure

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def first() -> list[Figure]:
    return [Figure(name="first", value=1, unit="s")]


def broken() -> list[Figure]:
    raise RuntimeError("no such stack")


def last() -> list[Figure]:
    return [Figure(name="last", value=2, unit="s")]


def test_a_measure_that_fails_is_named_and_takes_no_other_figure_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench, "MEASURES", (first, broken, last))
    monkeypatch.setattr(bench, "ROOT", tmp_path)
    assert bench.main([]) == 1
    told = capsys.readouterr().out
    assert "not measured  broken: RuntimeError: no such stack" in told
    (path,) = (tmp_path / ".moorage/bench").glob("*.json")
    assert [figure["name"] for figure in json.loads(path.read_text())["figures"]] == ["first", "last"]


def test_the_callers_stack_and_cluster_are_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PULUMI_BACKEND_URL", "PULUMI_STACK", "KUBECONFIG", "DOCKER_CONFIG"):
        monkeypatch.setenv(name, "theirs")
    bench.own_variables()
    assert not {name for name in os.environ if name.startswith("PULUMI_") or name in {"KUBECONFIG", "DOCKER_CONFIG"}}
