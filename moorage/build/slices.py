"""Of the lock files that all services of a workspace share, the parts that count for one image."""

from __future__ import annotations

import functools
import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from moorage.build import npmuse, uvuse
from moorage.build.npmlocks import sliced_package_json, sliced_package_lock
from moorage.build.uvlocks import sliced_lock, sliced_project

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from pathlib import Path

    from moorage.build.filedigests import FileDigests, Listing
    from moorage.build.stages import Dockerfile


@dataclass(frozen=True, kw_only=True)
class Slice:
    """The part of one file that counts instead of the whole one."""

    digest: str
    """SHA-256 in hex."""
    make: Callable[[str], str | None]
    """Returns it of the whole file's text; None where that has no part that is sure to be enough."""


@dataclass(frozen=True, kw_only=True)
class _Workspace:
    """What a package manager keeps of all packages of a workspace, at the repository's root."""

    use: Callable[[Dockerfile, str], Any]
    """Returns how a Dockerfile uses it for a stage; None where that is not clear."""
    remembered: Callable[..., Any]
    """Makes the use of its own fields."""
    manifest: str
    """The file that makes a folder a package."""
    slicers: Mapping[str, Callable[[str, Any, Collection[str]], str | None]]
    """Of each of its files, by path: text, use and folders of the packages in the context give the slice."""


_WORKSPACES = (
    _Workspace(
        use=uvuse.uv_use,
        remembered=uvuse.UvUse,
        manifest=uvuse.MANIFEST,
        slicers={uvuse.LOCK: sliced_lock, uvuse.MANIFEST: lambda text, _use, _members: sliced_project(text)},
    ),
    _Workspace(
        use=npmuse.npm_use,
        remembered=npmuse.NpmUse,
        manifest=npmuse.MANIFEST,
        slicers={
            npmuse.LOCK: sliced_package_lock,
            npmuse.MANIFEST: lambda text, use, _members: sliced_package_json(text, use),
        },
    ),
)


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

    def slices(self) -> dict[str, Slice]:
        """Return the slices by path; nothing of a workspace of which all counts."""
        return {path: found for each in _WORKSPACES for path, found in self._of(each).items()}

    def _of(self, workspace: _Workspace) -> dict[str, Slice]:
        wanted = {(path,) for path in workspace.slicers}
        lines = {listing.paths[0]: listing.text for listing in self.context if listing.paths in wanted}
        if lines.keys() != workspace.slicers.keys():
            return {}
        use = self.digests.note(f"use {workspace.manifest} {self.key}", lambda: self._use(workspace))
        if use is None:
            return {}
        name = f"/{workspace.manifest}"
        members = tuple(
            path.removesuffix(name) for listing in self.context for path in listing.paths if path.endswith(name)
        )
        words = json.dumps([use, members])
        found = {}
        for path, slicer in workspace.slicers.items():
            make = functools.partial(_sliced, slicer, workspace.remembered(**use), members)
            key = f"slice {path} {lines[path][:64]} {words}"
            digest = self.digests.note(key, functools.partial(self._digest, path, make))
            if digest is None:
                return {}
            found[path] = Slice(digest=digest, make=make)
        return found

    def _use(self, workspace: _Workspace) -> dict[str, Any] | None:
        found = workspace.use(self.read(), self.target)
        return asdict(found) if found else None

    def _digest(self, path: str, make: Callable[[str], str | None]) -> str | None:
        text = make((self.root / path).read_text())
        return None if text is None else hashlib.sha256(text.encode()).hexdigest()


def _sliced(
    slicer: Callable[[str, Any, Collection[str]], str | None], use: Any, members: Sequence[str], text: str
) -> str | None:
    return slicer(text, use, members)
