"""What a CI job was given, before anything is installed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from moorage.ci.given import findings, needs_passphrase

ROOT = Path(__file__).resolve().parents[3]
KMS = "secretsprovider: awskms://alias/moorage?region=eu-central-1\nencryptedkey: abc\nconfig: {}\n"
SALTED = "encryptionsalt: v1:abc\nconfig: {}\n"
PLAIN = "config:\n  moorage:registry: {address: ghcr.io/acme}\n"
OIDC = {"ACTIONS_ID_TOKEN_REQUEST_URL": "https://example.com"}
AWS = OIDC | {"AWS_ROLE": "arn:aws:iam::1:role/up", "AWS_REGION": "eu-central-1"}
GOOGLE = OIDC | {"GOOGLE_WORKLOAD_IDENTITY_PROVIDER": "projects/1/locations/global/workloadIdentityPools/p/providers/g"}
AZURE = OIDC | {"AZURE_CLIENT_ID": "a", "AZURE_TENANT_ID": "b", "AZURE_SUBSCRIPTION_ID": "c"}


def told(settings: str, **given: str) -> list[str]:
    return [finding.what for finding in findings(settings, given) if finding.fatal]


@pytest.mark.parametrize("backend", ["s3://acme", "gs://acme", "azblob://acme?storage_account=a", "file:///srv/state"])
@pytest.mark.parametrize(
    "settings", [PLAIN, SALTED, "", "secretsprovider: passphrase\n", 'secretsprovider: "default"\n']
)
@pytest.mark.parametrize("passphrase", [{}, {"PULUMI_CONFIG_PASSPHRASE": ""}, {"PULUMI_CONFIG_PASSPHRASE": " \n"}])
def test_a_passphrase_that_is_missing_or_empty_stops_the_job(
    backend: str, settings: str, passphrase: dict[str, str]
) -> None:
    (what,) = told(settings, PULUMI_BACKEND_URL=backend, **passphrase)
    assert what == "PULUMI_CONFIG_PASSPHRASE is missing or empty"
    assert told(settings, PULUMI_BACKEND_URL=backend, PULUMI_CONFIG_PASSPHRASE="correct horse") == []


@pytest.mark.parametrize("provider", ["awskms", "gcpkms", "azurekeyvault", "hashivault"])
def test_a_stack_whose_secrets_a_cloud_encrypts_needs_no_passphrase(provider: str) -> None:
    assert told(f"secretsprovider: {provider}://key\n", PULUMI_BACKEND_URL="s3://acme") == []
    assert not needs_passphrase(KMS, "gs://acme")
    assert needs_passphrase("config:\n  secretsprovider: awskms://key\n", "gs://acme")  # a setting of that name


def test_pulumi_cloud_needs_its_token_and_a_passphrase_only_where_the_stack_has_its_salt() -> None:
    cloud = {"PULUMI_BACKEND_URL": "https://api.pulumi.com"}
    assert told(PLAIN, **cloud) == ["PULUMI_ACCESS_TOKEN is missing or empty"]
    assert told(PLAIN, **cloud, PULUMI_ACCESS_TOKEN="t") == []
    assert told(SALTED, **cloud, PULUMI_ACCESS_TOKEN="t") == ["PULUMI_CONFIG_PASSPHRASE is missing or empty"]


def test_a_job_that_would_lose_its_state_with_the_runner_does_not_start() -> None:
    assert told(PLAIN, KUBECONFIG_CONTENT="clusters: []") == ["PULUMI_BACKEND_URL is missing or empty"]
    assert told(PLAIN, PULUMI_ACCESS_TOKEN="t") == ["PULUMI_BACKEND_URL is missing or empty"]
    assert told(PLAIN) == []  # a preview of a stack on the embedded platform


@pytest.mark.parametrize(
    ("host", "identity", "missing"),
    [
        ("123456789012.dkr.ecr.eu-central-1.amazonaws.com", AWS, "AWS_ROLE"),
        ("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", AWS, "AWS_ROLE"),
        ("123456789012.dkr-ecr.eu-central-1.on.aws", AWS, "AWS_ROLE"),
        ("europe-west1-docker.pkg.dev", GOOGLE, "GOOGLE_WORKLOAD_IDENTITY_PROVIDER"),
        ("eu.gcr.io", GOOGLE, "GOOGLE_WORKLOAD_IDENTITY_PROVIDER"),
        ("acme.azurecr.io", AZURE, "AZURE_CLIENT_ID"),
    ],
)
def test_a_clouds_registry_takes_the_jobs_identity_or_a_password(
    host: str, identity: dict[str, str], missing: str
) -> None:
    assert told(PLAIN, REGISTRY=host) == [f"{missing} is missing or empty"]
    assert told(PLAIN, REGISTRY=host, **identity) == []
    assert told(PLAIN, REGISTRY=host, REGISTRY_USERNAME="u", REGISTRY_PASSWORD="p") == []


def test_any_other_registry_needs_user_and_password() -> None:
    assert told(PLAIN, REGISTRY="ghcr.io") == ["REGISTRY_PASSWORD is missing or empty"]
    assert told(PLAIN, REGISTRY="ghcr.io", **AWS) == ["REGISTRY_PASSWORD is missing or empty"]
    assert told(PLAIN, REGISTRY="ghcr.io", REGISTRY_PASSWORD="p") == ["REGISTRY_USERNAME is missing or empty"]


def test_half_of_an_identity_is_told() -> None:
    assert told(PLAIN, **OIDC, AWS_ROLE="arn") == ["AWS_REGION is missing or empty"]
    assert told(PLAIN, **OIDC, AZURE_TENANT_ID="b") == ["AZURE_CLIENT_ID and AZURE_SUBSCRIPTION_ID missing or empty"]
    without = {name: value for name, value in GOOGLE.items() if name not in OIDC}
    assert told(PLAIN, **without) == ["the job may not ask for an identity"]


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("aws", "AWS_ROLE"),
        ("/usr/local/bin/aws", "AWS_ROLE"),
        ('"gke-gcloud-auth-plugin"', "GOOGLE_WORKLOAD_IDENTITY_PROVIDER"),
        ("kubelogin", "AZURE_CLIENT_ID"),
    ],
)
def test_a_kubeconfig_that_runs_a_clouds_program_is_warned_of_where_the_job_has_no_identity(
    command: str, name: str
) -> None:
    kubeconfig = f"users:\n- name: u\n  user:\n    exec:\n      command: {command}\n"
    given = {"KUBECONFIG_CONTENT": kubeconfig, "PULUMI_BACKEND_URL": "https://x", "PULUMI_ACCESS_TOKEN": "t"}
    (finding,) = findings(PLAIN, given)
    assert (finding.what, finding.fatal) == (f"{name} is missing or empty", False)
    assert findings(PLAIN, given | AWS | GOOGLE | AZURE) == []


def test_state_in_a_cloud_is_warned_of_where_the_job_has_no_identity() -> None:
    given = {"PULUMI_BACKEND_URL": "gs://acme", "PULUMI_CONFIG_PASSPHRASE": "p"}
    (finding,) = findings(PLAIN, given)
    assert (finding.what, finding.fatal) == ("GOOGLE_WORKLOAD_IDENTITY_PROVIDER is missing or empty", False)
    assert told(PLAIN, PULUMI_BACKEND_URL="azblob://c", PULUMI_CONFIG_PASSPHRASE="p") == [
        "AZURE_STORAGE_ACCOUNT is missing or empty"
    ]


def test_the_tool_needs_nothing_but_python_and_annotates_the_job_once(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.prod.yaml").write_text(PLAIN)
    (tmp_path / "moorage").symlink_to(ROOT / "moorage")
    environ = {"PATH": os.environ["PATH"], "PULUMI_BACKEND_URL": "s3://acme", "PULUMI_CONFIG_PASSPHRASE": ""}
    command = [
        sys.executable,
        "-I",
        "-S",
        "-c",
        "import sys; sys.path.insert(0, '.'); import moorage.ci.given as g; sys.exit(g.main(['prod']))",
    ]
    result = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert result.stderr == ""
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("::error ")]
    assert "title=PULUMI_CONFIG_PASSPHRASE is missing or empty::" in line
