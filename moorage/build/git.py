"""Git, asked about a checkout without changing it: where it comes from, as the labels by which an image names its source."""

from __future__ import annotations

import datetime as dt
import os
import re
import subprocess
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from moorage.base.errors import MoorageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_LABEL = "org.opencontainers.image."
_SHORT_ADDRESS = re.compile(r"(?:[^@/:]+@)?(?P<host>[^/:]+):(?P<path>[^/].*)")
"""Git's own way of writing an SSH address: ``git@host:path``."""


def source_labels(root: Path, revision: str = "") -> dict[str, str]:
    """Return OCI's labels ``source``, ``revision`` and ``created`` of what is checked out, or of another revision.

    Uncommitted changes end the revision in ``-dirty``; a clone without a remote on the network has no ``source``.
    Raises `MoorageError` where there is no commit, or no git. The labels' meaning: the OCI image specification's annotations.
    """
    found = _git(root, "log", "-1", "--format=%H %ct", revision or "HEAD", "--")
    if not found:
        raise MoorageError.of(
            "the images cannot be labelled with a commit",
            where=str(root),
            why="moorage:sourceLabels is on, and this is not a git checkout, or has no commit yet",
            remedy="run it in a clone, or take moorage:sourceLabels out of the stack's configuration",
        )
    commit, seconds = found.split()
    if not revision and _git(root, "status", "--porcelain", "--untracked-files=normal"):
        commit += "-dirty"
    labels = {
        f"{_LABEL}revision": commit,
        f"{_LABEL}created": dt.datetime.fromtimestamp(int(seconds), dt.UTC).isoformat().replace("+00:00", "Z"),
    }
    source = public_address(_git(root, "config", "--get", "remote.origin.url"))
    return labels | ({f"{_LABEL}source": source} if source else {})


def commit_of(root: Path) -> str:
    """Return the commit that is checked out, ``-dirty`` after it where files were changed; empty outside of git."""
    try:
        commit = _git(root, "rev-parse", "HEAD")
        return (
            f"{commit}-dirty" if commit and _git(root, "status", "--porcelain", "--untracked-files=normal") else commit
        )
    except MoorageError:
        return ""


def subjects(root: Path, before: str, after: str, most: int) -> list[str]:
    """Return the first lines of the commits after ``before`` up to ``after``, newest first, at most ``most`` of them."""
    if not before or not after:
        return []
    span = f"{before.removesuffix('-dirty')}..{after.removesuffix('-dirty')}"
    try:
        return _git(root, "log", f"--max-count={most}", "--format=%h %s", span, "--").splitlines()
    except MoorageError:
        return []


def public_address(remote: str) -> str:
    """Return the web address of a git remote, without user, password or ``.git``; empty for one on this machine."""
    if "://" not in remote:
        short = _SHORT_ADDRESS.fullmatch(remote)
        remote = f"ssh://{short['host']}/{short['path']}" if short else ""
    parts = urlsplit(remote)
    if parts.scheme not in {"http", "https", "ssh", "git"} or not parts.hostname:
        return ""
    # An SSH port says nothing about the web server's.
    host = parts.netloc.rpartition("@")[2] if parts.scheme.startswith("http") else parts.hostname
    scheme = "http" if parts.scheme == "http" else "https"
    return urlunsplit((scheme, host, parts.path.removesuffix("/").removesuffix(".git"), "", ""))


def _git(root: Path, *arguments: str) -> str:
    result = run_git(root, arguments)
    return result.stdout.decode().strip() if result.returncode == 0 else ""


def run_git(
    root: Path, arguments: Sequence[str], *, index: Path | None = None, stdin: bytes = b"", check: bool = False
) -> subprocess.CompletedProcess[bytes]:
    """Run git in ``root``, with an ``index`` of its own where one is named.

    Raises `MoorageError` where there is no git, and with ``check`` where it fails.
    """
    environment = os.environ | ({"GIT_INDEX_FILE": str(index)} if index else {})
    try:
        result = subprocess.run(
            ["git", *arguments], cwd=root, env=environment, input=stdin, capture_output=True, check=False
        )
    except FileNotFoundError:
        raise MoorageError.of(
            "git is not installed", where="PATH", why="it is asked for commits and revisions", remedy="install git"
        ) from None
    if check and result.returncode:
        raise MoorageError.of(
            f"git {arguments[0]} failed",
            where=str(root),
            why=result.stderr.decode(errors="replace").strip() or f"exit status {result.returncode}",
            remedy="fix what git reports, then run the command again",
        )
    return result
