"""Slices of lock files: uv gives the same answer for them, and where that is not sure the whole file counts."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from moorage.build.dockerfile import parse_dockerfile
from moorage.build.stages import staged
from moorage.build.uvlocks import sliced_lock, sliced_project
from moorage.build.uvuse import UvUse, uv_use

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parents[3]
LOCK = (ROOT / "uv.lock").read_text()
PROJECT = (ROOT / "pyproject.toml").read_text()
PACKAGES = ("backend", "worker", "harbour")
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


def exported(folder: Path, package: str, lock: str, project: str, *arguments: str, members: Sequence[str]) -> str:
    """Return what uv itself exports of a workspace with these two files."""
    shutil.rmtree(folder, ignore_errors=True)
    for member in members:
        (folder / member).mkdir(parents=True)
        shutil.copy(ROOT / member / "pyproject.toml", folder / member)
    (folder / "uv.lock").write_text(lock)
    (folder / "pyproject.toml").write_text(project)
    command = [UV, "export", "--quiet", "--frozen", "--package", package, "--no-emit-workspace", "--no-header"]
    result = subprocess.run([*command, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return result.stdout


@pytest.mark.parametrize("others", [(), ("apps/worker", "apps/backend")], ids=["alone", "among others"])
@pytest.mark.parametrize("package", PACKAGES)
@pytest.mark.parametrize(("left_out", "arguments"), [("dev", ["--no-dev"]), ("all", ["--no-default-groups"]), ("", [])])
def test_uv_exports_the_same_from_a_slice(
    tmp_path: Path, package: str, left_out: str, arguments: list[str], others: tuple[str, ...]
) -> None:
    use = UvUse(package=package, left_out=left_out)  # type: ignore[arg-type]
    members = {"libs/harbour", *others} | ({f"apps/{package}"} if package != "harbour" else set())
    lock, project = sliced_lock(LOCK, use, members), sliced_project(PROJECT)
    assert lock is not None
    assert project is not None
    whole = exported(tmp_path / "workspace", package, LOCK, PROJECT, *arguments, members=sorted(members))
    assert exported(tmp_path / "workspace", package, lock, project, *arguments, members=sorted(members)) == whole
    assert "==" in whole


def test_a_slice_changes_with_the_packages_that_it_reaches_and_with_no_others() -> None:
    use = UvUse(package="worker", left_out="dev")
    first = sliced_lock(LOCK, use, ["libs/harbour", "apps/worker"])
    assert first is not None
    reached = {package["name"] for package in tomllib.loads(first)["package"]}
    assert {"worker", "harbour", "redis"} <= reached
    assert "fastapi" not in reached
    assert "hypothesis" not in reached
    for name, other in (("redis", True), ("fastapi", False), ("hypothesis", False)):
        changed, count = re.subn(rf'(name = "{name}"\nversion = ")[^"]+', r"\g<1>99.0.0", LOCK)
        assert count == 1
        assert (sliced_lock(changed, use, ["libs/harbour", "apps/worker"]) != first) is other


def test_a_slice_of_the_project_leaves_out_what_an_export_does_not_read() -> None:
    first = sliced_project(PROJECT)
    assert sliced_project(PROJECT.replace("line-length = 120", "line-length = 100")) == first
    assert sliced_project(PROJECT.replace('"httpx==0.28.1"', '"httpx==0.28.0"')) == first
    assert sliced_project(PROJECT.replace('"libs/*"', '"libraries/*"')) != first


@pytest.mark.parametrize("lock", ["", "version = 1\n", "[[package]]\n", LOCK.replace("members = [", "members=[")])
def test_a_lock_file_of_another_form_counts_whole(lock: str) -> None:
    assert sliced_lock(lock, UvUse(package="backend", left_out="dev"), ()) is None


def test_an_unknown_package_has_no_slice() -> None:
    assert sliced_lock(LOCK, UvUse(package="nobody", left_out=""), ()) is None


@pytest.mark.parametrize(
    "project", ["", "[project]\nname = 1\n", "[project", PROJECT.replace("[tool.uv]", "  [tool.uv]")]
)
def test_a_project_file_of_another_form_counts_whole(project: str) -> None:
    assert sliced_project(project) is None


def use_of(text: str, target: str) -> UvUse | None:
    return uv_use(staged(Path("Dockerfile"), parse_dockerfile(text), {}), target)


def test_the_shipped_dockerfiles_use_a_slice() -> None:
    for name in ("backend", "worker"):
        text = (ROOT / "apps" / name / "Dockerfile").read_text()
        for target in ("production", "development"):
            assert use_of(text, target) == UvUse(package=name, left_out="dev")


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
    assert use_of(DOCKERFILE.replace(old, new), "production") == UvUse(package="backend", left_out="dev")


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
        (EXPORT, EXPORT.replace("--package backend", "--all-packages")),
        (EXPORT, EXPORT.replace("--package backend", "--package backend --package worker")),
        (EXPORT, EXPORT.replace("--no-dev", "--group lint")),
        (EXPORT, EXPORT.replace("/requirements.txt", "requirements.txt")),
        (EXPORT, "RUN uv sync --frozen --package backend"),
    ],
)
def test_a_dockerfile_that_could_show_more_of_the_lock_gets_all_of_it(old: str, new: str) -> None:
    assert use_of(DOCKERFILE, "production") == UvUse(package="backend", left_out="dev")
    assert old in DOCKERFILE
    assert use_of(DOCKERFILE.replace(old, new), "production") is None


def test_the_stage_of_the_lock_as_target_gets_all_of_it() -> None:
    assert use_of(DOCKERFILE, "lock") is None
