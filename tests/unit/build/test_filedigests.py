"""Digests of input files: what they depend on, what they do not, and that what is remembered is never stale."""

from __future__ import annotations

import os
import re
import shutil
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from moorage.base.errors import MoorageError
from moorage.build.contexts import Contexts, allow_list, context_files
from moorage.build.filedigests import RACY_NS, FileDigests
from moorage.build.ignorefile import parse_ignore_file

if TYPE_CHECKING:
    from collections.abc import Callable
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
PATTERNS = st.sampled_from(["**/__pycache__", "*.pyc", "**/*.pyc", "a/tests", "**/tests", "a", "b/*", "*/*.pyc", "**"])


@settings(max_examples=600, deadline=None)
@given(
    paths=st.sets(PATHS, min_size=1, max_size=10),
    allowed=st.lists(st.one_of(PATHS, st.just("..")), min_size=1, max_size=4),
    left_out=st.lists(st.one_of(PATTERNS, PATHS), max_size=3),
)
@example(paths={"x.pyc/x.pyc"}, allowed=["x.pyc/x.pyc"], left_out=["*.pyc"])
@example(paths={"a/tests/b"}, allowed=["a/tests/b"], left_out=["a/tests"])
@example(paths={"a/x.pyc/b"}, allowed=["a/x.pyc"], left_out=["**/*.pyc"])
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
    usual = allow_list(parse_ignore_file(ignore.read_text().split("\n"))) is not None
    assert usual is (".." not in allowed)
    listings = Contexts(root, FileDigests(root)).listing(ignore)
    assert tuple(path for listing in listings for path in listing.paths) == context_files(root, ignore)


CHANGES = st.sampled_from(["delete", "file", "folder", "link", "text", "executable"])


def put(path: Path, change: str) -> None:
    """Change what is at a path, whatever is there."""
    if any(above.is_symlink() or above.is_file() for above in path.parents):
        return
    if change == "delete" or (change in {"file", "folder", "link"} and os.path.lexists(path)):
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    if change == "folder":
        path.mkdir(exist_ok=True)
    elif change == "link":
        path.symlink_to("a")
    elif change in {"file", "text", "executable"} and not path.is_dir() and not path.is_symlink():
        path.write_text(change)
        path.chmod(0o755 if change == "executable" else 0o644)


@settings(max_examples=300, deadline=None)
@given(
    steps=st.lists(st.lists(st.tuples(PATHS, CHANGES), max_size=5), min_size=2, max_size=4),
    allowed=st.lists(PATHS, min_size=1, max_size=3),
    left_out=st.lists(PATTERNS, max_size=2),
)
@example(steps=[[("a/b", "file")], [("a", "delete")]], allowed=["a"], left_out=[])
@example(steps=[[("a/b/a", "file")], [("a", "delete"), ("a", "file")]], allowed=["a/b"], left_out=[])
@example(steps=[[("a/b", "file")], [("a", "link")]], allowed=["a"], left_out=[])
def test_what_is_remembered_never_decides_over_what_is_there(
    tmp_path_factory: pytest.TempPathFactory,
    steps: list[list[tuple[str, str]]],
    allowed: list[str],
    left_out: list[str],
) -> None:
    root = tmp_path_factory.mktemp("remembered")
    ignore, cache = root / "Dockerfile.dockerignore", root / "cache.json"
    ignore.write_text("\n".join(["*", *(f"!{path}" for path in allowed), *left_out]) + "\n")
    for changes in steps:
        for path, change in changes:
            put(root / path, change)
        digests = FileDigests(root, cache)
        found = [listing.text for listing in Contexts(root, digests).listing(ignore)]
        digests.save()
        fresh = FileDigests(root).listed("x", context_files(root, ignore))
        assert "".join(found) == fresh.text


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "no seal": lambda text: text.partition(b"\n")[2],
    "torn": lambda text: text[: len(text) // 2],
    "one byte": lambda text: text.replace(b"src/a", b"src/b"),
    "a digest": lambda text: re.sub(rb"[0-9a-f]{64} - src/a", b"0" * 64 + b" - src/a", text),
    "no JSON": lambda text: text[:41] + b"{",
    "other JSON": lambda text: text[:41] + b"[1]",
    "not UTF-8": lambda text: text[:41] + b"\xff",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_cache_that_anyone_else_wrote_is_as_good_as_none(tmp_path: Path, damage: str) -> None:
    (tmp_path / "src").mkdir()
    for name in ("a", "c"):
        (tmp_path / "src" / name).write_text(name)
    os.utime(tmp_path / "src", (1, 1))
    ignore, cache = tmp_path / "Dockerfile.dockerignore", tmp_path / "cache.json"
    ignore.write_text("*\n!src\n")
    time.sleep(RACY_NS / 1e9)

    def text() -> str:
        digests = FileDigests(tmp_path, cache)
        found = Contexts(tmp_path, digests).listing(ignore)[0].text
        digests.save()
        return found

    whole = text()
    kept = cache.read_bytes()
    damaged = DAMAGES[damage](kept)
    assert damaged != kept
    cache.write_bytes(damaged)
    assert text() == whole
    assert cache.read_bytes() != damaged, "it is written again"


def test_the_cache_of_another_checkout_or_version_is_as_good_as_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    cache = tmp_path / "cache.json"
    for root in (first, second):
        root.mkdir()
    digests = FileDigests(first, cache)
    assert digests.note("a", lambda: 1) == 1
    digests.save()
    assert FileDigests(first, cache).note("a", lambda: 2) == 1
    assert FileDigests(second, cache).note("a", lambda: 2) == 2
    monkeypatch.setattr("moorage.build.filedigests._reader", lambda: "another version")
    assert FileDigests(first, cache).note("a", lambda: 2) == 2


def test_a_cache_that_cannot_be_read_or_written_stops_nothing(tmp_path: Path) -> None:
    for cache in (tmp_path, tmp_path / "missing" / "x", tmp_path / "file" / "x"):
        (tmp_path / "file").write_text("")
        digests = FileDigests(tmp_path, cache)
        assert digests.note("a", lambda: 1) == 1
        digests.save()


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
