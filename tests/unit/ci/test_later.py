"""Whether a stack is at a later commit than the one that is to be deployed."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from moorage.ci.later import is_later, last_commit

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def commits(tmp_path: Path) -> list[str]:
    """Three commits of main, one after the other, and one of a branch that left it after the first."""

    def git(*words: str) -> str:
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"]
        result = subprocess.run(["git", *identity, *words], cwd=tmp_path, capture_output=True, text=True, check=True)
        return result.stdout.strip()

    def commit(text: str) -> str:
        git("commit", "--allow-empty", "--message", text)
        return git("rev-parse", "HEAD")

    git("init", "--initial-branch", "main")
    found = [commit("one"), commit("two"), commit("three")]
    git("checkout", "-b", "branch", found[0])
    found.append(commit("aside"))
    git("checkout", "--detach", found[1])
    return found


def test_only_a_descendant_of_the_checkout_is_later(tmp_path: Path, commits: list[str]) -> None:
    one, two, three, aside = commits
    assert [is_later(tmp_path, commit) for commit in (one, two, three, aside, "f" * 40)] == [
        False,
        False,
        True,
        False,
        False,
    ]


def test_the_commit_is_that_of_the_latest_update() -> None:
    history = [
        {"kind": "destroy", "environment": {"git.head": "d"}},
        {"kind": "update", "environment": {"git.head": "c"}, "result": "failed"},
        {"kind": "update", "environment": {"git.head": "b"}},
    ]
    assert last_commit(history) == "c"
    assert last_commit([{"kind": "update", "environment": {}}]) == ""
    assert last_commit([]) == ""
