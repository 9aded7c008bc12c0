"""The record of a git revision: what a stack would have been made from, were that revision checked out."""

from __future__ import annotations

import dataclasses
import itertools
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from moorage.base.errors import MoorageError
from moorage.build.digests import SHORT, Inputs
from moorage.build.git import run_git, source_labels
from moorage.build.record import Record, record_of
from moorage.config.imagelock import LOCK_FILE
from moorage.config.loader import load_project

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from moorage.build.record import ImageRecord
    from moorage.config.project import Project

_NAMED = (
    *(LOCK_FILE, "service.yaml", "service.yml", "image.yaml", "image.yml"),
    *("pyproject.toml", "uv.lock", "package.json", "package-lock.json", "setup.py"),
    *("go.mod", "go.sum", "Cargo.toml", "pom.xml", "build.gradle"),
)
_IGNORE = ".dockerignore"
_CONVERTING = ("text", "eol", "crlf", "filter", "ident", "working-tree-encoding")
"""Attributes by which git changes bytes."""
_LINK = "160000"
_NUMBERS = itertools.count()


def record_at(project: Project, revision: str, after: Record) -> Record | None:
    """Return the record of ``revision``; None where its settings have errors, so that it cannot be told.

    ``after`` is the record of the files on disk: what is unchanged since, uncommitted changes included, is taken from
    there. Git is believed that a file is unchanged where its bytes on disk are the commit's own, else content decides.
    Raises `MoorageError` where the project is not in git or git does not know the revision.
    """
    git = _Git.of(project.root)
    commit = git.commit(revision)
    context = {path for image in after.images.values() for path in image.files}
    top, program = git.inside(project.root), git.inside(project.program)
    with tempfile.TemporaryDirectory(prefix="moorage-revision-") as folder:
        then = Path(folder)
        names, changed = git.bring(commit, then, frozenset(f"{top}{path}" for path in context), program)
        # Folders of libraries of which nothing was written are found by their globs all the same.
        deepest = top.count("/") + max(glob.count("/") for glob in ("*", *project.monorepo.repository.layout.libs)) + 1
        for parts in {tuple(name.split("/")[:-1][:deepest]) for name in names if name.startswith(top)}:
            then.joinpath(*parts).mkdir(parents=True, exist_ok=True)
        (then / program).mkdir(parents=True, exist_ok=True)
        (then / program / ".moorage").symlink_to(project.home)
        try:
            before = load_project(then / program, project.stack_name)
            labels = source_labels(project.root, commit) if before.settings.source_labels else {}
            inputs = Inputs(before, checkout=project.root, home=project.home, labels=labels)
            found = record_of(before, inputs.all())
        except MoorageError:
            return None
    return _with_unchanged(project, found, after, {name.removeprefix(top) for name in names - changed})


def _describes(path: str, program: str) -> bool:
    """Return whether a file says what there is and how it is built."""
    folder, _, name = path.rpartition("/")
    return (
        name in _NAMED
        or "Dockerfile" in name
        or name.endswith(_IGNORE)
        or (folder == program.rstrip("/") and name.startswith("Pulumi"))
    )


def _with_unchanged(project: Project, found: Record, after: Record, unchanged: AbstractSet[str]) -> Record:
    """Return a record of the files that were written out and of those that were not, being the same today."""
    images: dict[str, ImageRecord] = {}
    for folder, record in found.images.items():
        now = after.images.get(folder)
        same = {path: entry for path, entry in (now.files if now else {}).items() if path in unchanged}
        bases = {name: _base(images, after, str(project.image(name))) for name in record.bases}
        whole = dataclasses.replace(
            record, files=same | dict(record.files), bases=bases, digest=now.digest if now else ""
        )
        images[folder] = whole if whole == now else dataclasses.replace(whole, digest="")
    return Record(images, found.workloads)


def _base(images: Mapping[str, ImageRecord], after: Record, folder: str) -> str:
    """Return today's digest of a base image that is as it was, and another of one that is not."""
    known = folder in after.images and folder in images
    return after.images[folder].digest[:SHORT] if known and images[folder].digest else ""


class _Git:
    """Git in one checkout, asked without changing it."""

    def __init__(self, root: Path) -> None:
        """Ask git in the top folder of a checkout."""
        self._root = root

    @classmethod
    def of(cls, folder: Path) -> _Git:
        """Return the checkout that a folder lies in; raises `MoorageError` where it lies in none."""
        root = folder
        found = run_git(root, ["rev-parse", "--show-toplevel"])
        if found.returncode:
            raise MoorageError.of(
                "not a git checkout",
                where=str(root),
                why="--since compares the files with those of a git revision",
                remedy="run it in a clone, or without --since to compare with what the stack was deployed from",
            )
        return cls(Path(os.fsdecode(found.stdout.rstrip(b"\n"))))

    def inside(self, folder: Path) -> str:
        """Return the way from the checkout's top to a folder, as it stands before the names of its files: ``a/b/``."""
        way = os.path.relpath(folder.resolve(), self._root.resolve())
        return "" if way == "." else f"{way}/"

    def commit(self, revision: str) -> str:
        """Return the commit that a revision names."""
        found = run_git(self._root, ["rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"])
        if found.returncode:
            raise MoorageError.of(
                f"unknown git revision {revision}",
                where=str(self._root),
                why="this clone has no commit, branch or tag of that name",
                remedy="fetch it (in CI: fetch-depth: 0), or correct its name",
            )
        return found.stdout.decode().strip()

    def bring(
        self,
        commit: str,
        then: Path,
        context: AbstractSet[str],
        program: str = "",
        *,
        indexes: Path | None = None,
        everything: bool = False,
    ) -> tuple[frozenset[str], frozenset[str]]:
        """Write of a commit what differs from the files on disk, or may, and what describes the rest.

        Return the paths of the commit, those of its submodules included, and which of them were written and so must be
        compared by content. ``context`` are the files on disk that images are made from; ``program`` is the folder of
        ``Pulumi.yaml``, with a slash at its end.
        """
        indexes = indexes or then
        index = indexes / f".index-{next(_NUMBERS)}"
        names = self.read(commit, index)
        differing = self.changed_since(commit)
        doubtful = self.doubtful(sorted(context & (set(names) - differing)))
        # Only with the same ignore files is an unchanged file in the same contexts as it is now.
        everything = everything or any(path.endswith(_IGNORE) for path in differing)
        wanted = [
            name for name in names if everything or name in differing or name in doubtful or _describes(name, program)
        ]
        self.write(wanted, index, then)
        known, written = set(names), set(names) if everything else differing | doubtful
        for link, inner_commit in self.links(index).items():
            inside = {path.removeprefix(f"{link}/") for path in context if path.startswith(f"{link}/")}
            inner = _Git(self._root / link) if inside and (self._root / link / ".git").exists() else None
            if inner is not None and inner.has(inner_commit):
                inner_names, inner_written = inner.bring(
                    inner_commit, then / link, inside, indexes=indexes, everything=everything
                )
                # A submodule's .git says where git keeps it, and is as it was.
                known |= {f"{link}/{name}" for name in (*inner_names, ".git")}
                written |= {f"{link}/{name}" for name in inner_written}
        return frozenset(known), frozenset(written)

    def doubtful(self, paths: Sequence[str]) -> set[str]:
        """Return those of the paths whose bytes may be others than the commit's though git calls them unchanged.

        That are files which git converts on their way to the disk and back, and those it was told not to look at.
        """
        if not paths:
            return set()
        settings = {name: self._setting(name) for name in ("core.autocrlf", "core.filemode", "core.symlinks")}
        if settings["core.autocrlf"] in {"true", "input"} or "false" in {
            settings["core.filemode"],
            settings["core.symlinks"],
        }:
            return set(paths)
        listed = b"".join(os.fsencode(path) + b"\0" for path in paths)
        answer = run_git(self._root, ["check-attr", "-z", "--stdin", *_CONVERTING], stdin=listed, check=True).stdout
        fields = answer.split(b"\0")[:-1]
        found = {
            os.fsdecode(path)
            for path, value in zip(fields[::3], fields[2::3], strict=True)
            if value not in {b"unspecified", b"unset"}
        }
        for entry in self._paths(["ls-files", "-v", "-z"]):
            flag, _, path = entry.partition(" ")
            if flag.islower() or flag == "S":
                found.add(path)
        return found & set(paths)

    def _setting(self, name: str) -> str:
        return run_git(self._root, ["config", "--get", name]).stdout.decode().strip().lower()

    def has(self, commit: str) -> bool:
        """Return whether a commit is in this clone."""
        return run_git(self._root, ["cat-file", "-e", f"{commit}^{{commit}}"]).returncode == 0

    def links(self, index: Path) -> dict[str, str]:
        """Return the commits of submodules, by their path."""
        entries = (entry.partition("\t") for entry in self._paths(["ls-files", "-s", "-z"], index=index))
        return {path: words.split()[1] for words, _, path in entries if words.startswith(_LINK)}

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
