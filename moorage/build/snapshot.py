"""Whether files and folders are still what they were when something was found from them."""

from __future__ import annotations

import hashlib
import os
import stat
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

_RACY_NS = 100_000_000
"""What changed so shortly ago may change again without a new time."""
_NONE = (0, 0, 0, 0, 0)

Status = tuple[int, int, int, int, int]


@dataclass
class Snapshot:
    """Files by content, folders by what is in them that counts, other paths by what kind of thing they are.

    A link counts as what it leads to. What does not exist is part of it as well.
    """

    files: dict[str, tuple[Status, str]]
    """Status and SHA-256 by path."""
    folders: dict[str, tuple[Status, str]]
    """Status and SHA-256 of the names that count, by path."""
    kinds: dict[str, int]
    """File, folder, another kind or nothing, by path: never the content, which may be secret."""
    names: Collection[str]
    """Names of files that count in each folder."""
    passed_over: Collection[str]
    """Names of folders that count in none."""

    @classmethod
    def of(
        cls,
        *,
        files: Iterable[str],
        folders: Iterable[str],
        kinds: Iterable[str],
        names: Collection[str],
        passed_over: Collection[str],
        since_ns: int,
    ) -> Snapshot | None:
        """Return what these paths are now; None where one changed after, or just before, ``since_ns``."""
        found = cls({}, {}, {path: _kind(path) for path in kinds}, sorted(names), sorted(passed_over))
        for path in files:
            found.files[path] = (_status(path), _content(path))
        for path in folders:
            found.folders[path] = (_status(path), found._entries(path))
        latest = max((status[3] for status, _ in (*found.files.values(), *found.folders.values())), default=0)
        return found if latest < since_ns - _RACY_NS else None

    def refreshed(self) -> bool | None:
        """Return whether all of it is as it was: False for yes, True for yes with other statuses, which it takes over.

        None where something is not.
        """
        newer = False
        if any(_kind(path) != kind for path, kind in self.kinds.items()):
            return None
        for known, look in ((self.files, _content), (self.folders, self._entries)):
            for path, (status, digest) in known.items():
                now = _status(path)
                if now == tuple(status):
                    continue
                if look(path) != digest:
                    return None
                # Of what may change again without a new time the content is looked at next time as well.
                settled = now[3] < time.time_ns() - _RACY_NS
                known[path] = (now if settled else _NONE, digest)
                newer = newer or settled
        return newer

    def _entries(self, folder: str) -> str:
        try:
            with os.scandir(folder) as entries:
                found = sorted(
                    f"{entry.name}{'/' if entry.is_dir(follow_symlinks=False) else ''}"
                    for entry in entries
                    if entry.name in self.names
                    or (entry.name not in self.passed_over and (entry.is_symlink() or not entry.is_file()))
                )
        except OSError:
            return ""
        return hashlib.sha256("\0".join(found).encode(errors="surrogateescape")).hexdigest()


def modules_digest(folders: Sequence[Path]) -> str:
    """Return what tells this version of these folders' modules from every other: their sizes and times."""
    found = []
    for folder in folders:
        with os.scandir(folder) as entries:
            found += sorted(
                (entry.name, status.st_size, status.st_mtime_ns)
                for entry in entries
                if entry.name.endswith(".py") and (status := entry.stat())
            )
    return hashlib.blake2b(repr(found).encode(), digest_size=8).hexdigest()


def _status(path: str) -> Status:
    try:
        found = os.stat(path)  # noqa: PTH116  # a path of the hot loop
    except OSError:
        return _NONE
    return found.st_size, found.st_mtime_ns, found.st_ino, found.st_ctime_ns, found.st_mode


def _kind(path: str) -> int:
    return stat.S_IFMT(_status(path)[4])


def _content(path: str) -> str:
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except OSError:
        return ""
