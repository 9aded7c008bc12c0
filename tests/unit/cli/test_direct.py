"""What is answered without the command line is just what the command line would have done."""

from __future__ import annotations

import itertools
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from moorage.base.errors import MoorageError, Terminated
from moorage.cli import affected, direct, look_commands
from moorage.cli.main import app

if TYPE_CHECKING:
    from pathlib import Path

WORDS = ("affected", "--json", "prod", "--since", "--since=HEAD", "main", "--", "-h", "--help", "why", "")
TAKES_THREE = [list(words) for count in range(4) for words in itertools.product(WORDS, repeat=count)]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Stack and revision of each question that was answered as JSON."""
    seen: list[tuple[str, str]] = []

    def answer(_root: Path, stack: str, *, since: str, as_json: bool) -> None:
        if as_json:
            seen.append((stack, since))

    monkeypatch.setattr(affected, "affected", answer)
    monkeypatch.setattr(affected, "why", lambda *_: None)
    for module in (look_commands,):
        monkeypatch.setattr(module, "find_root", lambda: None)
    return seen


def test_every_command_line_means_the_same_to_both(calls: list[tuple[str, str]]) -> None:
    """All command lines of ``affected`` of up to four words, and all others of up to three."""
    answered = 0
    for rest in TAKES_THREE:
        words = ["affected", *rest]
        asked = direct.question(words)
        if asked is None:
            continue
        calls.clear()
        result = CliRunner().invoke(app, words)
        assert (words, calls, result.exit_code) == (words, [asked], 0)
        answered += 1
    assert answered > 20


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["affected"],
        ["affected", "--help", "--json"],
        ["affected", "--json", "--since", "--json"],
        ["affected", "--json", "a", "b"],
        ["affected", "--json", "--sinc", "HEAD"],
        ["why", "--json"],
        ["--json", "affected"],
    ],
)
def test_what_is_no_such_question_is_left_to_the_command_line(words: list[str]) -> None:
    assert direct.question(words) is None
    assert not direct.answered(words)


@pytest.mark.parametrize(
    ("raised", "status", "said"),
    [
        (MoorageError.of("it is wrong", where="here", why="so", remedy="fix it"), 1, "it is wrong"),
        (PermissionError(13, "Permission denied", "/some/file"), 1, "/some/file"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (Terminated(), 143, "interrupted"),
    ],
)
def test_it_ends_as_the_command_line_does(
    raised: BaseException, status: int, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise raised

    monkeypatch.setattr(direct, "_affected", fail)
    with pytest.raises(SystemExit) as caught:
        direct.answered(["affected", "--json"])
    assert caught.value.code == status
    assert said in capsys.readouterr().err


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    code = "from moorage.cli import direct; direct._affected = lambda *_: print('x' * 1_000_000); direct.answered(['affected', '--json'])"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.read(1)
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == b""
    assert process.wait() == 1
