"""The record of a git revision: what a stack would have been made from, were that revision checked out."""

from __future__ import annotations

import dataclasses
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from moorage.base.errors import MoorageError
from moorage.build.digests import SHORT, Inputs
from moorage.build.git import run_git, source_labels
from moorage.build.record import Record, record_of
from moorage.config.loader import load_project

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from moorage.build.record import ImageRecord
    from moorage.config.project import Project

_NAMED = (
    *("service.yaml", "service.yml", "image.yaml", "image.yml"),
    *("pyproject.toml", "uv.lock", "package.json", "package-lock.json"),
)
_IGNORE = ".dockerignore"


def record_at(project: Project, revision: str, after: Record) -> Record | None:
    """Return the record of ``revision``; None where its settings have errors, so that it cannot be told.

    ``after`` is the record of the files on disk: what git says is unchanged since, uncommitted changes included, is
    taken from there. Raises `MoorageError` where the project is not in git or git does not know the revision.
    """
    git = _Git(project.root)
    commit = git.commit(revision)
    changed = git.changed_since(commit)
    with tempfile.TemporaryDirectory(prefix="moorage-revision-") as folder:
        then = Path(folder)
        names = git.read(commit, then / ".index")
        # Only with the same ignore files is an unchanged file in the same contexts as it is now.
        everything = any(path.endswith(_IGNORE) for path in changed)
        wanted = names if everything else [name for name in names if name in changed or _describes(name)]
        git.write(wanted, then / ".index", then)
        for name in names:
            if name.startswith("libs/") and name.count("/") > 1:
                (then / Path(*Path(name).parts[:2])).mkdir(parents=True, exist_ok=True)
        (then / ".moorage").symlink_to(project.root / ".moorage")
        try:
            before = load_project(then, project.stack_name)
            labels = source_labels(project.root, commit) if before.settings.source_labels else {}
            found = record_of(before, Inputs(before, checkout=project.root, labels=labels).all())
        except MoorageError:
            return None
    unwritten = frozenset[str]() if everything else frozenset(names) - frozenset(changed)
    return _with_unchanged(found, after, unwritten)


def _describes(path: str) -> bool:
    """Return whether a file says what there is and how it is built."""
    name = path.rpartition("/")[2]
    return name in _NAMED or "Dockerfile" in name or (name == path and name.startswith("Pulumi"))


def _with_unchanged(found: Record, after: Record, unchanged: frozenset[str]) -> Record:
    """Return a record of the files that were written out and of those that were not, being the same today."""
    images: dict[str, ImageRecord] = {}
    for folder, record in found.images.items():
        now = after.images.get(folder)
        same = {path: entry for path, entry in (now.files if now else {}).items() if path in unchanged}
        bases = {name: _base(images, after, name) for name in record.bases}
        whole = dataclasses.replace(
            record, files=same | dict(record.files), bases=bases, digest=now.digest if now else ""
        )
        images[folder] = whole if whole == now else dataclasses.replace(whole, digest="")
    return Record(images, found.workloads)


def _base(images: Mapping[str, ImageRecord], after: Record, name: str) -> str:
    """Return today's digest of a base image that is as it was, and another of one that is not."""
    folder = f"images/{name}"
    return after.images[folder].digest[:SHORT] if folder in after.images and images[folder].digest else ""


class _Git:
    """Git in one checkout, asked without changing it."""

    def __init__(self, root: Path) -> None:
        self._root = root
        if run_git(self._root, ["rev-parse", "--is-inside-work-tree"]).returncode:
            raise MoorageError.of(
                "this is no git checkout",
                where=str(root),
                why="--since compares the files with those of a git revision",
                remedy="run it in a clone, or without --since to compare with what the stack was made from",
            )
        prefix = run_git(self._root, ["rev-parse", "--show-prefix"]).stdout.decode().strip()
        if prefix:
            raise MoorageError.of(
                "the project is not at the top of its git repository",
                where=str(root),
                why="--since takes the paths of git's trees for those of the project",
                remedy="run it without --since to compare with what the stack was made from",
            )

    def commit(self, revision: str) -> str:
        """Return the commit that a revision names."""
        found = run_git(self._root, ["rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"])
        if found.returncode:
            raise MoorageError.of(
                f"git knows no revision {revision}",
                where=str(self._root),
                why="it is no commit, branch or tag of this clone",
                remedy="fetch it (in CI: fetch-depth: 0), or correct its name",
            )
        return found.stdout.decode().strip()

    def changed_since(self, commit: str) -> set[str]:
        """Return every path that differs from a commit's, uncommitted and untracked ones included."""
        differing = self._paths(["diff", "--name-only", "--no-renames", "--no-ext-diff", "-z", commit, "--"])
        return {*differing, *self._paths(["ls-files", "--others", "--exclude-standard", "-z"])}

    def read(self, commit: str, index: Path) -> list[str]:
        """Read a commit's tree into an index of its own and return the paths in it."""
        run_git(self._root, ["read-tree", commit], index=index, check=True)
        return self._paths(["ls-files", "-z"], index=index)

    def write(self, paths: Iterable[str], index: Path, folder: Path) -> None:
        """Write files of an index below a folder."""
        listed = b"".join(os.fsencode(path) + b"\0" for path in paths)
        arguments = ["checkout-index", "--quiet", "--force", "-z", "--stdin", f"--prefix={folder}/"]
        run_git(self._root, arguments, index=index, stdin=listed, check=True)

    def _paths(self, arguments: list[str], index: Path | None = None) -> list[str]:
        output = run_git(self._root, arguments, index=index, check=True).stdout
        return [os.fsdecode(path) for path in output.split(b"\0") if path]
