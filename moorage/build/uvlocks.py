"""Slices of a uv workspace's ``uv.lock`` and ``pyproject.toml``: what one package's requirements depend on.

A slice is a file that `uv export --frozen --package NAME` gives the same answer for as for the whole one. It takes the
whole one's place in the build, so that what is not in it cannot reach the image.
"""

from __future__ import annotations

import functools
import json
import re
import tomllib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from moorage.build.uvuse import UvUse

_PACKAGE = re.compile(r"^\[\[package\]\]\n", re.MULTILINE)
_MEMBERS = re.compile(r"^members = \[\n(?:    \"[^\"]+\",\n)*\]\n", re.MULTILINE)
_HEAD = re.compile(r"^(?:name|version|source) = .*\n", re.MULTILINE)
_TABLE = re.compile(r"^\[", re.MULTILINE)


class _UnknownFormError(Exception):
    """The file has another form than the one that is understood."""


def sliced_lock(text: str, use: UvUse, members: Collection[str]) -> str | None:
    """Return the part of uv.lock that a package's requirements depend on; None where only all of it is sure to do.

    ``members`` are the folders of the workspace's packages that are there when uv reads the slice.
    """
    try:
        return _sliced_lock(text, use, {".", *members})
    except (_UnknownFormError, tomllib.TOMLDecodeError, KeyError, TypeError, AttributeError):
        return None


def sliced_project(text: str) -> str | None:
    """Return the part of the workspace's pyproject.toml that an export reads; None where only all of it will do."""
    try:
        whole = tomllib.loads(text)
        project = {key: whole["project"][key] for key in ("name", "version", "requires-python")}
        wanted: dict[str, Any] = {"project": project, "tool": {"uv": whole["tool"]["uv"]}}
        groups: dict[str, list[str]] = {name: [] for name in whole.get("dependency-groups", {})}
        if groups:
            wanted["dependency-groups"] = groups
        parts = ["[project]\n", *(f"{key} = {json.dumps(value)}\n" for key, value in project.items())]
        parts += ["[dependency-groups]\n", *(f"{json.dumps(name)} = []\n" for name in groups)] if groups else []
        parts += [table for table in _tables(text) if table.startswith(("[tool.uv]", "[tool.uv.", "[[tool.uv."))]
        made = "".join(parts)
        return made if tomllib.loads(made) == wanted else None
    except (tomllib.TOMLDecodeError, KeyError, TypeError, AttributeError):
        return None


def _tables(text: str) -> Iterator[str]:
    starts = [match.start() for match in _TABLE.finditer(text)]
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        yield text[start:end]


@functools.lru_cache(maxsize=4)
def _parsed(text: str) -> tuple[str, tuple[str, ...], tuple[dict[str, Any], ...]]:
    """Return the lock file's head, the text of each package, and the packages themselves."""
    packages = tuple(tomllib.loads(text)["package"])
    head, *blocks = _PACKAGE.split(text)
    same = len(blocks) == len(packages) and all(
        block.startswith(f'name = "{package["name"]}"\n') for block, package in zip(blocks, packages, strict=True)
    )
    if not same:
        raise _UnknownFormError
    return head, tuple(blocks), packages


def _sliced_lock(text: str, use: UvUse, folders: Collection[str]) -> str:
    head, blocks, packages = _parsed(text)
    by_name: dict[str, list[dict[str, Any]]] = {}
    for package in packages:
        by_name.setdefault(package["name"], []).append(package)
    reached = _reached(by_name, use)
    places = {
        package["name"]: package["source"].get("editable") or package["source"].get("virtual") for package in packages
    }
    members = {name for name, place in places.items() if place}
    present = {name for name, place in places.items() if place in folders}
    lines = "".join(f'    "{name}",\n' for name in sorted(members & (reached | present)))
    listed, count = _MEMBERS.subn(f"members = [\n{lines}]\n", head)
    if count != 1:
        raise _UnknownFormError
    return listed + "".join(f"[[package]]\n{block}" for block in _kept(blocks, packages, reached, present))


def _kept(
    blocks: tuple[str, ...], packages: tuple[dict[str, Any], ...], reached: set[str], present: set[str]
) -> Iterator[str]:
    for block, package in zip(blocks, packages, strict=True):
        if package["name"] in reached:
            yield block
        elif package["name"] in present:
            # uv asks that each package of the workspace is in the file; what these need is not this service's.
            yield "".join(_HEAD.findall(block)[:3]) + "\n"


def _reached(by_name: Mapping[str, list[dict[str, Any]]], use: UvUse) -> set[str]:
    """Return the names of the packages that can come into the export, whatever the platform and the extras."""
    waiting, reached = [use.package], set[str]()
    while waiting:
        name = waiting.pop()
        if name in reached:
            continue
        reached.add(name)
        for package in by_name[name]:
            needed = [*package.get("dependencies", ())]
            needed += [entry for extra in package.get("optional-dependencies", {}).values() for entry in extra]
            groups = package.get("dev-dependencies", {}) if name == use.package and use.left_out != "all" else {}
            needed += [entry for group, listed in groups.items() if group != use.left_out for entry in listed]
            waiting += [entry["name"] for entry in needed]
    return reached
