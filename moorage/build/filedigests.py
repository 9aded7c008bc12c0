"""Content digests of input files, remembered between runs for as long as a file's status says that it is the same."""

from __future__ import annotations

import base64
import hashlib
import os
import stat
import time
from array import array
from bisect import bisect_left
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moorage.base.errors import MoorageError
from moorage.base.files import read_cache, write_cache

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
FORMAT = 2
RACY_NS = 100_000_000
"""A file changed so shortly before it was read may change again without a new time, so it is not remembered."""
MOST_NOTES = 5000
_FIELDS = 5
_BEFORE_PATH = 66
"""Characters of a line before the space and the path."""
_MOST = 2**63 - 1


@dataclass(frozen=True)
class Listing:
    """Some files, sorted by path, and their content."""

    paths: tuple[str, ...]
    text: str
    """A line for each file: SHA-256 of the content, kind (``-`` file, ``x`` executable file, ``l`` link), path."""

    def entries(self, digits: int = 64) -> dict[str, str]:
        """Return kind and digest of each path, or the first ``digits`` of it: ``x3f0a…``."""
        return {line[67:]: line[65] + line[:digits] for line in self.text.split("\n")[:-1]}

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the lines, in hex."""
        return hashlib.sha256(self.text.encode(errors="surrogateescape")).hexdigest()

    def ending(self, end: str) -> list[str]:
        """Return the paths that end so."""
        # One search through the whole text first, as most listings have no such path.
        return [path for path in self.paths if path.endswith(end)] if f"{end}\n" in self.text else []

    def line(self, path: str) -> str | None:
        """Return the line of a path; None where it is not listed."""
        place = bisect_left(self.paths, path)
        if place == len(self.paths) or self.paths[place] != path:
            return None
        end = self.text.find(f" {path}\n")
        while end >= 0:
            start = self.text.rfind("\n", 0, end) + 1
            if end == start + _BEFORE_PATH:
                return self.text[start : end + len(path) + 2]
            end = self.text.find(f" {path}\n", end + 1)
        return None


@dataclass
class _Group:
    """What is remembered of one listing."""

    paths: list[str]
    stats: str
    text: str
    folders: list[str] = field(default_factory=list)
    folder_stats: str = ""


def file_digest(path: str, mode: int) -> str:
    """Return the SHA-256 of a file's content, or of where a link points to, in hex."""
    if stat.S_ISLNK(mode):
        return hashlib.sha256(os.fsencode(os.readlink(path))).hexdigest()
    with open(path, "rb") as file:  # noqa: PTH123  # a path of the hot loop
        return hashlib.file_digest(file, "sha256").hexdigest()


def file_line(digest: str, mode: int, path: str) -> str:
    """Return a file's line in a listing.

    Raises `MoorageError` for a name with a line break, which a Dockerfile could not name either.
    """
    if "\n" in path:
        raise MoorageError.of(
            "a file's name has a line break in it",
            where=repr(path),
            why="the files of an image are listed one a line, to tell whether one of them changed",
            remedy="rename the file, or leave it out of the build with the Dockerfile's .dockerignore",
        )
    kind = "l" if stat.S_ISLNK(mode) else "x" if mode & stat.S_IXUSR else "-"
    return f"{digest} {kind} {path}\n"


class FileDigests:
    """Listings of a repository's files, each read once in a run, and from disk only where something changed."""

    def __init__(self, root: Path, cache: Path | None = None, *, checkout: Path | None = None) -> None:
        """Prepare for the files below ``root``; ``cache`` is the file of what earlier runs found.

        Where the files are another revision of a ``checkout``, what it remembers of contents is used and added to, and
        what it remembers of files stays as it is.
        """
        self._prefix = f"{os.fspath(root)}/"
        self._cache = cache
        self._kind = f"inputs {FORMAT} {_reader()} {os.fspath(checkout or root)}"
        found, self._notes = _remembered_of(cache, self._kind)
        self._known = {} if checkout else found
        self._kept = self._known if checkout is None else found
        self._noted: set[str] = set()
        self._seen: dict[str, Listing] = {}
        self._changed = False

    def listed(self, key: str, paths: Sequence[str]) -> Listing:
        """Return the listing of these paths; ``key`` names it between runs."""
        if key not in self._seen:
            known = self._known.get(key)
            if known is None or known.paths != list(paths):
                known = self._reread(key, paths, known, [])
            self._seen[key] = self._checked(key, known)
        return self._seen[key]

    def walked(self, key: str, walk: Callable[[], tuple[Sequence[str], Sequence[str]]]) -> Listing:
        """Return the listing of what ``walk`` gives: files, and the folders whose content decides on them.

        It is not called while these folders are unchanged.
        """
        if key not in self._seen:
            known = self._known.get(key)
            if known is None or not known.folders or not self._is_same(known.folders, known.folder_stats):
                paths, folders = walk()
                known = self._reread(key, paths, known, folders)
            self._seen[key] = self._checked(key, known)
        return self._seen[key]

    def note(self, key: str, make: Callable[[], Any]) -> Any:
        """Return what ``make`` returned for the key in this run or an earlier one; it has to be JSON."""
        if key not in self._notes:
            self._notes[key] = make()
            self._changed = True
        self._noted.add(key)
        return self._notes[key]

    def save(self) -> None:
        """Remember what was found for the next run, where it differs; without a cache file nothing happens."""
        if self._cache is None or not self._changed:
            return
        crowded = len(self._notes) > MOST_NOTES
        notes = {key: note for key, note in self._notes.items() if key in self._noted or not crowded}
        groups = {key: vars(group) for key, group in self._kept.items()}
        write_cache(self._cache, self._kind, {"groups": groups, "notes": notes})
        self._changed = False

    def _checked(self, key: str, known: _Group) -> Listing:
        if not self._is_same(known.paths, known.stats):
            present = [path for path in known.paths if os.path.lexists(self._prefix + path)]
            known = self._reread(key, present, known, known.folders)
        return Listing(tuple(known.paths), known.text)

    def _is_same(self, paths: Sequence[str], stats: str) -> bool:
        """Return whether the statuses are those that are remembered; what is gone, or cannot be looked at, is not."""
        try:
            return _encoded(self._stats(paths)) == stats
        except OSError:
            return False

    def _reread(self, key: str, paths: Sequence[str], before: _Group | None, folders: Sequence[str]) -> _Group:
        """Read what is new or changed of ``paths``, and remember all of it."""
        self._changed = True
        # Statuses are taken before the content: what changes meanwhile is read again next time.
        folder_stats = _encoded(self._careful(self._stats(folders)))
        stats = self._stats(paths)
        old = _remembered(before)
        lines = []
        for index, path in enumerate(paths):
            status = tuple(stats[index * _FIELDS : (index + 1) * _FIELDS])
            digest = old.get((path, status)) or file_digest(self._prefix + path, status[4])
            lines.append(file_line(digest, status[4], path))
        group = _Group(list(paths), _encoded(self._careful(stats)), "".join(lines), list(folders), folder_stats)
        self._known[key] = group
        return group

    def _stats(self, paths: Sequence[str]) -> array[int]:
        prefix, found, lstat = self._prefix, array("q"), os.lstat
        for path in paths:
            status = lstat(prefix + path)
            found.extend(
                (
                    status.st_size,
                    status.st_mtime_ns,
                    status.st_ino & _MOST,
                    status.st_ctime_ns,
                    status.st_mode,
                )
            )
        return found

    @staticmethod
    def _careful(stats: array[int]) -> array[int]:
        """Return the statuses with an impossible size for what changed a moment ago."""
        careful, recent = array("q", stats), time.time_ns() - RACY_NS
        for index in range(0, len(careful), _FIELDS):
            if careful[index + 3] > recent:
                careful[index] = -1
        return careful


def _encoded(stats: array[int]) -> str:
    return base64.b64encode(stats.tobytes()).decode()


def _remembered(group: _Group | None) -> Mapping[tuple[str, tuple[int, ...]], str]:
    if group is None:
        return {}
    stats = array("q", base64.b64decode(group.stats))
    return {
        (path, tuple(stats[index * _FIELDS : (index + 1) * _FIELDS])): line[:64]
        for index, (path, line) in enumerate(zip(group.paths, group.text.split("\n"), strict=False))
    }


def _remembered_of(cache: Path | None, kind: str) -> tuple[dict[str, _Group], dict[str, Any]]:
    """Return what is remembered of files and of contents; nothing where another program or another checkout wrote it."""
    found = read_cache(cache, kind) if cache else None
    if found is None:
        return {}, {}
    return {key: _Group(**group) for key, group in found["groups"].items()}, found["notes"]


def _reader() -> str:
    """Return what tells this version of the readers from every other: sizes and times of their modules."""
    with os.scandir(Path(__file__).parent) as entries:
        found = sorted(
            (entry.name, entry.stat().st_size, entry.stat().st_mtime_ns) for entry in entries if entry.is_file()
        )
    return hashlib.blake2b(repr(found).encode(), digest_size=8).hexdigest()
