"""Whether a CI job was given what its stack needs: ``python -m moorage.ci.given STACK``, before anything is installed.

GitHub hands on a variable or secret that does not exist as an empty text. Left alone, that ends in a stack whose secrets
anyone can decrypt, or in an error of a program that knows nothing of the workflow. Only Python itself is needed here.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_PAGE = "docs/ci.md says where to set it"
_AZURE = ("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_SUBSCRIPTION_ID")
_IDENTITIES = {"AWS": "AWS_ROLE", "Google Cloud": "GOOGLE_WORKLOAD_IDENTITY_PROVIDER", "Azure": "AZURE_CLIENT_ID"}
_REGISTRIES = {
    "AWS": re.compile(r"\d+\.dkr[.-]ecr\..+"),
    "Google Cloud": re.compile(r"(.+-docker\.pkg\.dev|(.+\.)?gcr\.io)"),
    "Azure": re.compile(r".+\.azurecr\.(io|cn|us)"),
}
_BACKENDS = {"s3": "AWS", "gs": "Google Cloud", "azblob": "Azure"}
_PLUGINS = {
    "gke-gcloud-auth-plugin": "Google Cloud",
    "kubelogin": "Azure",
    "aws": "AWS",
    "aws-iam-authenticator": "AWS",
}


class Finding(NamedTuple):
    """What is wrong with what the job was given; ``fatal`` where the job cannot go on."""

    what: str
    remedy: str
    fatal: bool = True

    def __str__(self) -> str:
        kind = "error" if self.fatal else "warning"
        return f"::{kind} title={_escaped(self.what)}::{_escaped(f'{self.what}: {self.remedy}')}"


def findings(settings: str, environ: Mapping[str, str]) -> list[Finding]:
    """Return what is wrong for a stack whose file holds ``settings``, given the variables of ``environ``."""
    given = {name: value.strip() for name, value in environ.items()}
    return [*_state(settings, given), *_identities(given), *_registry(given), *_cluster(given)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print each finding as an annotation of the job; return the exit status: 1 where the job cannot go on."""
    parser = argparse.ArgumentParser(
        prog="python -m moorage.ci.given",
        description="Check that a CI job has the variables and secrets that its stack needs. They are in docs/ci.md.",
    )
    parser.add_argument("stack", metavar="STACK", help="name of the stack, as in Pulumi.STACK.yaml")
    path = Path(f"Pulumi.{parser.parse_args(arguments).stack}.yaml")
    found = findings(path.read_text(encoding="utf-8") if path.is_file() else "", os.environ)
    for finding in found:
        print(finding)  # noqa: T201  # GitHub reads annotations from standard output
    return 1 if any(finding.fatal for finding in found) else 0


def _state(settings: str, given: Mapping[str, str]) -> Iterator[Finding]:
    backend, token = given.get("PULUMI_BACKEND_URL", ""), given.get("PULUMI_ACCESS_TOKEN", "")
    kind = backend.partition("://")[0]
    if not backend:
        if token or given.get("KUBECONFIG_CONTENT"):
            remedy = f"state would be lost with the runner; for Pulumi Cloud it is https://api.pulumi.com ({_PAGE})"
            yield Finding("PULUMI_BACKEND_URL is missing or empty", remedy)
        return
    if kind in ("http", "https") and not token:
        yield Finding("PULUMI_ACCESS_TOKEN is missing or empty", f"{backend} asks for it ({_PAGE})")
    if needs_passphrase(settings, backend) and not given.get("PULUMI_CONFIG_PASSPHRASE"):
        remedy = (
            f"the state in {backend} has its secrets encrypted with it, and without it they could not be read, or would be "
            f"encrypted with a key that is lost with this runner; set the secret to the passphrase of this stack ({_PAGE}), "
            "or choose a secretsprovider in the stack's file"
        )
        yield Finding("PULUMI_CONFIG_PASSPHRASE is missing or empty", remedy)
    if kind == "azblob" and "storage_account=" not in backend and not given.get("AZURE_STORAGE_ACCOUNT"):
        yield Finding(
            "AZURE_STORAGE_ACCOUNT is missing or empty", f"{backend} is a container of that account ({_PAGE})"
        )
    if cloud := _BACKENDS.get(kind):
        yield from _without_identity(given, cloud, f"the state in {backend}")


def needs_passphrase(settings: str, backend: str) -> bool:
    """Return whether the secrets of a stack are encrypted with a passphrase, rather than by a service or a cloud's key."""
    match = re.search(r"^secretsprovider:\s*[\"']?([^\s\"'#]+)", settings, re.MULTILINE)
    provider = match[1] if match else "default"
    if provider == "default":
        return (
            backend.partition("://")[0] not in ("http", "https")
            or re.search(r"^encryptionsalt:", settings, re.MULTILINE) is not None
        )
    return provider == "passphrase"


def _identities(given: Mapping[str, str]) -> Iterator[Finding]:
    if given.get("AWS_ROLE") and not given.get("AWS_REGION"):
        yield Finding("AWS_REGION is missing or empty", f"AWS_ROLE is set, and its session needs a region ({_PAGE})")
    azure = [name for name in _AZURE if given.get(name)]
    if azure and len(azure) < len(_AZURE):
        missing = " and ".join(name for name in _AZURE if name not in azure)
        yield Finding(f"{missing} missing or empty", f"an Azure identity is all of {', '.join(_AZURE)} ({_PAGE})")
    if any(given.get(name) for name in _IDENTITIES.values()) and not given.get("ACTIONS_ID_TOKEN_REQUEST_URL"):
        yield Finding("the job may not ask for an identity", "give it `permissions: id-token: write`")


def _registry(given: Mapping[str, str]) -> Iterator[Finding]:
    host, user, password = (given.get(name, "") for name in ("REGISTRY", "REGISTRY_USERNAME", "REGISTRY_PASSWORD"))
    if not host:
        return
    if password and not user:
        yield Finding("REGISTRY_USERNAME is missing or empty", f"REGISTRY_PASSWORD is set for {host} ({_PAGE})")
    if not password:
        cloud = next((cloud for cloud, pattern in _REGISTRIES.items() if pattern.fullmatch(host)), None)
        if cloud is None:
            yield Finding("REGISTRY_PASSWORD is missing or empty", f"{host} asks for a login ({_PAGE})")
        elif not given.get(_IDENTITIES[cloud]):
            yield Finding(
                f"{_IDENTITIES[cloud]} is missing or empty",
                f"{host} takes the job's identity on {cloud}, or REGISTRY_USERNAME and REGISTRY_PASSWORD ({_PAGE})",
            )


def _cluster(given: Mapping[str, str]) -> Iterator[Finding]:
    commands = re.findall(r"\bcommand\"?:\s*[\"']?([^\s\"',]+)", given.get("KUBECONFIG_CONTENT", ""))
    for plugin in dict.fromkeys(Path(command).name for command in commands):
        if cloud := _PLUGINS.get(plugin):
            yield from _without_identity(given, cloud, f"the kubeconfig, which runs {plugin},")


def _without_identity(given: Mapping[str, str], cloud: str, what: str) -> Iterator[Finding]:
    """Warn of something that needs a cloud's identity where the job has none: your own runner may have it."""
    if not given.get(_IDENTITIES[cloud]):
        remedy = f"{what} needs an identity on {cloud}; unless the runner itself has one, set it ({_PAGE})"
        yield Finding(f"{_IDENTITIES[cloud]} is missing or empty", remedy, fatal=False)


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


if __name__ == "__main__":
    sys.exit(main())
