"""Rules about who may do what with the files of an image."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from moorage.scan.finding import TEMPORARY_FOLDERS, ImageFinding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moorage.scan.finding import Expectation
    from moorage.scan.image import Entry, Image

_SETUID = stat.S_ISUID | stat.S_ISGID
_SCRIPT = b"#!"
_ELF = b"\x7fELF"


def check_permissions(image: Image, expectation: Expectation) -> Iterator[ImageFinding]:
    """Yield files and folders that allow more than is needed."""
    user, group = identity(image)
    allowed = (*TEMPORARY_FOLDERS, *expectation.writable_paths)
    for entry in image.files.values():
        if entry.is_link:
            continue
        if entry.mode & _SETUID:
            yield ImageFinding(
                rule="no-setuid",
                path=entry.path,
                why=f"its mode is {_octal(entry)}: whoever runs it gets its owner's rights",
            )
        sticky = entry.is_dir and entry.mode & stat.S_ISVTX and entry.path in TEMPORARY_FOLDERS
        if entry.mode & (stat.S_IWGRP | stat.S_IWOTH) and not sticky:
            who = "anybody" if entry.mode & stat.S_IWOTH else f"the group {entry.gid}"
            yield ImageFinding(
                rule="no-shared-writes", path=entry.path, why=f"its mode is {_octal(entry)}: {who} may write"
            )
        elif why := _own(entry, user, group, allowed):
            yield ImageFinding(rule="no-writes-at-run-time", path=entry.path, why=why)
        if entry.executable and not _program(image, entry):
            yield ImageFinding(
                rule="no-needless-execution",
                path=entry.path,
                why=f"its mode is {_octal(entry)}, but it is neither a program, a library nor a script",
            )


def identity(image: Image) -> tuple[int | None, int | None]:
    """Return the UID and GID that the image's process runs as; None where they are names or left out."""
    user, _, group = str(image.settings.get("User") or "").partition(":")
    return (int(user) if user.isdecimal() else None, int(group) if group.isdecimal() else None)


def _own(entry: Entry, user: int | None, group: int | None, allowed: tuple[str, ...]) -> str:
    """Return why the process may change a file outside the folders that are declared for that; empty where it may not."""
    if any(entry.path == folder or entry.path.startswith(f"{folder}/") for folder in allowed):
        return ""
    if user and entry.uid == user:
        # Its owner may also give itself a right that the mode does not have.
        return f"it belongs to {user}, which the process runs as, and is in no declared writable path"
    if group and entry.gid == group and entry.mode & stat.S_IWGRP:
        return f"the group {group}, which the process runs as, may write to it"
    return ""


def _program(image: Image, entry: Entry) -> bool:
    content = image.read(entry)
    return content.startswith((_SCRIPT, _ELF))


def _octal(entry: Entry) -> str:
    return f"{stat.S_IMODE(entry.mode):04o}"
