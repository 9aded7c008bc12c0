"""The files of build contexts: exactly those that BuildKit would be given.

`context_files` says which they are. `Contexts` gives the same answer quickly for the usual form of ignore files: what
several services share is walked once, and what is unchanged never.
"""

from __future__ import annotations

import functools
import hashlib
import os
import stat
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from moorage.build.ignorefile import IgnoreFile, has_wildcards, literal_prefix, parse_ignore_file, read_ignore_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from moorage.build.filedigests import FileDigests, Listing
    from moorage.build.ignorefile import Matched


def context_files(root: Path, ignore_file: Path) -> tuple[str, ...]:
    """Return the regular files and links that BuildKit is given of ``root``, as sorted POSIX paths relative to it.

    ``ignore_file`` is the ``<Dockerfile>.dockerignore``. Folders that no pattern gives back are not walked, so an
    allow-list costs only what it names. Links are not followed. Raises `MoorageError` for a file that is missing or
    has a pattern that BuildKit would refuse; a folder that cannot be read raises `OSError`.
    """
    return given_files(root, read_ignore_file(ignore_file))


def given_files(root: Path, ignore: IgnoreFile) -> tuple[str, ...]:
    """Return the same for patterns that need not be in a file."""
    return tuple(sorted(_Walk(os.fspath(root), ignore).files()))


@dataclass
class _Walk:
    """One walk of a tree; what can be known of the patterns beforehand is found out once."""

    root: str
    ignore: IgnoreFile
    prefixes: tuple[str, ...] = field(init=False)
    """Prefixes of the exceptions: with a slash at the end where these name folders."""
    only_prefixes: bool = field(init=False)
    only_names: frozenset[tuple[str, ...]] | None = field(init=False)

    def __post_init__(self) -> None:
        exceptions = self.ignore.exceptions
        # BuildKit goes by prefixes alone where it can, and then passes over what e.g. !a/*/** gives back.
        self.only_prefixes = not any(has_wildcards(pattern.prefix) for pattern in exceptions)
        self.prefixes = tuple(
            f"{pattern.prefix}/" if self.only_prefixes else literal_prefix(pattern.text) for pattern in exceptions
        )
        named = not any(has_wildcards(pattern.text) for pattern in exceptions)
        self.only_names = frozenset(tuple(pattern.text.split("/")) for pattern in exceptions) if named else None

    def files(self) -> Iterator[str]:
        """Yield the files of the context."""
        waiting: list[tuple[str, Matched, bool]] = [("", (), self.ignore.is_allow_list)]
        while waiting:
            folder, parent, all_out = waiting.pop()
            for name, is_folder, is_file in self._entries(folder, all_out=all_out):
                path = f"{folder}{name}"
                out, matched = self.ignore.match(path, parent)
                if is_folder and not (out and self._is_pruned(f"{path}/")):
                    waiting.append((f"{path}/", matched, out))
                elif is_file and not out:
                    yield path

    def _is_pruned(self, folder: str) -> bool:
        """Return whether nothing below a folder that is left out can be given back."""
        if self.only_prefixes:
            return not any(prefix.startswith(folder) for prefix in self.prefixes)
        return not any(prefix.startswith(folder) or folder.startswith(prefix) for prefix in self.prefixes)

    def _entries(self, folder: str, *, all_out: bool) -> Iterable[tuple[str, bool, bool]]:
        """Return what is in a folder: name, whether it is a folder, whether a file or link.

        Where all of it is left out and exceptions name single paths, only those are looked at.
        """
        path = f"{self.root}/{folder}"
        if all_out and self.only_names is not None:
            depth = folder.count("/")
            parts = tuple(folder.split("/")[:-1])
            names = {name[depth] for name in self.only_names if len(name) > depth and name[:depth] == parts}
            names -= {".", ".."}
            return [entry for name in names if (entry := _entry(f"{path}{name}", name))]
        with os.scandir(path) as entries:
            return [
                (entry.name, entry.is_dir(follow_symlinks=False), entry.is_symlink() or entry.is_file())
                for entry in entries
            ]


def _entry(path: str, name: str) -> tuple[str, bool, bool] | None:
    try:
        mode = os.lstat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    return name, stat.S_ISDIR(mode), stat.S_ISREG(mode) or stat.S_ISLNK(mode)


def allow_list(ignore: IgnoreFile) -> tuple[list[str], list[str]] | None:
    """Return an ignore file in its usual form: nothing, but these paths, but nothing of these patterns below them.

    None of the paths lies below another, or is left out again by a pattern that follows. Returns None where the file has another form.
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
    if any(text in {"", ".", "..", "/"} or text.startswith("../") for text in texts):
        return None
    outer = [text for text in texts if not any(text.startswith(f"{other}/") for other in texts)]
    return [text for text in outer if not is_left_out(text, ignore)], [pattern.text for pattern in left_out]


class Contexts:
    """The listings of the build contexts of one repository."""

    def __init__(self, root: Path, digests: FileDigests) -> None:
        """Prepare for the contexts of ``root``."""
        self._root = root
        self._digests = digests

    def below(self, folder: Path, ignore_file: Path | None) -> list[Listing]:
        """Return what BuildKit is given of a folder of the repository; without an ignore file that is all of it.

        Raises `MoorageError` where the ignore file cannot be understood.
        """
        if folder == self._root and ignore_file is not None:
            return self.listing(ignore_file)
        ignore = _without_own(read_ignore_file(ignore_file) if ignore_file else IgnoreFile(()))
        name = folder.relative_to(self._root).as_posix()
        prefix = "" if name == "." else f"{name}/"
        paths = [f"{prefix}{path}" for path in given_files(folder, ignore)]
        return [self._digests.listed(f"context {name} {ignore_file or ''}", paths)]

    def listing(self, ignore_file: Path) -> list[Listing]:
        """Return what BuildKit is given with an ignore file, just as `context_files` does, sorted when put together.

        Raises `MoorageError` where there is no such file, or it cannot be understood.
        """
        name = ignore_file.relative_to(self._root).as_posix()
        try:
            content = hashlib.sha256(ignore_file.read_bytes()).hexdigest()
        except FileNotFoundError:
            content = ""
        allowed = self._digests.note(f"ignore {content}", lambda: allow_list(read_ignore_file(ignore_file)))
        if allowed is None:
            given = given_files(self._root, _without_own(read_ignore_file(ignore_file)))
            return [self._digests.listed(f"context {name}", given)]
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
        """Return the files at or below ``top``, sorted, and the folders that decide on them.

        ``top`` is given back by the whole file, so of ``left_out`` only what matches below it leaves anything out.
        """
        ignore = parse_ignore_file(left_out)
        kind = self._kind(top)
        above = _folder_of(top)
        if kind is None:
            # What is not there may come: the nearest folder that exists tells.
            while above and self._kind(above) != "folder":
                above = _folder_of(above)
            return [], [above]
        if kind == "file":
            return [top], [above]
        files: list[str] = []
        folders = [above]
        waiting: list[tuple[str, Matched]] = [(top, ())]
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


def _without_own(ignore: IgnoreFile) -> IgnoreFile:
    """Return an ignore file that leaves out the folder in which Moorage keeps contexts and the platform."""
    return IgnoreFile((*ignore.patterns, *parse_ignore_file(["**/.moorage"]).patterns))


def _folder_of(path: str) -> str:
    """Return the folder that a path is in; empty for the root."""
    return path.rpartition("/")[0]


def is_left_out(path: str, ignore: IgnoreFile) -> bool:
    """Return whether a path is left out, as a walk from the root finds."""
    out = False
    matched: Matched = ()
    parts = path.split("/")
    for count in range(1, len(parts) + 1):
        out, matched = ignore.match("/".join(parts[:count]), matched)
    return out
