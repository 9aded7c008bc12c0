"""The setup action's own scripts, run as a job runs them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
STEPS = yaml.safe_load((ROOT / ".github" / "actions" / "setup" / "action.yml").read_text())["runs"]["steps"]
DOCKER = 'cat > "$HOME/password"; echo "$@" > "$HOME/login"'
CLOUDS = {
    "docker": DOCKER,
    "aws": 'echo "$@" > "$HOME/aws"; echo aws-token',
    "gcloud": "echo google-token",
    "az": "echo azure-token",
}
"""What stands for Docker and the clouds' commands, which would need a registry and an account."""


def script(name: str) -> str:
    """Return what a step runs."""
    (found,) = [step["run"] for step in STEPS if step.get("name") == name]
    return str(found)


def run(script: str, folder: Path, programs: dict[str, str], **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a step's script with ``programs`` first on PATH."""
    for name, text in programs.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
    env = {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "HOME": str(folder), **variables}
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)


def test_the_versions_that_are_installed_are_the_pinned_ones(tmp_path: Path) -> None:
    output = tmp_path / "output"
    result = run(script("Pinned versions"), tmp_path, {}, GITHUB_OUTPUT=str(output))
    assert result.returncode == 0
    versions = dict(line.split("=") for line in output.read_text().splitlines())
    text = (ROOT / "pyproject.toml").read_text()
    assert f'"pulumi=={versions["pulumi"]}"' in text
    assert f'"pulumi-kubernetes=={versions["pulumi-resource-kubernetes"]}"' in text
    assert f'"pulumi-docker-build=={versions["pulumi-resource-docker-build"]}"' in text


@pytest.mark.parametrize(
    ("registry", "identity", "login", "password"),
    [
        ("ghcr.io", {"USERNAME": "ship", "PASSWORD": "secret"}, "--username ship", "secret"),
        ("1.dkr.ecr.eu-central-1.amazonaws.com", {"AWS": "arn"}, "--username AWS", "aws-token\n"),
        ("1.dkr.ecr.cn-north-1.amazonaws.com.cn", {"AWS": "arn"}, "--username AWS", "aws-token\n"),
        ("europe-docker.pkg.dev", {"GOOGLE": "p"}, "--username oauth2accesstoken", "google-token\n"),
        ("eu.gcr.io", {"GOOGLE": "p", "AWS": "arn"}, "--username oauth2accesstoken", "google-token\n"),
        ("acme.azurecr.io", {"AZURE": "c"}, "--username 00000000-0000-0000-0000-000000000000", "azure-token\n"),
        ("acme.azurecr.io", {"AZURE": "c", "USERNAME": "u", "PASSWORD": "p"}, "--username u", "p"),
    ],
)
def test_a_registry_is_logged_in_to_with_the_password_or_the_jobs_identity(
    registry: str, identity: dict[str, str], login: str, password: str, tmp_path: Path
) -> None:
    given = {"USERNAME": "", "PASSWORD": "", "AWS": "", "GOOGLE": "", "AZURE": "", **identity}
    result = run(script("Registry"), tmp_path, CLOUDS, REGISTRY=registry, **given)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "login").read_text() == f"login {registry} {login} --password-stdin\n"
    assert (tmp_path / "password").read_text() == password


@pytest.mark.parametrize(
    "registry",
    [
        "1.dkr.ecr.us-gov-west-1.amazonaws.com",
        "1.dkr.ecr.us-gov-west-1.amazonaws.com.cn",
        "1.dkr-ecr.us-gov-west-1.on.aws",
    ],
)
def test_a_login_to_ecr_is_to_the_registrys_own_region(registry: str, tmp_path: Path) -> None:
    given = {"USERNAME": "", "PASSWORD": "", "AWS": "arn", "GOOGLE": "", "AZURE": "", "AWS_REGION": "eu-west-1"}
    assert run(script("Registry"), tmp_path, CLOUDS, REGISTRY=registry, **given).returncode == 0
    assert (tmp_path / "aws").read_text() == "ecr get-login-password --region us-gov-west-1\n"


@pytest.mark.parametrize("given", [{}, {"AWS": "arn"}, {"GOOGLE": "p", "AZURE": "c"}])
def test_a_registry_without_a_login_is_one_clear_error(given: dict[str, str], tmp_path: Path) -> None:
    variables = {"USERNAME": "", "PASSWORD": "", "AWS": "", "GOOGLE": "", "AZURE": "", **given}
    result = run(script("Registry"), tmp_path, CLOUDS, REGISTRY="ghcr.io", **variables)
    assert result.returncode == 1
    assert result.stdout.startswith("::error title=No login for ghcr.io::")
    assert not (tmp_path / "login").exists()


def test_a_login_that_fails_ends_the_job(tmp_path: Path) -> None:
    given = {"USERNAME": "", "PASSWORD": "", "AWS": "arn", "GOOGLE": "", "AZURE": ""}
    programs = CLOUDS | {"aws": "exit 3"}
    login = script("Registry")
    assert run(login, tmp_path, programs, REGISTRY="1.dkr.ecr.x.amazonaws.com", **given).returncode == 3


@pytest.mark.parametrize(("azure", "converted"), [("", False), ("client", True)])
def test_the_kubeconfig_is_private_and_that_of_aks_asks_the_azure_login(
    azure: str, *, converted: bool, tmp_path: Path
) -> None:
    programs = {"kubelogin": 'echo "$@" > "$HOME/converted"'}
    text = script("Cluster")
    assert run(text, tmp_path, programs, CONTENT="a: b\n", AZURE=azure).returncode == 0
    config = tmp_path / ".kube" / "config"
    assert (config.read_text(), config.stat().st_mode & 0o777) == ("a: b\n", 0o600)
    assert (tmp_path / "converted").exists() is converted
