"""Slices of npm's lock files: npm installs the same from them, and where that is not sure the whole file counts."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moorage.build.lockfiles import NpmUse
from moorage.build.npm import sliced_package_json, sliced_package_lock
from tests.support.loopback import NO_PROXY, npm_registry, served

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ALONE, WITH_ROOT = NpmUse(root=False), NpmUse(root=True)
MEMBERS = ("apps/web", "libs/ui")
REGISTRY: dict[str, dict[str, dict[str, str]]] = {
    "shared": {"1.0.0": {}, "2.0.0": {}},
    "plain": {"1.0.0": {"shared": "1.0.0"}},
    "other-only": {"1.0.0": {"shared": "2.0.0"}},
    "linter": {"1.0.0": {"plain": "1.0.0"}},
    "checker": {"1.0.0": {}},
    "peer": {"1.0.0": {}},
}
WORKSPACE: dict[str, dict[str, Any]] = {
    ".": {"name": "mono", "private": True, "workspaces": ["apps/*", "libs/*"], "devDependencies": {"linter": "1.0.0"}},
    "apps/web": {
        "name": "@mono/web",
        "version": "1.0.0",
        "dependencies": {"@mono/ui": "*", "shared": "2.0.0"},
        "devDependencies": {"checker": "1.0.0"},
    },
    "libs/ui": {
        "name": "@mono/ui",
        "version": "1.0.0",
        "dependencies": {"plain": "1.0.0"},
        "peerDependencies": {"peer": "1.0.0"},
    },
    "apps/other": {"name": "@mono/other", "version": "1.0.0", "dependencies": {"other-only": "1.0.0", "shared": "1"}},
}


def write(root: Path, members: Sequence[str], lock: str = "", manifest: str = "") -> None:
    for member in (".", *members):
        (root / member).mkdir(parents=True, exist_ok=True)
        (root / member / "package.json").write_text(json.dumps(WORKSPACE[member]))
    if lock:
        (root / "package-lock.json").write_text(lock)
        (root / "package.json").write_text(manifest)


def npm(root: Path, registry: str, *arguments: str) -> None:
    quiet = [
        "--no-audit",
        "--no-fund",
        "--no-update-notifier",
        f"--registry={registry}",
        f"--cache={root.parent}/cache",
    ]
    result = subprocess.run(
        ["npm", *arguments, *quiet], cwd=root, env=os.environ | NO_PROXY, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr


def installed(root: Path) -> dict[str, str]:
    """Return the files that npm wrote, its own notes included, and where links lead."""
    found = {}
    for folder, folders, files in os.walk(root):
        for name in (*folders, *files):
            path = Path(folder, name)
            if "node_modules" in path.parts and (path.is_symlink() or path.is_file()):
                found[str(path.relative_to(root))] = os.readlink(path) if path.is_symlink() else path.read_text()
    return found


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The address of a registry, and the lock file that npm itself makes of the workspace."""
    root = tmp_path_factory.mktemp("npm") / "whole"
    with served(npm_registry(REGISTRY)) as registry:
        write(root, (*MEMBERS, "apps/other"))
        npm(root, registry.url, "install", "--package-lock-only")
        yield registry.url, (root / "package-lock.json").read_text()


@pytest.mark.parametrize(
    ("use", "arguments"),
    [
        (WITH_ROOT, []),
        (ALONE, ["--workspace", "apps/web"]),
        (ALONE, ["--workspace=@mono/web", "--omit=dev"]),
        (WITH_ROOT, ["--workspace", "apps/web", "--include-workspace-root"]),
    ],
    ids=["all", "one", "one without development", "one and the root"],
)
def test_npm_installs_the_same_from_a_slice(
    tmp_path: Path, workspace: tuple[str, str], use: NpmUse, arguments: list[str]
) -> None:
    url, lock = workspace
    manifest = json.dumps(WORKSPACE["."])
    part, part_of_manifest = sliced_package_lock(lock, use, MEMBERS), sliced_package_json(manifest, use)
    assert part is not None
    assert part_of_manifest is not None
    assert "other-only" not in part
    assert ("linter" in part) == ("linter" in part_of_manifest) == use.root
    write(tmp_path / "whole", MEMBERS, lock, manifest)
    write(tmp_path / "part", MEMBERS, part, part_of_manifest)
    for name in ("whole", "part"):
        npm(tmp_path / name, url, "ci", *arguments)
    expected = installed(tmp_path / "whole")
    assert installed(tmp_path / "part") == expected
    assert "node_modules/plain/package.json" in expected


def test_a_slice_changes_with_the_packages_that_it_reaches_and_with_no_others(workspace: tuple[str, str]) -> None:
    lock = json.loads(workspace[1])
    first = sliced_package_lock(json.dumps(lock), ALONE, MEMBERS)
    reaching = set()
    for place in lock["packages"]:
        changed = json.loads(workspace[1])
        changed["packages"][place]["version"] = "99.0.0"
        if sliced_package_lock(json.dumps(changed), ALONE, MEMBERS) != first:
            reaching.add(place)
    names = {place.rpartition("node_modules/")[2] for place in reaching}
    assert names == {"", *MEMBERS, "@mono/web", "@mono/ui", "shared", "plain", "checker", "peer"}
    assert reaching == json.loads(first or "")["packages"].keys()


NAMES = ("a", "b", "c", "d")
FOLDERS = ("apps/x", "apps/y", "libs/z")
KINDS = ("dependencies", "optionalDependencies", "peerDependencies")
NEEDS = st.dictionaries(
    st.sampled_from(KINDS), st.dictionaries(st.sampled_from([*NAMES, "z"]), st.just("*"), max_size=3), max_size=2
)


@st.composite
def locks(draw: st.DrawFn) -> dict[str, dict[str, Any]]:
    """Draw the packages of a lock file: each of a few names at the top, and some of them again further down."""
    found: dict[str, dict[str, Any]] = {"": {"workspaces": ["*/*"], "devDependencies": draw(NEEDS).get(KINDS[0], {})}}
    found |= {folder: draw(NEEDS) | {"devDependencies": draw(NEEDS).get(KINDS[0], {})} for folder in FOLDERS}
    found |= {f"node_modules/{folder[-1]}": {"resolved": folder, "link": True} for folder in FOLDERS}
    found |= {f"node_modules/{name}": draw(NEEDS) for name in NAMES}
    owners = st.sampled_from([*FOLDERS, *(f"node_modules/{name}" for name in NAMES)])
    for owner, name in draw(st.sets(st.tuples(owners, st.sampled_from(NAMES)), max_size=6)):
        found[f"{owner}/node_modules/{name}"] = draw(NEEDS)
    return found


def places(packages: Mapping[str, Any], place: str, name: str) -> list[str]:
    """Return where Node.js finds what the package at a place asks for."""
    wanted = [found for found in packages if found.endswith(f"node_modules/{name}")]
    above = [found for found in wanted if f"{place}/".startswith(found.removesuffix(f"node_modules/{name}"))]
    return sorted(above, key=len)[-1:]


@settings(max_examples=200, deadline=None)
@given(packages=locks(), members=st.sets(st.sampled_from(FOLDERS), min_size=1), root=st.booleans())
def test_a_slice_has_what_its_packages_would_find_and_nothing_that_none_of_them_finds(
    packages: dict[str, dict[str, Any]], members: set[str], *, root: bool
) -> None:
    use = NpmUse(root=root)
    text = sliced_package_lock(json.dumps({"lockfileVersion": 3, "packages": packages}), use, members)
    assert text is not None
    part = json.loads(text)["packages"]
    found = {"", *members, *(f"node_modules/{member[-1]}" for member in members)}
    waiting = sorted(found if root else found - {""})
    while waiting:
        place = waiting.pop()
        package = packages[place]
        kinds = (*KINDS, "devDependencies") if "node_modules" not in place else KINDS
        next_ones = [each for kind in kinds for name in package.get(kind, {}) for each in places(packages, place, name)]
        outer = place.rpartition("node_modules/")[0].rstrip("/")
        peers = package.get("peerDependencies", {}) if "node_modules" in place else {}
        next_ones += [each for name in peers for each in places(packages, outer, name)]
        next_ones += [package["resolved"]] if package.get("link") else []
        waiting += set(next_ones) - found
        found |= set(next_ones)
    assert part.keys() == found
    assert all(part[place] == packages[place] for place in found - {""})
    assert part[""] == (packages[""] if root else {"workspaces": ["*/*"]})


LOCK = {"lockfileVersion": 3, "packages": {"": {"workspaces": ["*"]}, "a": {}}}


@pytest.mark.parametrize(
    "change",
    [
        {"lockfileVersion": 2, "dependencies": {}},
        {"packages": {"": {}}},
        {"packages": {"": {"workspaces": []}}},
        {"packages": {"": {"workspaces": ["*"]}, "a": {"dependencies": {"b": "*"}}, "node_modules/b": 1}},
        {
            "packages": {
                "": {"workspaces": ["*"]},
                "a": {"dependencies": {"b": "*"}},
                "node_modules/b": {"link": True, "resolved": "../b"},
                "../b": {},
            }
        },
    ],
    ids=["earlier form", "no workspaces", "no workspace", "of another form", "outside"],
)
def test_a_lock_file_without_workspaces_or_of_another_form_counts_whole(change: dict[str, Any]) -> None:
    assert sliced_package_lock(json.dumps(LOCK), ALONE, ["a"]) is not None
    assert sliced_package_lock(json.dumps(LOCK | change), ALONE, ["a"]) is None


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"workspaces": []}'])
def test_a_manifest_of_another_form_counts_whole(text: str) -> None:
    assert sliced_package_json(text, ALONE) is None
    assert sliced_package_json(text, WITH_ROOT) is None


def test_a_manifest_whose_overrides_name_its_own_dependencies_counts_whole() -> None:
    manifest = {"workspaces": ["*"], "dependencies": {"a": "1"}, "overrides": {"a": "$a"}}
    assert sliced_package_json(json.dumps(manifest), ALONE) is None


def test_bundled_packages_stay_with_the_package_that_brings_them() -> None:
    packages = {"": {"workspaces": ["*"]}, "a": {"dependencies": {"b": "*"}}, "node_modules/b": {}}
    packages |= {f"node_modules/{name}/node_modules/c": {"inBundle": True} for name in ("b", "d")}
    text = sliced_package_lock(json.dumps({"lockfileVersion": 3, "packages": packages}), ALONE, ["a"])
    assert json.loads(text or "")["packages"].keys() == packages.keys() - {"node_modules/d/node_modules/c"}
