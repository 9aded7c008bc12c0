"""``moorage lint`` on our own Dockerfiles and on one with mistakes, BuildKit's checks included."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

from tests.support.stack import ROOT, moorage

if TYPE_CHECKING:
    from pathlib import Path


def checkout(folder: Path) -> Path:
    """Return a copy of the files that the command reads, on the running platform's builder."""
    for name in ("apps", "libs", "images"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("node_modules", "__pycache__"))
    for name in ("Pulumi.yaml", "Pulumi.dev.yaml", "__main__.py", "pyproject.toml", "uv.lock"):
        shutil.copy(ROOT / name, folder)
    (folder / ".moorage").mkdir()
    for name in ("bin", "docker", "platform"):
        (folder / ".moorage" / name).symlink_to(ROOT / ".moorage" / name)
    return folder


def test_our_own_dockerfiles_pass() -> None:
    moorage("platform", "start")
    result = moorage("lint")
    assert "10 Dockerfiles checked, no findings" in result.stdout
    assert "skipped" not in result.stderr


def test_findings_of_buildkit_and_of_ours_are_told_with_their_places(tmp_path: Path) -> None:
    moorage("platform", "start")
    root = checkout(tmp_path)
    path = root / "apps/worker/Dockerfile"
    text = path.read_text().replace("FROM ${PYTHON_IMAGE} AS production", "FROM ${PYTHON_IMAGE} as Production")
    path.write_text(text.replace("STOPSIGNAL SIGTERM\n", ""))
    line = text.splitlines().index("FROM ${PYTHON_IMAGE} as Production")
    result = moorage("lint", "worker", cwd=root, check=False)
    assert result.returncode == 1
    for rule in ("[StageNameCasing]", "[FromAsCasing]", "[set-stopsignal]"):
        assert rule in result.stderr
    assert f"apps/worker/Dockerfile:{line}:1" in result.stderr
    refused = moorage("lint", "wroker", cwd=root, check=False)
    assert "apps/worker" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_findings_of_buildkit_and_of_ours_are_excepted_with_a_reason(tmp_path: Path) -> None:
    moorage("platform", "start")
    root = checkout(tmp_path)
    path = root / "apps/worker/Dockerfile"
    text = path.read_text().replace(
        'STOPSIGNAL SIGTERM\nENTRYPOINT ["/usr/bin/python3", "-m", "worker"]', "ENTRYPOINT x"
    )
    stage = "FROM ${PYTHON_IMAGE} AS production"
    path.write_text(text.replace(stage, stage.replace("AS", "as")))
    result = moorage("lint", "worker", cwd=root, check=False)
    for rule in ("[FromAsCasing]", "[JSONArgsRecommended]", "[set-stopsignal]", "[use-exec-form]"):
        assert rule in result.stderr
    excepted = "# moorage: ignore=FromAsCasing,set-stopsignal as it was\n"
    text = path.read_text().replace(stage.replace("AS", "as"), excepted + stage.replace("AS", "as"))
    text = text.replace("ENTRYPOINT x", "# moorage: ignore=JSONArgsRecommended,use-exec-form as it was\nENTRYPOINT x")
    path.write_text(text)
    assert moorage("lint", "worker", cwd=root, check=False).returncode == 0
    path.write_text(text.replace(stage.replace("AS", "as"), stage))
    result = moorage("lint", "worker", cwd=root, check=False)
    assert "unused exemption: FromAsCasing" in result.stderr


def test_without_a_builder_our_own_rules_still_hold(tmp_path: Path) -> None:
    root = checkout(tmp_path)
    endpoint = json.loads((root / ".moorage/platform/endpoint.json").read_text())
    (root / ".moorage/platform").unlink()
    (root / ".moorage/platform").mkdir()
    (root / ".moorage/platform/endpoint.json").write_text(json.dumps(endpoint | {"builder": "nobody"}))
    result = moorage("lint", cwd=root, check=False)
    assert "BuildKit's own checks are skipped" in result.stderr
    assert result.returncode == 0
