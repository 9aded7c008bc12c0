"""What counts of uv.lock is what uv itself exports of it, and where that is not sure all of it counts."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from moorage.build.contexts import Contexts
from moorage.build.digests import NodeInputs
from moorage.build.dockerfile import parse_dockerfile
from moorage.build.filedigests import FileDigests
from moorage.build.slices import Sliced, Slicer
from moorage.build.stages import load_dockerfile, staged
from moorage.build.staging import staged as staged_context
from moorage.build.uv import UnclearError, UvUse, uv_use
from moorage.config.graph import Kind, Node

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parents[3]
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
USE = UvUse(
    options=("--quiet", "--frozen", "--package", "backend", "--no-dev"),
    paths=("apps/backend/pyproject.toml", "pyproject.toml", "uv.lock"),
)

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


@pytest.fixture(autouse=True)
def no_uv_of_the_callers(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("UV_FROZEN", "UV_OFFLINE", "VIRTUAL_ENV"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", f"{Path(UV).parent}:/usr/bin:/bin")


def kinds() -> list[tuple[str, str, tuple[str, ...]]]:
    """Return every root with every member, and every member with every option."""
    found = [(root, member, OPTIONS[0]) for root, member in itertools.product(ROOTS, MEMBERS)]
    return found + [("project", member, options) for member in MEMBERS for options in OPTIONS[1:]]


@pytest.mark.parametrize(("root", "member", "options"), kinds())
def test_a_build_exports_what_the_whole_workspace_gives(
    tmp_path: Path, root: str, member: str, options: tuple[str, ...]
) -> None:
    workspace = Workspace(tmp_path / "repository", root, member, options)
    found = workspace.sliced()
    assert found.whole == {}
    assert set(found.slices) == {"uv.lock", "pyproject.toml"}
    built = workspace.root / staged_context(workspace.root, workspace.inputs)
    assert workspace.exported(built) == workspace.exported(workspace.root)


@pytest.mark.parametrize("member", ["own dev group", "library", "extra of a library", "dynamic version"])
def test_a_slice_changes_with_what_the_service_needs_and_with_nothing_else(tmp_path: Path, member: str) -> None:
    workspace = Workspace(tmp_path / "repository", "dynamic version", member, OPTIONS[0])
    workspace.sliced()
    first = workspace.inputs.digest
    for name, needed in (("five", False), ("six", False), ("one", True)):
        workspace.versions[name] = "2"
        before = (workspace.root / "uv.lock").read_text()
        workspace.lock()
        assert (workspace.root / "uv.lock").read_text() != before
        workspace.sliced()
        assert (workspace.inputs.digest != first) is needed
    workspace.write(
        "pyproject.toml", (workspace.root / "pyproject.toml").read_text() + "[tool.ruff]\nline-length = 1\n"
    )
    again = workspace.inputs.digest
    workspace.sliced()
    assert workspace.inputs.digest == again


def test_uv_is_asked_once_for_each_content_and_never_by_what_it_is_not_asked_about(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace(tmp_path / "repository", "project", "library", OPTIONS[0])
    found = workspace.sliced()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert workspace.sliced() == found
    workspace.write("apps/backend/main.py", "print()")
    assert workspace.sliced() == found
    shutil.rmtree(workspace.root / ".moorage")
    assert workspace.sliced().whole == {"uv.lock": "uv, which would say what of it counts, is not on PATH"}
    monkeypatch.setenv("PATH", str(Path(UV).parent))
    assert workspace.sliced() == found, "that uv was missing is not remembered"


@pytest.mark.parametrize("text", ["", "version = 1\n", "[[package]]\n", "\0"])
def test_a_lock_file_that_uv_refuses_counts_whole_and_says_why(tmp_path: Path, text: str) -> None:
    workspace = Workspace(tmp_path / "repository", "project", "plain", OPTIONS[0])
    workspace.write("uv.lock", text)
    found = workspace.sliced()
    assert not found.slices
    assert found.whole["uv.lock"].startswith("uv export refuses it: ")
    first = workspace.inputs.digest
    workspace.write("uv.lock", f"{text}# more\n")
    workspace.sliced()
    assert workspace.inputs.digest != first


def test_settings_of_the_user_and_of_the_shell_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = Workspace(tmp_path / "repository", "project", "own dev group", ())
    found = workspace.sliced()
    (tmp_path / "config" / "uv").mkdir(parents=True)
    (tmp_path / "config" / "uv" / "uv.toml").write_text("broken = [\n")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("UV_NO_DEV", "1")
    shutil.rmtree(workspace.root / ".moorage")
    assert workspace.sliced() == found


def use_of(text: str, target: str) -> UvUse | None:
    try:
        return uv_use(staged(Path("Dockerfile"), parse_dockerfile(text), {}), target)
    except UnclearError:
        return None


def test_the_shipped_dockerfiles_use_a_slice() -> None:
    for name in ("backend", "worker"):
        text = (ROOT / "apps" / name / "Dockerfile").read_text()
        for target in ("production", "development"):
            found = use_of(text, target)
            assert found is not None
            assert found.options[2:4] == ("--package", name)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("COPY --from=lock /requirements.txt", "COPY --from=0 /requirements.txt"),
        ("FROM tools AS production", "FROM tools AS production\nCOPY <<EOF /a\ntext\nEOF"),
        ("\nFROM tools AS lock", "# escape=`\nFROM tools AS lock"),
        (EXPORT, EXPORT.replace("--no-dev", "\\\n    # why\n    --no-dev")),
        ("COPY pyproject.toml uv.lock ./", 'COPY ["pyproject.toml", "./uv.lock", "./"]'),
    ],
)
def test_a_dockerfile_that_only_exports_from_the_lock_gets_a_slice_however_it_is_written(old: str, new: str) -> None:
    assert old in DOCKERFILE
    assert use_of(DOCKERFILE.replace(old, new), "production") == USE


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("COPY --from=lock /requirements.txt", "COPY --from=lock /workspace"),
        ("COPY --from=lock /requirements.txt", "COPY --from=$STAGE /requirements.txt"),
        ("FROM tools AS packages", "FROM lock AS packages"),
        ("FROM tools AS packages", "FROM lock AS other\nFROM tools AS packages"),
        (DOCKERFILE, f"ARG BASE=lock{DOCKERFILE}".replace("FROM tools AS prod", "FROM ${BASE} AS prod")),
        ("FROM tools AS production", "FROM tools AS production\nONBUILD COPY uv.lock /app/"),
        ("FROM tools AS production", "FROM tools AS production\nCOPY $FILE /app/"),
        ("FROM tools AS production", "FROM tools AS production\nCOPY uv.* /app/"),
        ("COPY pyproject.toml uv.lock ./", "COPY . ./"),
        ("COPY pyproject.toml uv.lock ./", "COPY *.toml uv.lock ./"),
        ("FROM tools AS production", "FROM tools AS production\nCOPY uv.lock /app/"),
        ("FROM tools AS production", "FROM tools AS production\nCOPY ./uv.lock /app/"),
        ("FROM tools AS production", "FROM tools AS production\nRUN --mount=type=bind,target=/src cat /src/uv.lock"),
        ("FROM tools AS production", "FROM tools AS production\nRUN --mount=from=lock,target=/src cat /src/uv.lock"),
        (EXPORT, ""),
        (EXPORT, f"{EXPORT} 'a"),
        (EXPORT, f"ENV A=1\n{EXPORT}"),
        (EXPORT, f"{EXPORT} && cp uv.lock /kept"),
        (EXPORT, f"{EXPORT}\nRUN cat uv.lock >> /requirements.txt"),
        (EXPORT, EXPORT.replace("--frozen", "")),
        (EXPORT, EXPORT.replace("--no-dev", "--project /elsewhere")),
        (EXPORT, EXPORT.replace("--output-file", "-o /other --output-file")),
        (EXPORT, EXPORT.replace("--output-file /requirements.txt", "> /requirements.txt")),
        (EXPORT, EXPORT.replace("/requirements.txt", "requirements.txt")),
        ("COPY pyproject.toml uv.lock ./", "COPY pyproject.toml uv.lock /other/"),
        ("COPY pyproject.toml uv.lock ./", "ADD pyproject.toml uv.lock ./"),
        ("COPY pyproject.toml uv.lock ./", "COPY uv.lock ./"),
        ("COPY apps/backend/pyproject.toml apps/backend/", "COPY apps/backend/pyproject.toml ./member/"),
        ("COPY apps/backend/pyproject.toml apps/backend/", "COPY apps/backend apps/"),
        ("\nFROM tools AS lock", "\nFROM tools AS under\nENV UV_NO_DEV=1\nFROM under AS lock"),
        (EXPORT, "RUN uv sync --frozen --package backend"),
    ],
)
def test_a_dockerfile_that_could_show_more_of_the_lock_gets_all_of_it(old: str, new: str) -> None:
    assert use_of(DOCKERFILE, "production") == USE
    assert old in DOCKERFILE
    assert use_of(DOCKERFILE.replace(old, new), "production") is None


def test_the_stage_of_the_lock_as_target_gets_all_of_it() -> None:
    assert use_of(DOCKERFILE, "lock") is None
