"""Colour is for terminals, and for those who did not decline it with NO_COLOR."""

from __future__ import annotations

import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
SAYS = "from moorage.base.console import out, show_problem; from moorage.base.errors import Problem\n"
SAYS += "out.print('[dim]quiet[/] [bold red]loud[/]'); show_problem(Problem(what='w', why='y', remedy='r'))"
COMMANDS = {
    "console": [sys.executable, "-c", SAYS],
    "make help": ["make", "--no-print-directory", "help"],
    "bootstrap": ["/bin/sh", "moorage/platform/bootstrap"],
    "tests/run": ["tests/run", "coffee"],
}


def printed(name: str, tmp_path: Path, *, terminal: bool, **variables: str) -> bytes:
    """Return what a command prints, to a terminal or to a file."""
    command = COMMANDS[name]
    environment = {key: value for key, value in os.environ.items() if key not in {"NO_COLOR", "FORCE_COLOR", "CI"}}
    environment |= {"TERM": "xterm"} | variables
    if name == "bootstrap":
        # On a PATH without Python it ends in its error.
        environment["PATH"] = str(tmp_path)
        for program in ("dirname", "date"):
            if not (tmp_path / program).exists():
                (tmp_path / program).symlink_to(str(shutil.which(program)))
    if not terminal:
        return subprocess.run(command, cwd=ROOT, env=environment, stdout=-1, stderr=-2, check=False).stdout
    ours, theirs = pty.openpty()
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=theirs, stderr=theirs)
    os.close(theirs)
    text = b""
    try:
        while chunk := os.read(ours, 4096):
            text += chunk
    except OSError:
        pass  # the other end is closed
    os.close(ours)
    process.wait()
    return text


@pytest.mark.parametrize("name", COMMANDS)
def test_a_terminal_shows_colour_and_nothing_else_does(name: str, tmp_path: Path) -> None:
    assert b"\x1b[" in printed(name, tmp_path, terminal=True)
    for text in (printed(name, tmp_path, terminal=False), printed(name, tmp_path, terminal=True, NO_COLOR="1")):
        assert b"\x1b" not in text
        assert len(text) > 10
