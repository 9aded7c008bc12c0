"""Edits of the shipped services as people make them: of their dependencies, and of everything else."""

from __future__ import annotations

import functools
import json
import re
import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from tests.properties.shipped import SERVICES, sources
from tests.support.stack import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

NPM_LOCK = "apps/frontend/package-lock.json"
NPM_MANIFEST = "apps/frontend/package.json"
WORD = st.text("abcdefghijklmnopqrstuvwxyz", min_size=3, max_size=8).map(lambda word: f"q{word}")


@dataclass(frozen=True, kw_only=True)
class Edited:
    """A service in the state of this checkout, after an edit of what it depends on, and after one of something else."""

    service: str
    upgrade: tuple[str, str]
    """What is done to which of its packages."""
    number: int
    edit: str
    word: str
    before: Mapping[str, str] = field(init=False, repr=False, compare=False)
    upgraded: Mapping[str, str] = field(init=False, repr=False, compare=False)
    edited: Mapping[str, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        before = sources(self.service)
        change = _upgrade_npm if self.service == "frontend" else _upgrade_python
        object.__setattr__(self, "before", before)
        object.__setattr__(self, "upgraded", {**before, **change(self, before)})
        after = {**before, **EDITS[self.service][self.edit](self, before)}
        object.__setattr__(self, "edited", {path: text for path, text in after.items() if text is not None})

    @property
    def source(self) -> str:
        """The folder of the service's own code."""
        return "apps/frontend/src" if self.service == "frontend" else f"apps/{self.service}/{self.service}"

    @property
    def installed(self) -> str:
        """Where the image has what was installed."""
        return "/usr/share/nginx/html/installed" if self.service == "frontend" else "/app/packages/installed"

    def gained(self) -> list[str]:
        """Return what is installed after the edit of the dependencies and was not before."""
        how, name = self.upgrade
        npm = self.service == "frontend"
        return {
            "version": [f'"version": "{self.version}"' if npm else f"{name}=={self.version}"],
            "checksum": [f"sha512-{self.word}{self.number}" if npm else f"sha256:{self.number:064x}"],
            "add": [f'"node_modules/{self.word}"' if npm else f"{self.word}=={self.version}"],
            "remove": [],
        }[how]

    def lost(self) -> list[str]:
        """Return what was installed before the edit of the dependencies and is not any more."""
        how, name = self.upgrade
        if how != "version" or self.service == "frontend":
            return []
        return [f"{name}=={_version(sources(self.service)['uv.lock'], name)}"]

    @property
    def version(self) -> str:
        """A version that no package has."""
        return f"77.{self.number}.1"


@functools.cache
def packages(service: str) -> tuple[list[str], list[str]]:
    """Return the packages that a service is run with, and those of the lock file that it is run without."""
    if service == "frontend":
        lock = json.loads((ROOT / NPM_LOCK).read_text())["packages"]
        return sorted(name for name, entry in lock.items() if name and not entry.get("dev")), []
    lock = {package["name"]: package for package in tomllib.loads((ROOT / "uv.lock").read_text())["package"]}
    inside: set[str] = set()
    # Whoever depends on an extra is taken to depend on all: such packages are then neither in nor out.
    around, waiting = {service}, [service]
    while waiting:
        package = lock[waiting.pop()]
        extras = [entry for entries in package.get("optional-dependencies", {}).values() for entry in entries]
        direct = package.get("dependencies", [])
        inside |= (
            {entry["name"] for entry in direct if "marker" not in entry}
            if package["name"]
            in {
                service,
                *inside,
            }
            else set()
        )
        new = {entry["name"] for entry in [*direct, *extras]} - around
        around |= new
        waiting += sorted(new)
    registry = {name for name, package in lock.items() if "registry" in package["source"]}
    return sorted(inside & registry), sorted(registry - around)


def edited() -> st.SearchStrategy[Edited]:
    """Return services, each with an edit of its dependencies and another one."""

    def of(service: str) -> st.SearchStrategy[Edited]:
        return st.builds(
            Edited,
            service=st.just(service),
            upgrade=st.tuples(
                st.sampled_from(["version", "checksum", "add", "remove"]), st.sampled_from(packages(service)[0])
            ),
            number=st.integers(0, 999),
            edit=st.sampled_from(sorted(EDITS[service])),
            word=WORD,
        )

    return st.sampled_from(SERVICES).flatmap(of)


def _block(lock: str, name: str) -> str:
    found = re.search(rf'\[\[package\]\]\nname = "{re.escape(name)}"\n.*?(?=\n\[\[package\]\]|\Z)', lock, re.DOTALL)
    assert found, name
    return found[0]


def _version(lock: str, name: str) -> str:
    found = re.search(r'version = "(.*?)"', _block(lock, name))
    assert found
    return found[1]


def _at_version(lock: str, name: str, version: str) -> str:
    block, old = _block(lock, name), _version(lock, name)
    return lock.replace(block, re.sub(rf"(?<![0-9.]){re.escape(old)}(?![0-9])", version, block))


def _upgrade_python(made: Edited, files: Mapping[str, str]) -> dict[str, str]:
    how, name = made.upgrade
    lock, manifest = files["uv.lock"], f"apps/{made.service}/pyproject.toml"
    own = _block(lock, made.service)
    if how == "version":
        return {"uv.lock": _at_version(lock, name, made.version)}
    if how == "checksum":
        block = _block(lock, name)
        digest = f"sha256:{made.number:064x}"
        return {"uv.lock": lock.replace(block, re.sub("sha256:[0-9a-f]{64}", digest, block, count=1))}
    direct = re.findall(r'    \{ name = "([^"]+)".*\},?\n', own.split("[package.metadata]")[0])
    if how == "remove":
        gone = direct[made.number % len(direct)]
        text = re.sub(rf'    "{re.escape(gone)}\b.*\n', "", files[manifest])
        return {
            "uv.lock": lock.replace(own, re.sub(rf'    \{{ name = "{re.escape(gone)}".*\n', "", own)),
            manifest: text,
        }
    new = f'[[package]]\nname = "{made.word}"\nversion = "{made.version}"\nsource = {{ registry = "https://pypi.org/simple" }}\n'
    file = f"https://files.pythonhosted.org/packages/00/{made.word}-{made.version}.tar.gz"
    new += f'sdist = {{ url = "{file}", hash = "sha256:{0:064x}", size = 1 }}\n\n'
    taken = own.replace("dependencies = [\n", f'dependencies = [\n    {{ name = "{made.word}" }},\n', 1)
    text = files[manifest].replace("dependencies = [\n", f'dependencies = [\n    "{made.word}",\n')
    return {"uv.lock": lock.replace(own, taken + "\n" + new.rstrip() + "\n"), manifest: text}


def _upgrade_npm(made: Edited, files: Mapping[str, str]) -> dict[str, str]:
    how, name = made.upgrade
    lock, manifest = json.loads(files[NPM_LOCK]), json.loads(files[NPM_MANIFEST])
    entries: dict[str, Any] = lock["packages"]
    own = entries[""]["dependencies"]
    if how == "version":
        entries[name]["version"] = made.version
    elif how == "checksum":
        entries[name]["integrity"] = f"sha512-{made.word}{made.number}"
    elif how == "add":
        own[made.word] = manifest["dependencies"][made.word] = made.version
        entries[f"node_modules/{made.word}"] = {"version": made.version, "integrity": f"sha512-{made.number}"}
    else:
        gone = sorted(own)[made.number % len(own)]
        del own[gone], manifest["dependencies"][gone], entries[f"node_modules/{gone}"]
    return {NPM_LOCK: json.dumps(lock, indent=2), NPM_MANIFEST: json.dumps(manifest, indent=2)}


def _some(made: Edited, files: Mapping[str, str], folder: str) -> str:
    found = sorted(path for path in files if path.startswith(f"{folder}/") and not path.endswith("main.tsx"))
    return found[made.number % len(found)]


def _edit(made: Edited, files: Mapping[str, str]) -> dict[str, str]:
    path = _some(made, files, made.source)
    return {path: f"{files[path]}# {made.word}\n"}


def _add(made: Edited, files: Mapping[str, str]) -> dict[str, str]:
    return {f"{made.source}/{made.word}.py": made.word}


def _delete(made: Edited, files: Mapping[str, str]) -> dict[str, str | None]:
    return {_some(made, files, made.source): None}


def _rename(made: Edited, files: Mapping[str, str]) -> dict[str, str | None]:
    path = _some(made, files, made.source)
    return {path: None, f"{made.source}/{made.word}.py": files[path]}


def _library(made: Edited, files: Mapping[str, str]) -> dict[str, str]:
    path = _some(made, files, "libs/harbour/harbour")
    return {path: f"{files[path]}# {made.word}\n"}


def _other_package(made: Edited, files: Mapping[str, str]) -> dict[str, str]:
    outside = packages(made.service)[1]
    return {"uv.lock": _at_version(files["uv.lock"], outside[made.number % len(outside)], made.version)}


def _tools(made: Edited, files: Mapping[str, str]) -> dict[str, str]:
    return {"pyproject.toml": f"{files['pyproject.toml']}\n[tool.{made.word}]\nline-length = {made.number}\n"}


def _comment(made: Edited, files: Mapping[str, str]) -> dict[str, str]:
    path = f"apps/{made.service}/pyproject.toml"
    return {path: f"# {made.word}\n{files[path]}"}


def _nothing(made: Edited, files: Mapping[str, str]) -> dict[str, str]:
    # Not among what the build may see.
    return {}


def _page(made: Edited, files: Mapping[str, str]) -> dict[str, str]:
    path = "apps/frontend/index.html"
    return {path: f"{files[path]}<!-- {made.word} -->\n"}


_SOURCE: dict[str, Any] = {"edit": _edit, "add": _add, "delete": _delete, "rename": _rename, "nothing": _nothing}
_PYTHON = {"library": _library, "other package": _other_package, "tools": _tools, "comment": _comment}
EDITS: dict[str, dict[str, Any]] = {
    "backend": {**_SOURCE, **_PYTHON},
    "worker": {**_SOURCE, **_PYTHON},
    "frontend": {**_SOURCE, "page": _page},
}
"""What may be done to a service that leaves its dependencies as they are, by service and name."""
