"""Slices of an npm workspace's ``package-lock.json`` and ``package.json``: what the packages in a build depend on.

`npm ci` installs the same from a slice as from the whole file, where only those packages are there. It takes the whole
one's place in the build, so that what is not in it cannot reach the image.
"""

from __future__ import annotations

import json
import posixpath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from moorage.build.npmuse import NpmUse

_FORM = 3
"""Of the lock file; earlier ones hold everything twice."""
_NEEDED = ("dependencies", "optionalDependencies", "peerDependencies")
_DEVELOPMENT = "devDependencies"
_WORKSPACE_ROOT = ""
_FOLDER = "node_modules/"


class _UnknownFormError(Exception):
    """The file has another form than the one that is understood."""


def sliced_package_lock(text: str, use: NpmUse, members: Collection[str]) -> str | None:
    """Return the part of package-lock.json that counts where these packages are installed; None where all of it does.

    ``members`` are the folders of the workspace's packages that are there when npm reads the slice. What they need for
    development is in it, as npm compares it with their package.json even where it does not install it.
    """
    try:
        whole = json.loads(text)
        packages = whole["packages"]
        root = packages[_WORKSPACE_ROOT]
        if whole["lockfileVersion"] != _FORM or "dependencies" in whole or not root["workspaces"]:
            return None
        present = {folder for folder in members if folder in packages}
        reached = _reached(packages, {*present, *((_WORKSPACE_ROOT,) if use.root else ())})
        kept = {place: found for place, found in packages.items() if place in reached}
        kept = {_WORKSPACE_ROOT: root if use.root else _without_needs(root)} | kept
        return json.dumps(whole | {"packages": kept}, indent=2, ensure_ascii=False) + "\n"
    except (_UnknownFormError, ValueError, KeyError, TypeError, AttributeError):
        return None


def sliced_package_json(text: str, use: NpmUse) -> str | None:
    """Return the part of the workspace's package.json that counts; None where all of it does."""
    try:
        whole = json.loads(text)
        if use.root or not whole["workspaces"]:
            return None if not whole["workspaces"] else text
        # An override may stand for what the root itself needs: "react": "$react".
        if "$" in json.dumps(whole.get("overrides", {})):
            return None
        return json.dumps(_without_needs(whole), indent=2, ensure_ascii=False) + "\n"
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _without_needs(package: Mapping[str, Any]) -> dict[str, Any]:
    needs = {*_NEEDED, _DEVELOPMENT, "peerDependenciesMeta"}
    return {key: value for key, value in package.items() if key not in needs}


def _reached(packages: Mapping[str, Mapping[str, Any]], roots: Collection[str]) -> set[str]:
    """Return the places of everything that may be installed for these packages of the workspace."""
    linked = {found["resolved"]: place for place, found in packages.items() if found.get("link")}
    bundled = [place for place, found in packages.items() if found.get("inBundle")]
    waiting, reached = [*roots, *(linked[root] for root in roots if root in linked)], set[str]()
    while waiting:
        place = waiting.pop()
        if place in reached:
            continue
        if place.startswith(("..", "/")):
            raise _UnknownFormError
        reached.add(place)
        package = packages[place]
        if package.get("link"):
            waiting.append(package["resolved"])
            continue
        waiting += _needed(packages, place, package)
        waiting += [inner for inner in bundled if inner.startswith(f"{place}/{_FOLDER}")]
    return reached


def _needed(packages: Mapping[str, Any], place: str, package: Mapping[str, Any]) -> Iterator[str]:
    """Yield where what a package needs lies; what is optional, or a peer that is not asked for, may lie nowhere."""
    for kind in _NEEDED:
        for name in package.get(kind, {}):
            yield from _found(packages, place, name)
            if kind == "peerDependencies" and _FOLDER in place:
                # A peer is what the one that needs the package has, beside the package or above.
                yield from _found(packages, place.rpartition(_FOLDER)[0].rstrip("/"), name)
    if _FOLDER not in place:
        for name in package.get(_DEVELOPMENT, {}):
            yield from _found(packages, place, name)


def _found(packages: Mapping[str, Any], place: str, name: str) -> Iterator[str]:
    """Yield the place that Node.js would take a package from: the nearest ``node_modules`` on the way to the root."""
    folder = place
    while True:
        if (candidate := posixpath.join(folder, _FOLDER + name)) in packages:
            yield candidate
            return
        if not folder:
            return
        folder = posixpath.dirname(folder)
