"""What of an npm workspace's ``package-lock.json`` and ``package.json`` counts for one image, and slices of both.

`npm ci` installs the same from a slice as from the whole file, where only the packages of the build are there. It takes
the whole one's place in the build, so that what is not in it cannot reach the image.
"""

from __future__ import annotations

import json
import posixpath
import re
import shlex
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from moorage.build.ignorefile import has_wildcards
from moorage.build.installs import WRAPPER, command_of
from moorage.build.lockfiles import NPM_LOCK, NPM_MANIFEST, NpmUse
from moorage.build.stages import CONTEXT

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from moorage.build.instructions import Instruction
    from moorage.build.stages import Dockerfile, Input, Stage

_BETWEEN = re.compile(r"&&|;|\n")
_SHELL = re.compile(r"[&|<>$`()]")
_READS_LOCK = re.compile(r"package-lock|\bnpm\s+(?!(?:run|run-script|test|exec|rebuild)\b)")
_ELSEWHERE = ("-C", "--prefix", "-g", "--global", "--location")
_SOME = ("-w", "--workspace", "--workspaces")
_ROOT_TOO = re.compile(r"-iwr|--include-w|--workspaces=false")
_ROOT_BY_SETTING = re.compile(r"npm_config_include|\.npmrc", re.IGNORECASE)


class _UnclearError(Exception):
    """It cannot be told where files end up, or the lock file has another form than the one that is understood."""


def npm_use(dockerfile: Dockerfile, target: str) -> NpmUse | None:
    """Return how the build of ``target`` uses the workspace's package-lock.json; None where all of the file counts.

    A part of the file is enough where of npm's commands only ``npm ci`` reads it, and where it does not get into the
    image: a stage that copies it, or is FROM such a stage, is not what is built, and others take nothing of that stage
    in which the file is. Where it is only mounted, any stage will do.
    """
    try:
        holders = {stage.index: places for stage in dockerfile.stages if (places := _places(dockerfile, stage))}
    except _UnclearError:
        return None
    built = dockerfile.built(target)
    if built is None or built.index in holders or not dockerfile.origins_are_clear:
        return None
    taken = [item for item in dockerfile.inputs() if item.origin != CONTEXT]
    if any(_holds_files(dockerfile, item, holders) for item in taken):
        return None
    steps = [step for stage in dockerfile.stages if stage.index in holders for step in stage.instructions]
    steps += [item.instruction for item in dockerfile.inputs() if _is_shared(item)]
    installs = [_installs(step) for step in steps if step.keyword == "RUN"]
    roots = [root for found in installs for root in found or ()]
    if None in installs or not roots:
        return None
    by_setting = any(_ROOT_BY_SETTING.search(step.text) for step in dockerfile.instructions)
    return NpmUse(root=by_setting or any(roots))


def _is_shared(item: Input) -> bool:
    """Return whether the lock file, or the package.json beside it, is among what is taken."""
    names = (NPM_LOCK, NPM_MANIFEST)
    return item.origin == CONTEXT and (item.path == "." or any(fnmatchcase(name, item.path) for name in names))


def _places(dockerfile: Dockerfile, stage: Stage) -> set[str]:
    """Return where in a stage the two files may be; folders that they were copied to are among them."""
    folder, found = "", set[str]()
    for part in dockerfile.chain(stage):
        shared = {item.instruction.line for item in part.inputs if _is_shared(item)}
        for instruction in part.instructions:
            if instruction.keyword == "WORKDIR":
                folder = posixpath.join(folder, instruction.arguments.strip())
            elif instruction.keyword in {"ADD", "COPY"} and instruction.line in shared:
                place = posixpath.normpath(posixpath.join(folder, instruction.words[-1].strip("'\"")))
                if not place.startswith("/") or "$" in place:
                    raise _UnclearError
                found |= {place, posixpath.join(place, NPM_LOCK), posixpath.join(place, NPM_MANIFEST)}
    return found


def _holds_files(dockerfile: Dockerfile, item: Input, holders: Mapping[int, set[str]]) -> bool:
    """Return whether one of the two files may be in what is taken of another stage."""
    stage = dockerfile.stage(item.origin)
    if stage is None or stage.index not in holders:
        return False
    path = "" if item.path == "." else f"/{item.path}"
    return has_wildcards(path) or any(f"{place}/".startswith(f"{path}/") for place in holders[stage.index])


def _installs(run: Instruction) -> list[bool] | None:
    """Return for each ``npm ci`` of a step whether it installs for the workspace's root as well.

    None where another command of the step may read the lock file.
    """
    found = []
    for command in _BETWEEN.split(command_of(run)):
        words = _words(command)
        if words[:2] == ["npm", "ci"] and not _SHELL.search(command):
            if any(word.partition("=")[0] in _ELSEWHERE for word in words):
                return None
            some = any(word.partition("=")[0] in _SOME for word in words)
            found.append(not some or any(map(_ROOT_TOO.match, words)))
        elif _READS_LOCK.search(command):
            return None
    return found


def _words(command: str) -> list[str]:
    try:
        words = shlex.split(command)
    except ValueError:
        return []
    return words[1:] if words[:1] == [WRAPPER] else words


_FORM = 3
"""Of the lock file; earlier ones hold everything twice."""
_NEEDED = ("dependencies", "optionalDependencies", "peerDependencies")
_DEVELOPMENT = "devDependencies"
_WORKSPACE_ROOT = ""
_FOLDER = "node_modules/"


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
    except (_UnclearError, ValueError, KeyError, TypeError, AttributeError):
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
            raise _UnclearError
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
