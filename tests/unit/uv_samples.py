"""uv workspaces of many kinds, locked for real with packages of an index of their own."""

from __future__ import annotations

import json
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moorage.build.contexts import Contexts
from moorage.build.digests import NodeInputs
from moorage.build.filedigests import FileDigests
from moorage.build.slices import Sliced, Slicer
from moorage.build.stages import load_dockerfile
from moorage.config.graph import Kind, Node

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parents[2]
UV = shutil.which("uv", path=f"{ROOT / '.moorage' / 'bin'}:/usr/local/bin:/usr/bin") or "uv"
EXPORT = "RUN uv export --quiet --frozen --package backend --no-dev --output-file /requirements.txt"
DOCKERFILE = f"""
FROM tools AS lock
WORKDIR /workspace
COPY pyproject.toml uv.lock ./
COPY apps/backend/pyproject.toml apps/backend/
{EXPORT}
FROM tools AS packages
COPY --from=lock /requirements.txt /requirements.txt
RUN --mount=type=cache,target=/root/.cache/uv uv pip install --requirements /requirements.txt
FROM tools AS production
COPY --from=packages /app /app
"""

BACKEND = """
from pathlib import Path

def prepare_metadata_for_build_wheel(folder, settings=None):
    place = Path(folder, "{name}-3.dist-info")
    place.mkdir()
    (place / "METADATA").write_text("Metadata-Version: 2.1\\nName: {name}\\nVersion: 3\\n{needs}")
    return place.name

prepare_metadata_for_build_editable = prepare_metadata_for_build_wheel

def build_editable(*_):
    raise NotImplementedError
"""
"""Tells uv a version that pyproject.toml does not have."""
IN_TREE = '[build-system]\nrequires = []\nbuild-backend = "in_tree"\nbackend-path = ["."]\n'
WHEELS: dict[str, list[str]] = {
    "one": [],
    "two": ["three"],
    "three": [],
    "four": ["one; extra == 'more'"],
    "five": [],
    "six": [],
    "seven": ["six; sys_platform == 'win32'"],
}
"""Packages of an index of our own, each with what it needs."""
ROOTS: dict[str, dict[str, dict[str, Any]]] = {
    "project": {"project": {"name": "root", "version": "1", "requires-python": ">=3.11", "dependencies": ["five"]}},
    "dynamic version": {"project": {"name": "root", "dynamic": ["version"], "requires-python": ">=3.11"}},
    "no project": {"dependency-groups": {"dev": ["five"]}},
    "groups": {
        "project": {"name": "root", "version": "1", "requires-python": ">=3.11"},
        "dependency-groups": {"dev": ["five", "worker"], "lint": ["six"]},
    },
}
MEMBERS: dict[str, dict[str, Any]] = {
    "plain": {"dependencies": ["two"]},
    "own dev group": {"dependencies": ["one"], "groups": {"dev": ["three"], "lint": [{"include-group": "dev"}, "six"]}},
    "library": {"dependencies": ["core", "one"], "sources": {"core": {"workspace": True}}},
    "extra of a library": {"dependencies": ["core[fast]"], "sources": {"core": {"workspace": True}}},
    "extras": {"dependencies": ["four[more]"], "optional": {"fast": ["two"]}},
    "markers": {"dependencies": ["seven", "six; python_version >= '3.12'", "one; sys_platform == 'linux'"]},
    "dynamic version": {"dependencies": ["one"], "dynamic": ["version"]},
    "path": {"dependencies": ["vendored"], "sources": {"vendored": {"path": "../../libs/vendored"}}},
    "nothing": {"dependencies": []},
    "default groups": {"dependencies": ["one"], "groups": {"lint": ["two"]}, "default-groups": ["lint"]},
}
OPTIONS = (
    ("--no-dev",),
    ("--no-default-groups", "--no-emit-workspace", "--no-header"),
    (),
    ("--all-groups", "--no-emit-project"),
    ("--all-extras", "--no-hashes", "--no-annotate"),
)


def table(name: str, entries: Mapping[str, Any]) -> str:
    """Return a table of TOML."""
    lines = "".join(f"{json.dumps(key)} = {_value(value)}\n" for key, value in entries.items())
    return f"[{name}]\n{lines}\n" if entries else ""


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_value(inner)}" for key, inner in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(_value(inner) for inner in value) + "]"
    return json.dumps(value)


class Workspace:
    """A uv workspace of a service, another one and two libraries, that is locked for real."""

    def __init__(self, root: Path, kind: str, member: str, options: tuple[str, ...]) -> None:
        self.root = root
        self.wheels = root.parent / "wheels"
        self.versions = dict.fromkeys(WHEELS, "1")
        self.options = options
        project = "".join(table(name, entries) for name, entries in ROOTS[kind].items())
        workspace = table("tool.uv.workspace", {"members": ["apps/*", "libs/core"]})
        workspace += table("tool.uv.sources", {"worker": {"workspace": True}})
        self.write("pyproject.toml", project + IN_TREE + workspace)
        self.write("in_tree.py", BACKEND.format(name="root", needs=""))
        self.member("apps/backend", MEMBERS[member])
        self.member("apps/worker", {"dependencies": ["five", "core"], "sources": {"core": {"workspace": True}}})
        self.member("libs/core", {"dependencies": ["three"], "optional": {"fast": ["one"]}, "groups": {"dev": ["six"]}})
        self.member("libs/vendored", {"dependencies": ["two"]})
        self.write("apps/backend/Dockerfile", self.dockerfile())
        listed = "".join(
            f"!{folder}pyproject.toml\n" for folder in ("", "apps/backend/", "libs/core/", "libs/vendored/")
        )
        self.write("apps/backend/Dockerfile.dockerignore", f"*\n!uv.lock\n{listed}")
        self.lock()

    def write(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def member(self, folder: str, of: Mapping[str, Any]) -> None:
        project = {"name": folder.rpartition("/")[2], "requires-python": ">=3.11", "dependencies": of["dependencies"]}
        project |= {"dynamic": of["dynamic"]} if "dynamic" in of else {"version": "1"}
        needs = "".join(f"Requires-Dist: {need}\\n" for need in of["dependencies"])
        self.write(f"{folder}/in_tree.py", BACKEND.format(name=project["name"], needs=needs))
        self.write(
            f"{folder}/pyproject.toml",
            table("project", project)
            + (IN_TREE if "dynamic" in of or folder.startswith("libs") else "")
            + table("project.optional-dependencies", of.get("optional", {}))
            + table("dependency-groups", of.get("groups", {}))
            + table("tool.uv.sources", of.get("sources", {}))
            + table("tool.uv", {"default-groups": of["default-groups"]} if "default-groups" in of else {}),
        )

    def dockerfile(self) -> str:
        words = " ".join(("--quiet", "--frozen", "--package backend", *self.options))
        return DOCKERFILE.replace(
            "apps/backend/\n", "apps/backend/\nCOPY libs/core/pyproject.toml libs/core/\n"
        ).replace(EXPORT, f"COPY libs/vendored libs/vendored\nRUN uv export {words} --output-file /requirements.txt")

    def lock(self) -> None:
        shutil.rmtree(self.wheels, ignore_errors=True)
        self.wheels.mkdir()
        for name, needs in WHEELS.items():
            version = self.versions[name]
            required = "".join(f"Requires-Dist: {need}\n" for need in needs)
            meta = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nProvides-Extra: more\n{required}"
            with zipfile.ZipFile(self.wheels / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
                wheel.writestr(f"{name}-{version}.dist-info/METADATA", meta)
                wheel.writestr(f"{name}-{version}.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
                wheel.writestr(f"{name}-{version}.dist-info/RECORD", "")
        self.uv(self.root, "lock", "--no-index", "--find-links", "../wheels", "--upgrade")

    def uv(self, folder: Path, *arguments: str) -> str:
        command = [UV, *arguments, "--offline", "--quiet"]
        result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr
        return result.stdout

    def exported(self, folder: Path) -> str:
        return self.uv(folder, "export", "--frozen", "--package", "backend", *self.options)

    def sliced(self) -> Sliced:
        """Return what is found of the service's build context, as every run finds it."""
        digests = FileDigests(self.root, self.root / ".moorage" / "inputs.json")
        dockerfile = self.root / "apps/backend/Dockerfile"
        context = Contexts(self.root, digests).listing(dockerfile.with_name("Dockerfile.dockerignore"))
        slicer = Slicer(
            root=self.root,
            digests=digests,
            context=context,
            key="x",
            read=lambda: load_dockerfile(dockerfile),
            target="production",
        )
        found = slicer.sliced()
        digests.save()
        self.inputs = NodeInputs(
            node=Node(Kind.service, "backend"),
            dockerfile="apps/backend/Dockerfile",
            listings=tuple(context),
            slices=found.slices,
            whole=found.whole,
            settings={},
            labels={},
            bases={},
            secrets=(),
        )
        return found
