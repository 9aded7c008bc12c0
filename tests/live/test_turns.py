"""Two updates of one stack at the same moment, with the real Pulumi: one waits for the other, whatever the backend."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from moorage.cli.sessions import session_of
from moorage.engine import stacks
from tests.live.test_down import Checkout, checkout
from tests.support.stack import ROOT

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.live
__all__ = ["checkout"]

PROGRAM = """\
import time

import pulumi

time.sleep({seconds})
pulumi.Stash("made", input=time.time())
"""
UPDATE = """\
import sys
from pathlib import Path

from moorage.cli.sessions import session_of
from moorage.engine import pulumi, stacklock

session = session_of(Path(sys.argv[1]), "dev")
arguments = ["up", "--yes", "--skip-preview", "--stack", "dev"]
if sys.argv[2] == "turn":
    with stacklock.turn(session):
        status = pulumi.show(session, arguments)
else:
    status = pulumi.show(session, arguments)
sys.exit(status)
"""


def at_once(*roots: Path, how: str) -> list[tuple[int, str]]:
    """Update stack dev of each checkout at the same moment; return exit status and output of each."""
    command = [sys.executable, "-c", UPDATE]
    started = [
        subprocess.Popen(
            [*command, str(root), how],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for root in roots
    ]
    outputs = [process.communicate(timeout=300)[0] for process in started]
    return [(process.returncode, text) for process, text in zip(started, outputs, strict=True)]


def slow(checkout: Checkout, seconds: float = 3) -> None:
    (checkout.root / "__main__.py").write_text(PROGRAM.format(seconds=seconds))
    stacks.ensure(session_of(checkout.root, "dev"))


def waited_for_each_other(found: list[tuple[int, str]]) -> None:
    for status, text in found:
        assert status == 0, text
        assert "currently locked" not in text
    assert sum("Another update of stack dev" in text for _, text in found) >= len(found) - 1


def test_three_updates_of_one_checkout_take_turns(checkout: Checkout) -> None:
    slow(checkout)
    waited_for_each_other(at_once(*[checkout.root] * 3, how="turn"))


def test_two_checkouts_whose_state_is_in_one_folder_take_turns(
    checkout: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shared").mkdir()
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"file://{tmp_path}/shared")
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "correct horse")
    (tmp_path / "second").mkdir()
    second = Checkout(tmp_path / "second")
    for one in (checkout, second):
        slow(one)
    waited_for_each_other(at_once(checkout.root, second.root, how="turn"))


def test_where_only_pulumi_keeps_a_lock_its_run_is_repeated_until_that_is_free(checkout: Checkout) -> None:
    slow(checkout)
    waited_for_each_other(at_once(checkout.root, checkout.root, how="pulumi's own lock"))
