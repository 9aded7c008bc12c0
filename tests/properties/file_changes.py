"""Changes of a folder's files, on either side of what keeps two folders the same: drawn, applied to a model, and done."""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Entry = tuple[str, ...]
"""A folder (``d``), a link (``l``, its target), or a file (``f``, mode in octal, SHA-256)."""
Model = dict[str, tuple[str, str, bytes]]
"""Kind, mode or target, content, by path."""

NAMES = ("a.py", "b.txt", "é ü.md", ".hidden", "with space", "deep/er/c.py", "deep/d", "other/-e")
KINDS = ("write", "write", "replace", "append", "truncate", "rename", "delete", "executable", "plain", "folder", "link")


@dataclass(frozen=True)
class Change:
    """One change: on which side, what, of which path; what does not apply to what is there writes the file instead."""

    side: str
    kind: str
    name: str
    other: str
    letter: str
    size: int

    @property
    def content(self) -> bytes:
        """What it writes."""
        return self.letter.encode() * self.size


changes = st.builds(
    Change,
    side=st.sampled_from(["host", "container"]),
    kind=st.sampled_from(KINDS),
    name=st.sampled_from(NAMES),
    other=st.sampled_from(NAMES),
    letter=st.sampled_from("xyz"),
    size=st.sampled_from([0, 1, 80, 80, 80, 200_000]),
)
sequences = st.lists(changes, min_size=1, max_size=6).map(tuple)


def fitting(change: Change, model: Mapping[str, object]) -> Change:
    """Return the change as it can be done with what is there."""
    kind = change.kind
    there = model.get(change.name)
    is_file = isinstance(there, tuple) and there[0] == "f"
    needs_file = kind in {"append", "truncate", "executable", "plain"}
    if (needs_file and not is_file) or (kind in {"rename", "delete"} and there is None):
        kind = "write"
    if kind == "rename" and change.other == change.name:
        kind = "replace"
    return Change(change.side, kind, change.name, change.other, change.letter, change.size)


def modelled(model: Model, change: Change) -> Model:
    """Return the model after a change that fits it."""
    found = dict(model)
    kind, name = change.kind, change.name
    before = found.get(name)
    if kind in {"rename", "delete"}:
        moved = {path: entry for path, entry in found.items() if path == name or path.startswith(f"{name}/")}
        for path in moved:
            del found[path]
        if kind == "rename":
            found = _without(found, change.other)
            found |= {change.other + path[len(name) :]: entry for path, entry in moved.items()}
            found |= _folders(change.other, found)
        return found
    if kind in {"append", "truncate", "executable", "plain"}:
        assert before is not None
        mode = {"executable": "755", "plain": "644"}.get(kind, before[1])
        content = {"append": before[2] + change.content, "truncate": b""}.get(kind, before[2])
        found[name] = ("f", mode, content)
        return found
    found = _without(found, name)
    made = {"folder": ("d", "", b""), "link": ("l", change.other, b"")}.get(kind, ("f", "644", change.content))
    return found | {name: made} | _folders(name, found)


def _without(model: Model, name: str) -> Model:
    return {path: entry for path, entry in model.items() if path != name and not path.startswith(f"{name}/")}


def _folders(name: str, model: Model) -> Model:
    above = [name[:end] for end, letter in enumerate(name) if letter == "/"]
    return {path: ("d", "", b"") for path in above if model.get(path, ("", "", b""))[0] != "d"}


def entries(model: Model) -> dict[str, Entry]:
    """Return what is to be seen of a model."""
    found: dict[str, Entry] = {}
    for path, (kind, text, content) in model.items():
        found[path] = (
            (kind, text, hashlib.sha256(content).hexdigest()) if kind == "f" else tuple(filter(None, (kind, text)))
        )
    return found


def seen_here(folder: Path) -> dict[str, Entry]:
    """Return what is to be seen of a folder of this machine."""
    found: dict[str, Entry] = {}
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        try:
            status = path.lstat()
            if stat.S_ISLNK(status.st_mode):
                found[name] = ("l", os.readlink(path))
            elif stat.S_ISDIR(status.st_mode):
                found[name] = ("d",)
            else:
                digest = hashlib.sha256(path.read_bytes()).hexdigest()
                found[name] = ("f", f"{stat.S_IMODE(status.st_mode):o}", digest)
        except FileNotFoundError:
            continue
    return found


def do_here(folder: Path, change: Change) -> None:
    """Do a change in a folder of this machine, as programs and editors do it."""
    path, other = folder / change.name, folder / change.other
    if change.kind in {"write", "replace", "link", "folder"}:
        _clear(path)
        path.parent.mkdir(parents=True, exist_ok=True)
    if change.kind == "write":
        path.write_bytes(change.content)
        path.chmod(0o644)
    elif change.kind == "replace":
        aside = path.with_name(f"{path.name}~")
        aside.write_bytes(change.content)
        aside.chmod(0o644)
        aside.replace(path)
    elif change.kind == "append":
        with path.open("ab") as file:
            file.write(change.content)
    elif change.kind == "truncate":
        os.truncate(path, 0)
    elif change.kind == "rename":
        _clear(other)
        other.parent.mkdir(parents=True, exist_ok=True)
        path.rename(other)
    elif change.kind == "delete":
        _clear(path)
    elif change.kind == "folder":
        path.mkdir()
    elif change.kind == "link":
        path.symlink_to(change.other)
    else:
        path.chmod(0o755 if change.kind == "executable" else 0o644)


def _clear(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def script(folder: str, change: Change) -> str:
    """Return the lines of a shell that do a change in a folder of a container."""

    def above(name: str) -> str:
        return shlex.quote(f"{folder}/{name}".rpartition("/")[0])

    path, other = (shlex.quote(f"{folder}/{name}") for name in (change.name, change.other))
    write = f"head -c {change.size} /dev/zero | tr '\\0' {change.letter}"
    fresh = f"rm -rf {path}; mkdir -p {above(change.name)}"
    there = f"rm -rf {other}; mkdir -p {above(change.other)}"
    return {
        "write": f"{fresh}; {write} > {path}; chmod 644 {path}",
        "replace": f"{fresh}; {write} > {path}~; chmod 644 {path}~; mv -T {path}~ {path}",
        "append": f"{write} >> {path}",
        "truncate": f": > {path}",
        "rename": f"{there}; mv -T {path} {other}",
        "delete": f"rm -rf {path}",
        "folder": f"{fresh}; mkdir {path}",
        "link": f"{fresh}; ln -s {shlex.quote(change.other)} {path}",
        "executable": f"chmod 755 {path}",
        "plain": f"chmod 644 {path}",
    }[change.kind]
