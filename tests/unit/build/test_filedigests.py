"""Digests of input files: what they depend on, what they do not, and that what is remembered is never stale."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moorage.base.errors import MoorageError
from moorage.build.context import context_files
from moorage.build.contexts import Contexts, allow_list
from moorage.build.filedigests import RACY_NS, FileDigests
from moorage.build.ignorefile import parse_ignore_file

if TYPE_CHECKING:
    from pathlib import Path

OLD = time.time_ns() - 10**15


def entries(root: Path, *paths: str, cache: Path | None = None) -> dict[str, str]:
    digests = FileDigests(root, cache)
    found = digests.listed("all", paths).entries()
    digests.save()
    return found


def aged(path: Path) -> None:
    """Wait until a file is no longer one that changed a moment ago."""
    while path.stat().st_ctime_ns > time.time_ns() - RACY_NS:
        time.sleep(0.01)


def test_time_owner_and_umask_do_not_count_but_content_and_the_executable_bit_do(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text("one")
    first = entries(tmp_path, "a")
    os.utime(file, ns=(OLD, OLD))
    file.chmod(0o600)
    assert entries(tmp_path, "a") == first
    file.chmod(0o755)
    executable = entries(tmp_path, "a")
    assert executable != first
    file.chmod(0o644)
    file.write_text("two")
    assert entries(tmp_path, "a") not in (first, executable)


def test_a_link_counts_by_where_it_points(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to("one")
    first = entries(tmp_path, "link")
    link.unlink()
    link.symlink_to("two")
    assert entries(tmp_path, "link") != first


@pytest.mark.parametrize("settle", [True, False], ids=["after a while", "at once"])
def test_a_change_that_keeps_size_and_time_is_seen(tmp_path: Path, *, settle: bool) -> None:
    file, cache = tmp_path / "a", tmp_path / "cache.json"
    file.write_text("one")
    os.utime(file, ns=(OLD, OLD))
    if settle:
        aged(file)
    first = entries(tmp_path, "a", cache=cache)
    with file.open("r+") as opened:
        opened.write("two")
    os.utime(file, ns=(OLD, OLD))
    assert entries(tmp_path, "a", cache=cache) != first


def test_an_unchanged_file_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, cache = tmp_path / "a", tmp_path / "cache.json"
    file.write_text("one")
    aged(file)
    first = entries(tmp_path, "a", cache=cache)
    monkeypatch.setattr("moorage.build.filedigests.file_digest", lambda path, mode: pytest.fail(f"{path} is read"))
    assert entries(tmp_path, "a", cache=cache) == first


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 1}', '{"format": 0, "groups": {}, "notes": {}}'])
def test_a_torn_cache_is_as_good_as_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "a").write_text("one")
    cache = tmp_path / "cache.json"
    cache.write_text(content)
    assert entries(tmp_path, "a", cache=cache) == entries(tmp_path, "a")


def test_a_name_with_a_line_break_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "a\nb").write_text("one")
    with pytest.raises(MoorageError, match="line break"):
        entries(tmp_path, "a\nb")


NAMES = st.sampled_from(["a", "b", "a-b", "a.b", "x.pyc", "__pycache__", "tests"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
PATTERNS = st.sampled_from(["**/__pycache__", "*.pyc", "**/*.pyc", "a/tests", "**/tests", "a", "b/*"])


@settings(max_examples=200, deadline=None)
@given(
    paths=st.sets(PATHS, min_size=1, max_size=10),
    allowed=st.lists(PATHS, min_size=1, max_size=4),
    left_out=st.lists(PATTERNS, max_size=2),
)
def test_a_context_is_listed_as_buildkit_would_be_given_it(
    tmp_path_factory: pytest.TempPathFactory, paths: set[str], allowed: list[str], left_out: list[str]
) -> None:
    root = tmp_path_factory.mktemp("context")
    for path in paths:
        if not any(other.startswith(f"{path}/") for other in paths):
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(path)
    ignore = root / "Dockerfile.dockerignore"
    ignore.write_text("\n".join(["*", *(f"!{path}" for path in allowed), *left_out]) + "\n")
    assert allow_list(parse_ignore_file(ignore.read_text().split("\n"))) is not None
    listings = Contexts(root, FileDigests(root)).listing(ignore)
    assert tuple(path for listing in listings for path in listing.paths) == context_files(root, ignore)


def test_new_and_vanished_files_are_seen_though_folders_are_remembered(tmp_path: Path) -> None:
    source, cache = tmp_path / "src" / "deep", tmp_path / "cache.json"
    (source / "empty").mkdir(parents=True)
    (source / "a").write_text("one")
    ignore = tmp_path / "Dockerfile.dockerignore"
    ignore.write_text("*\n!src\n!later\n")

    def paths() -> list[str]:
        digests = FileDigests(tmp_path, cache)
        found = [path for listing in Contexts(tmp_path, digests).listing(ignore) for path in listing.paths]
        digests.save()
        return found

    aged(source / "empty")
    assert paths() == ["src/deep/a"]
    (source / "empty" / "b").write_text("two")
    (tmp_path / "later").mkdir()
    (tmp_path / "later" / "c").write_text("three")
    assert paths() == ["later/c", "src/deep/a", "src/deep/empty/b"]
    (source / "a").unlink()
    assert paths() == ["later/c", "src/deep/empty/b"]


def test_an_ignore_file_of_another_form_is_followed_as_well(tmp_path: Path) -> None:
    for name in ("keep.txt", "drop.log"):
        (tmp_path / name).write_text(name)
    ignore = tmp_path / "Dockerfile.dockerignore"
    ignore.write_text("*.log\nDockerfile*\n")
    (listing,) = Contexts(tmp_path, FileDigests(tmp_path)).listing(ignore)
    assert listing.paths == ("keep.txt",)
