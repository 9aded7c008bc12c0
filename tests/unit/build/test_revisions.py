"""Against a git revision the bytes count, whatever git makes of them on their way to the disk and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from moorage.build.comparison import changes
from moorage.build.outline import outline_of
from moorage.build.revisions import record_at
from moorage.config.loader import load_project
from tests.unit.change_samples import commit, git, now, put, root

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["root"]
MAIN, OTHER = "apps/backend/src/main.txt", "apps/backend/src/other.txt"


def touched(root: Path, revision: str = "HEAD") -> dict[str, list[str]]:
    """Return what would be rebuilt since a revision, and why."""
    project, after = load_project(root, "dev"), now(root)
    before = record_at(outline_of(project), revision, after)
    assert before is not None
    return {
        folder: [str(why) for why in found]
        for folder, found in changes(outline_of(project), before, after).images.items()
    }


def attributes(text: str) -> Callable[[Path], None]:
    return lambda root: put(root, ".gitattributes", text)


def settings(*pairs: tuple[str, str]) -> Callable[[Path], None]:
    def prepare(root: Path) -> None:
        for name, value in pairs:
            git(root, "config", name, value)

    return prepare


def filtered(root: Path) -> None:
    settings(("filter.loud.clean", "tr A-Z a-z"), ("filter.loud.smudge", "cat"))(root)
    put(root, ".gitattributes", "*.txt filter=loud\n")


def flagged(flag: str) -> Callable[[Path], None]:
    return lambda root: git(root, "update-index", flag, MAIN)


KINDS: dict[str, tuple[Callable[[Path], None], str]] = {
    "text=auto": (attributes("* text=auto\n"), "first\r\n"),
    "text": (attributes("*.txt text\n"), "first\r\n"),
    "eol": (attributes("*.txt eol=lf\n"), "first\r\n"),
    "core.autocrlf input": (settings(("core.autocrlf", "input"), ("core.safecrlf", "false")), "first\r\n"),
    "filter": (filtered, "FIRST\n"),
    "ident": (attributes("*.txt ident\n"), "$Id: 123 $\n"),
}
"""What git is told, and bytes on disk that it then takes for those of the commit."""


@pytest.mark.parametrize("kind", KINDS)
def test_bytes_that_git_takes_for_the_same_are_not(root: Path, kind: str) -> None:
    prepare, text = KINDS[kind]
    put(root, MAIN, "$Id$\n" if kind == "ident" else "first\n")
    put(root, OTHER, "$Id$\n" if kind == "ident" else "second\n")
    prepare(root)
    commit(root)
    if kind == "ident":
        for path in (MAIN, OTHER):
            (root / path).unlink()
        git(root, "checkout", "--", ".")
    assert touched(root) == {}
    put(root, MAIN, text)
    assert touched(root) == {"apps/backend": [f"{MAIN} changed"]}


@pytest.mark.parametrize("flag", ["--assume-unchanged", "--skip-worktree"])
def test_what_git_was_told_not_to_look_at_is_looked_at(root: Path, flag: str) -> None:
    flagged(flag)(root)
    assert touched(root) == {}
    put(root, MAIN, "second")
    assert touched(root) == {"apps/backend": [f"{MAIN} changed"]}


def test_the_executable_bit_counts_where_git_ignores_it(root: Path) -> None:
    git(root, "config", "core.fileMode", "false")
    assert touched(root) == {}
    (root / MAIN).chmod(0o755)
    assert touched(root) == {"apps/backend": [f"{MAIN} mode changed"]}


def test_files_of_submodules_count_by_the_commit_that_they_are_at(
    root: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    module = tmp_path_factory.mktemp("module")
    git(module, "init", "--quiet", "--initial-branch=main")
    for name in ("a", "b", "c"):
        put(module, f"{name}.txt", name)
    commit(module)
    git(root, "-c", "protocol.file.allow=always", "submodule", "add", "--quiet", str(module), "apps/backend/src/module")
    commit(root)
    inside = "apps/backend/src/module"
    assert touched(root) == {}
    put(root, f"{inside}/a.txt", "other")
    (root / inside / "b.txt").unlink()
    put(root, f"{inside}/d.txt", "new")
    expected = {"apps/backend": [f"{inside}/a.txt changed", f"{inside}/b.txt removed", f"{inside}/d.txt added"]}
    assert touched(root) == expected
    commit(root / inside)
    assert touched(root) == expected
    commit(root)
    assert touched(root) == {}
    assert touched(root, "HEAD~1") == expected
