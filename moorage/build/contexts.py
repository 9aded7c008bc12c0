"""The files of build contexts, listed quickly: what several services share is walked once, and what is unchanged never."""

from __future__ import annotations

import functools
import hashlib
import os
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from moorage.build.context import context_files
from moorage.build.ignorefile import has_wildcards, parse_ignore_file, read_ignore_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from moorage.build.filedigests import FileDigests, Listing
    from moorage.build.ignorefile import IgnoreFile, Matched


def allow_list(ignore: IgnoreFile) -> tuple[list[str], list[str]] | None:
    """Return an ignore file in its usual form: nothing, but these paths, but nothing of these patterns below them.

    None of the paths lies below another. Returns None where the file has another form.
    """
    if not ignore.is_allow_list:
        return None
    rest = ignore.patterns[1:]
    count = next((index for index, pattern in enumerate(rest) if not pattern.exception), len(rest))
    given, left_out = rest[:count], rest[count:]
    if any(pattern.exception for pattern in left_out) or any(has_wildcards(pattern.text) for pattern in given):
        return None
    if any(pattern.text.startswith(("#", "!")) for pattern in left_out):
        return None
    texts = sorted({pattern.text for pattern in given})
    if any(text in {"", ".", "/"} or text.startswith("../") for text in texts):
        return None
    outer = [text for text in texts if not any(text.startswith(f"{other}/") for other in texts)]
    return outer, [pattern.text for pattern in left_out]


class Contexts:
    """The listings of the build contexts of one repository."""

    def __init__(self, root: Path, digests: FileDigests) -> None:
        """Prepare for the contexts of ``root``."""
        self._root = root
        self._digests = digests

    def listing(self, ignore_file: Path) -> list[Listing]:
        """Return what BuildKit is given with an ignore file, sorted when put together.

        Raises `MoorageError` where there is no such file, or it cannot be understood.
        """
        name = ignore_file.relative_to(self._root).as_posix()
        try:
            content = hashlib.sha256(ignore_file.read_bytes()).hexdigest()
        except FileNotFoundError:
            content = ""
        allowed = self._digests.note(f"ignore {content}", lambda: allow_list(read_ignore_file(ignore_file)))
        if allowed is None:
            return [self._digests.listed(f"context {name}", context_files(self._root, ignore_file))]
        paths, left_out = allowed
        words = " ".join(left_out)
        found = []
        # A folder's files begin with its name and a slash: in that order the listings put together are sorted.
        for path in sorted(paths, key=self._sort_key):
            listing = self._digests.walked(f"{path} !{words}", functools.partial(self._walk, path, left_out))
            found.append(listing)
        return found

    def _sort_key(self, path: str) -> str:
        return f"{path}/" if (self._root / path).is_dir() else path

    def _walk(self, top: str, left_out: Sequence[str]) -> tuple[list[str], list[str]]:
        """Return the files at or below ``top``, sorted, and the folders that decide on them."""
        ignore = parse_ignore_file(left_out)
        kind = self._kind(top)
        out, matched = _verdict(top, ignore)
        above = _folder_of(top)
        if kind is None or out:
            # What is not there may come: the nearest folder that exists tells.
            while above and self._kind(above) != "folder":
                above = _folder_of(above)
            return [], [above]
        if kind == "file":
            return [top], [above]
        files, folders, waiting = [], [above], [(top, matched)]
        while waiting:
            folder, parent = waiting.pop()
            folders.append(folder)
            with os.scandir(self._root / folder) as entries:
                for entry in entries:
                    path = f"{folder}/{entry.name}"
                    out, matched = ignore.match(path, parent)
                    if out:
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append((path, matched))
                    elif entry.is_symlink() or entry.is_file():
                        files.append(path)
        return sorted(files), folders

    def _kind(self, path: str) -> str | None:
        """Return whether a path is a file or a folder; None for what no walk from the root would come to."""
        full = self._root / path
        if any((self._root / parent).is_symlink() for parent in PurePosixPath(path).parents):
            return None
        if full.is_symlink():
            return "file"
        return "folder" if full.is_dir() else "file" if full.is_file() else None


def _folder_of(path: str) -> str:
    """Return the folder that a path is in; empty for the root."""
    return path.rpartition("/")[0]


def _verdict(path: str, ignore: IgnoreFile) -> tuple[bool, Matched]:
    """Return whether a path is left out, and the patterns that match it, as a walk from the root would find."""
    out = False
    matched: Matched = ()
    parts = path.split("/")
    for count in range(1, len(parts) + 1):
        out, matched = ignore.match("/".join(parts[:count]), matched)
    return out, matched
