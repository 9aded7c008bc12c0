"""The files of a service's code as the checkout has them, and what makes another tree the same."""

from __future__ import annotations

import hashlib
import os
import stat
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from moorage.build.contexts import is_left_out

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from moorage.build.codefolders import Code

FILE, LINK, FOLDER = "f", "l", "d"
_MOST_CONTENT = 1 << 20
_MOST_OPERATIONS = 500
_TICK_NANOSECONDS = 50_000_000


@dataclass(frozen=True)
class Entry:
    """What a path holds: a file with permission bits and SHA-256, a link with its target, or a folder."""

    kind: str
    mode: int = 0
    hash: str = ""


@dataclass(frozen=True)
class Operation:
    """One change of one path, with the content that it writes."""

    header: dict[str, Any]
    content: bytes = b""

    @property
    def path(self) -> str:
        """Number of the mount, and the path below it."""
        return str(self.header["path"])


class SourceTree:
    """The code of one service in the checkout; paths are those that the receiver knows: ``0/backend/api.py``."""

    def __init__(self, root: Path, code: Code) -> None:
        """Look at nothing yet."""
        self._root = root
        self._code = code
        self.entries: dict[str, Entry] = {}
        self._sources: dict[str, str] = {}
        self._known: dict[str, tuple[tuple[int, ...], str]] = {}

    def scan(self) -> None:
        """Read all of it."""
        self.entries.clear()
        self._sources.clear()
        for folder in self._code.folders:
            self._look(folder.source)

    def refresh(self, paths: Iterable[str]) -> list[str]:
        """Look again at paths of the repository, and all below them; return those of the tree that are different."""
        before = dict(self.entries)
        for path in sorted(paths):
            place = self._code.place(path)
            if place is None:
                continue
            name = f"{place[0]}/{place[1]}"
            for known in [one for one in self.entries if one == name or one.startswith(f"{name}/")]:
                del self.entries[known]
            self._look(path)
        return sorted(
            name for name in before.keys() | self.entries.keys() if before.get(name) != self.entries.get(name)
        )

    def source_of(self, name: str) -> str | None:
        """Return the path of the repository that a path of the tree comes from, or would come from."""
        if name in self._sources:
            return self._sources[name]
        number, _, below = name.partition("/")
        return self._code.source_of(f"{self._code.mounts[int(number)]}/{below}")

    def read(self, name: str) -> bytes | None:
        """Return a file's content; None where it is no longer there."""
        try:
            return (self._root / self._sources[name]).read_bytes()
        except (OSError, KeyError):
            return None

    def _look(self, path: str) -> None:
        full = self._root / path
        place = self._code.place(path)
        entry = self._entry(full)
        if entry is None:
            return
        if place is not None:
            name = f"{place[0]}/{place[1]}"
            self.entries[name] = entry
            self._sources[name] = path
        if entry.kind == FOLDER and not (place is None and is_left_out(path, self._code.ignore)):
            try:
                names = os.listdir(full)
            except OSError:
                return
            for name in names:
                self._look(f"{path}/{name}")

    def _entry(self, path: Path) -> Entry | None:
        try:
            status = path.lstat()
            if stat.S_ISLNK(status.st_mode):
                return Entry(LINK, 0, os.readlink(path))
            if stat.S_ISDIR(status.st_mode):
                return Entry(FOLDER)
            if not stat.S_ISREG(status.st_mode):
                return None
            return Entry(FILE, stat.S_IMODE(status.st_mode) & 0o777, self._digest(path, status))
        except OSError:
            return None

    def _digest(self, path: Path, status: os.stat_result) -> str:
        stamp = (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        known = self._known.get(str(path))
        if known and known[0] == stamp:
            return known[1]
        found = hashlib.sha256(path.read_bytes()).hexdigest()
        if time.time_ns() - status.st_ctime_ns > _TICK_NANOSECONDS:
            self._known[str(path)] = (stamp, found)
        else:
            # Another write within one tick of the file system's clock would leave the same stamp.
            self._known.pop(str(path), None)
        return found


def operations(have: Mapping[str, Entry], tree: SourceTree) -> Iterator[Operation]:
    """Yield what makes a tree that has ``have`` the same as the checkout's: deletions, then folders, then the rest."""
    want = dict(tree.entries)
    gone = sorted(path for path, entry in have.items() if path not in want or want[path].kind != entry.kind)
    last = None
    for path in gone:
        if last is None or not path.startswith(f"{last}/"):
            last = path
            yield Operation({"op": "delete", "path": path})
    dropped = set(gone)
    for path in sorted(want, key=lambda one: (want[one].kind != FOLDER, one)):
        entry = want[path]
        before = None if path in dropped or any(path.startswith(f"{one}/") for one in dropped) else have.get(path)
        if before == entry:
            continue
        if entry.kind == FOLDER:
            yield Operation({"op": "folder", "path": path})
        elif entry.kind == LINK:
            yield Operation({"op": "link", "path": path, "target": entry.hash})
        elif before and before.hash == entry.hash:
            yield Operation({"op": "mode", "path": path, "mode": entry.mode})
        elif (content := tree.read(path)) is not None:
            yield Operation({"op": "put", "path": path, "mode": entry.mode, "size": len(content)}, content)


def batches(found: Iterable[Operation]) -> Iterator[list[Operation]]:
    """Yield operations in portions that are quick to send; at least one, which may be empty."""
    batch: list[Operation] = []
    size = 0
    for operation in found:
        if batch and (size + len(operation.content) > _MOST_CONTENT or len(batch) >= _MOST_OPERATIONS):
            yield batch
            batch, size = [], 0
        batch.append(operation)
        size += len(operation.content)
    yield batch
