"""The environment of a stack: which backend, which secrets, which programs, and that a shell takes it as it is."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from moorage.base.errors import MoorageError
from moorage.config.locate import find_root
from moorage.engine.session import SHIPPED_PACK
from tests.unit.config_samples import Monorepo
from tests.unit.session_samples import session

MOORAGE = str(Path(sys.prefix) / "bin" / "moorage")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, and nothing of Pulumi's in the environment."""
    for name in list(os.environ):
        if name.startswith("PULUMI_") or name.upper() == "NO_PROXY":
            monkeypatch.delenv(name)
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    return folder


def log_in(folder: Path, text: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "credentials.json").write_text(text)


def test_without_a_login_stacks_are_kept_in_the_checkout(tmp_path: Path) -> None:
    found = session(tmp_path).exports()
    assert found["PULUMI_BACKEND_URL"] == f"file://{tmp_path}/.moorage/state"
    assert (tmp_path / ".moorage/state").is_dir()
    assert session(tmp_path).own_backend
    assert "PULUMI_CREDENTIALS_PATH" not in found


def test_a_login_of_the_users_own_is_used_with_its_credentials(tmp_path: Path, home: Path) -> None:
    log_in(home / ".pulumi", json.dumps({"current": "https://api.pulumi.com"}))
    found = session(tmp_path).exports()
    assert found["PULUMI_BACKEND_URL"] == "https://api.pulumi.com"
    assert found["PULUMI_CREDENTIALS_PATH"] == str(home / ".pulumi")
    assert not session(tmp_path).own_backend
    assert not (tmp_path / ".moorage/state").exists()


@pytest.mark.parametrize("variable", ["PULUMI_CREDENTIALS_PATH", "PULUMI_HOME"])
def test_a_login_is_looked_for_where_pulumi_would(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    log_in(home / ".pulumi", json.dumps({"current": "https://not.this.one"}))
    log_in(tmp_path / "elsewhere", json.dumps({"current": "s3://bucket"}))
    monkeypatch.setenv(variable, str(tmp_path / "elsewhere"))
    assert session(tmp_path).backend() == "s3://bucket"


def test_a_backend_in_the_environment_beats_the_login(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_in(home / ".pulumi", json.dumps({"current": "https://api.pulumi.com"}))
    monkeypatch.setenv("PULUMI_BACKEND_URL", "gs://bucket")
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "theirs")
    assert session(tmp_path).exports()["PULUMI_BACKEND_URL"] == "gs://bucket"


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", '{"current": ""}', '{"current": null}'])
def test_a_file_without_a_login_counts_as_none(tmp_path: Path, home: Path, text: str) -> None:
    log_in(home / ".pulumi", text)
    assert session(tmp_path).own_backend


def test_the_passphrase_is_made_once_and_readable_by_its_owner_alone(tmp_path: Path) -> None:
    path = Path(session(tmp_path).exports()["PULUMI_CONFIG_PASSPHRASE_FILE"])
    text = path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(text.strip()) >= 32
    assert session(tmp_path).exports()["PULUMI_CONFIG_PASSPHRASE_FILE"] == str(path)
    assert path.read_text() == text
    assert [entry.name for entry in path.parent.iterdir() if "passphrase" in entry.name] == ["passphrase"]


def test_processes_that_start_at_once_agree_on_one_passphrase(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from tests.unit.session_samples import session;"
        "root = Path(sys.argv[1]); sys.stdin.readline(); s = session(root);"
        "print(Path(s.exports()['PULUMI_CONFIG_PASSPHRASE_FILE']).read_text().strip())"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    processes = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(6)]
    told = []
    threads = [
        threading.Thread(target=lambda p=process: told.append(p.communicate("go\n")[0])) for process in processes
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told) == 6
    assert set(told) == {(tmp_path / ".moorage/passphrase").read_text()}


def test_the_toolchain_comes_first_on_path_then_the_environment_then_the_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, python = str(tmp_path / ".moorage/bin"), str(Path(sys.prefix) / "bin")
    monkeypatch.setenv("PATH", f"/usr/bin:{python}:/bin:{own}")
    expected = f"{own}:{python}:/usr/bin:/bin"
    assert session(tmp_path).exports()["PATH"] == expected
    monkeypatch.setenv("PATH", expected)
    assert session(tmp_path).exports()["PATH"] == expected


def test_only_the_embedded_platform_brings_its_own_cluster_and_builder(tmp_path: Path) -> None:
    found = session(tmp_path).exports()
    assert found["KUBECONFIG"] == str(tmp_path / ".moorage/platform/kubeconfig")
    assert found["DOCKER_CONFIG"] == str(tmp_path / ".moorage/docker")
    own = session(tmp_path, embedded=False).exports()
    assert not {"KUBECONFIG", "DOCKER_CONFIG", "NO_PROXY", "no_proxy"} & own.keys()


def test_addresses_that_no_proxy_serves_are_added_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "corp.example, 10.0.0.0/8")
    found = session(tmp_path).exports()
    assert found["NO_PROXY"] == found["no_proxy"] == "corp.example,10.0.0.0/8,127.0.0.1,10.213.0.0/30"
    monkeypatch.setenv("NO_PROXY", found["NO_PROXY"])
    monkeypatch.setenv("no_proxy", found["no_proxy"])
    assert session(tmp_path).exports()["NO_PROXY"] == found["NO_PROXY"]


def test_the_policy_pack_is_enforced_with_the_stacks_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = session(tmp_path).exports()
    assert found["PULUMI_OPTION_POLICY_PACK"] == str(SHIPPED_PACK.resolve() / "run"), "that of the distribution"
    assert "PULUMI_OPTION_POLICY_PACK_CONFIG" not in found
    (tmp_path / "pack/config").mkdir(parents=True)
    (tmp_path / "pack/config/dev.json").write_text("{}")
    monkeypatch.setenv("MOORAGE_POLICY_PACK", str(tmp_path / "pack"))
    assert session(tmp_path).exports()["PULUMI_OPTION_POLICY_PACK_CONFIG"] == str(tmp_path / "pack/config/dev.json")


def test_a_pack_that_can_be_started_by_itself_is(tmp_path: Path) -> None:
    run = tmp_path / "policy/run"
    run.parent.mkdir()
    run.write_text("#!/bin/sh\n")
    run.chmod(0o644)
    assert session(tmp_path).exports()["PULUMI_OPTION_POLICY_PACK"] == str(tmp_path / "policy")
    run.chmod(0o755)
    assert session(tmp_path).exports()["PULUMI_OPTION_POLICY_PACK"] == str(run)


def test_pulumi_finds_no_place_for_its_logs_unless_there_is_a_folder(tmp_path: Path) -> None:
    logs = Path(session(tmp_path).exports()["PULUMI_HOME"]) / "logs"
    assert "put a folder in its place" in logs.read_text()
    logs.unlink()
    logs.mkdir()
    session(tmp_path).exports()
    assert logs.is_dir()


def test_a_shell_takes_the_exports_whatever_is_in_the_path(tmp_path: Path) -> None:
    root = tmp_path / 'it\'s a "bay" of $HOME; `false` \\ * &'
    monorepo = Monorepo(root)
    monorepo.write("Pulumi.yaml", "name: harbour\nruntime: python\n")
    monorepo.write("__main__.py", "")
    script = f'set -eu; exports=$({MOORAGE} env); eval "$exports"; env -0'
    result = subprocess.run(["sh", "-c", script], cwd=root, capture_output=True, check=True)
    evaluated = dict(entry.split("=", 1) for entry in result.stdout.decode().split("\0") if "=" in entry)
    assert result.stderr.count(b"passphrase") <= 2, "only that it was made"
    assert evaluated["PULUMI_HOME"] == str(root / ".moorage/pulumi")
    assert session(root).exports().items() <= evaluated.items()


def test_the_checkout_is_found_from_a_folder_inside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("Pulumi.yaml", "__main__.py"):
        (tmp_path / name).touch()
    (tmp_path / "apps/backend").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "apps/backend")
    assert find_root() == tmp_path


def test_outside_of_a_checkout_one_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MoorageError, match="no Moorage project here"):
        find_root()
