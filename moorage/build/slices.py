"""Of the lock files that all services of a workspace share, what counts for one image."""

from __future__ import annotations

import functools
import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from moorage.build.lockfiles import (
    NPM_LOCK,
    NPM_MANIFEST,
    UV_LOCK,
    UV_MANIFEST,
    NpmUse,
    UnclearError,
    UvUse,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from moorage.build.filedigests import FileDigests, Listing
    from moorage.build.stages import Dockerfile


@dataclass(frozen=True, kw_only=True)
class Slice:
    """What counts of one file instead of all of it."""

    digest: str
    """SHA-256 in hex."""
    whole: str
    """That of the file that it was made of."""
    make: Callable[[str], str | None] | None
    """Returns what takes the file's place in the build, of its text; None where the file itself is there."""


@dataclass(frozen=True, kw_only=True)
class Sliced:
    """What is known of the lock files in a build context, by path."""

    slices: Mapping[str, Slice] = field(default_factory=dict)
    whole: Mapping[str, str] = field(default_factory=dict)
    """Why all of a lock file counts, where it does."""


@dataclass(frozen=True, kw_only=True)
class Slicer:
    """Finds the slices for one image."""

    root: Path
    digests: FileDigests
    context: Sequence[Listing]
    key: str
    """Names the Dockerfile's content, its build args and the stage that is built."""
    read: Callable[[], Dockerfile]
    target: str

    def sliced(self) -> Sliced:
        """Return what counts of each lock file; each that is there is in one of the two."""
        slices: dict[str, Slice] = {}
        whole: dict[str, str] = {}
        for lock, manifest, find in ((UV_LOCK, UV_MANIFEST, self._uv), (NPM_LOCK, NPM_MANIFEST, self._npm)):
            contents = {path: found for path in (lock, manifest) if (found := self._content(path)) is not None}
            if lock in contents:
                try:
                    slices |= find(contents)
                except UnclearError as error:
                    whole[lock] = str(error)
        return Sliced(slices=slices, whole=whole)

    def _content(self, path: str) -> str | None:
        """Return the digest of a file of the context; None where it is not there."""
        return next((line[:64] for listing in self.context if (line := listing.line(path))), None)

    def _uv(self, contents: Mapping[str, str]) -> dict[str, Slice]:
        if UV_MANIFEST not in contents:
            raise UnclearError(f"{UV_MANIFEST} is not in the build context")

        noted = self.digests.note(f"uv {self.key}", self._uv_use)
        if "why" in noted:
            raise UnclearError(noted["why"])
        use = UvUse(options=tuple(noted["options"]), paths=tuple(noted["paths"]))
        # Which files these are is looked up where the context is another one than the last time.
        given = hashlib.sha256("".join(listing.digest for listing in self.context).encode()).hexdigest()
        key = f"uv slice {given} {json.dumps([use.options, use.paths])}"
        digest = self.digests.note(key, lambda: self._exported(use))
        return {
            UV_LOCK: Slice(digest=digest, whole=contents[UV_LOCK], make=None),
            # What it says is in the list.
            UV_MANIFEST: Slice(digest=_digest(""), whole=contents[UV_MANIFEST], make=None),
        }

    def _uv_use(self) -> dict[str, object]:
        from moorage.build.uv import uv_use  # here and below: what was read of a Dockerfile is remembered

        try:
            return asdict(uv_use(self.read(), self.target))
        except UnclearError as error:
            return {"why": str(error)}

    def _exported(self, use: UvUse) -> str:
        from moorage.build.uv import exported, reads

        paths = [path for listing in self.context for path in listing.paths if reads(use, path)]
        read_files = sorted((path, self._content(path)) for path in paths)
        key = hashlib.sha256(json.dumps([use.options, read_files]).encode()).hexdigest()
        digest: str = self.digests.note(f"uv export {key}", lambda: _digest(exported(use, self.root, paths)))
        return digest

    def _npm(self, contents: Mapping[str, str]) -> dict[str, Slice]:
        if NPM_MANIFEST not in contents:
            raise UnclearError(f"{NPM_MANIFEST} is not in the build context")
        noted = self.digests.note(f"npm {self.key}", self._npm_use)
        if noted is None:
            raise UnclearError("more of the Dockerfile than npm ci may read it")
        members = tuple(
            path.removesuffix(f"/{NPM_MANIFEST}")
            for listing in self.context
            for path in listing.ending(f"/{NPM_MANIFEST}")
        )
        slicers = {
            path: functools.partial(_npm_slice, path, use=NpmUse(**noted), members=members)
            for path in (NPM_LOCK, NPM_MANIFEST)
        }
        found = {}
        for path, make in slicers.items():
            key = f"slice {path} {contents[path]} {json.dumps([noted, members])}"
            digest = self.digests.note(key, functools.partial(self._sliced, path, make))
            if digest is None:
                raise UnclearError(f"{path} has a form that is not known")
            found[path] = Slice(digest=digest, whole=contents[path], make=make)
        return found

    def _npm_use(self) -> dict[str, bool] | None:
        from moorage.build.npm import npm_use

        found = npm_use(self.read(), self.target)
        return asdict(found) if found else None

    def _sliced(self, path: str, make: Callable[[str], str | None]) -> str | None:
        text = make((self.root / path).read_text())
        return None if text is None else _digest(text)


def _npm_slice(path: str, text: str, *, use: NpmUse, members: Sequence[str]) -> str | None:
    from moorage.build.npm import sliced_package_json, sliced_package_lock

    return sliced_package_lock(text, use, members) if path == NPM_LOCK else sliced_package_json(text, use)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
