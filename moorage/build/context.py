"""The files of a build context: exactly those that BuildKit would be given."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from moorage.build.ignorefile import IgnoreFile, Matched, has_wildcards, literal_prefix, read_ignore_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


def context_files(root: Path, ignore_file: Path) -> tuple[str, ...]:
    """Return the regular files and links that BuildKit is given of ``root``, as sorted POSIX paths relative to it.

    ``ignore_file`` is the ``<Dockerfile>.dockerignore``. Folders that no pattern gives back are not walked, so an
    allow-list costs only what it names. Links are not followed. Raises `MoorageError` for a file that is missing or
    has a pattern that BuildKit would refuse; a folder that cannot be read raises `OSError`.
    """
    return tuple(sorted(_Walk(os.fspath(root), read_ignore_file(ignore_file)).files()))


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
