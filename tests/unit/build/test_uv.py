"""What counts of uv.lock is what uv itself exports of it, and where that is not sure all of it counts."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path

import pytest

from moorage.build.dockerfile import parse_dockerfile
from moorage.build.lockfiles import UnclearError, UvUse
from moorage.build.stages import staged
from moorage.build.staging import staged as staged_context
from moorage.build.uv import uv_use
from tests.unit.uv_samples import DOCKERFILE, EXPORT, MEMBERS, OPTIONS, ROOT, ROOTS, UV, Workspace

USE = UvUse(
    options=("--quiet", "--frozen", "--package", "backend", "--no-dev"),
    paths=("apps/backend/pyproject.toml", "pyproject.toml", "uv.lock"),
)


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
