"""Every stack that the documents show, with this repository's services: the policy pack lets all of it through."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pulumi
import pytest
import yaml

from moorage.components.stack import declare
from moorage.config.loader import load_project
from moorage.policy.registry import RULES
from tests.policy.test_own_stacks import declared, stopped
from tests.unit.program_samples import ROOT
from tests.unit.pulumi_mocks import record
from tests.unit.test_docs import PAGES, files

if TYPE_CHECKING:
    from pathlib import Path

STACKS = [(page, name, text) for page in sorted(PAGES) for name, text in files(page) if name.startswith("Pulumi.")]
NOT_COPIED = shutil.ignore_patterns("node_modules", ".venv", "__pycache__", ".moorage", "dist")


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of what stacks are made of."""
    root = tmp_path_factory.mktemp("repository")
    for name in ("apps", "libs", "images"):
        shutil.copytree(ROOT / name, root / name, ignore=NOT_COPIED)
    for path in (*ROOT.glob("*.toml"), *ROOT.glob("*.json"), *ROOT.glob("*.lock"), ROOT / "Pulumi.yaml"):
        shutil.copy(path, root)
    clusters = (yaml.safe_load(text)["config"].get("moorage:cluster", {}) for _, _, text in STACKS)
    contexts = sorted({cluster["context"] for cluster in clusters if cluster})
    (root / "kubeconfig").write_text(yaml.safe_dump({"contexts": [{"name": name} for name in contexts]}))
    return root


def own_stack(name: str) -> dict[str, Any]:
    config: dict[str, Any] = yaml.safe_load((ROOT / f"Pulumi.{name}.yaml").read_text())["config"]
    return config


def whole(text: str) -> dict[str, Any]:
    """Return the settings of a stack; of one that is shown in part, on top of those of our own stack of the kind."""
    shown: dict[str, Any] = yaml.safe_load(text)["config"]
    for key in ("moorage:buildSecrets",):
        shown.pop(key, None)
    services = shown.get("moorage:services", {})
    shown["moorage:services"] = {name: value for name, value in services.items() if (ROOT / "apps" / name).is_dir()}
    if "moorage:ingress" in shown:
        return shown
    development = shown.get("moorage:stage") == "development"
    return own_stack("dev" if development else "prod") | shown


def refused(root: Path, stack: str, config: dict[str, Any]) -> set[str]:
    """Return the policies that stop a stack of these settings."""
    (root / f"Pulumi.{stack}.yaml").write_text(yaml.safe_dump({"config": config}))
    project = load_project(root, stack)
    secrets = {f"moorage:{key}": "a" for service in project.services.values() for key in service.secrets.values()}
    pulumi.runtime.set_all_config(secrets, list(secrets))
    recording = record(lambda: declare(project), stack=stack)
    assert recording.of("Deployment")
    return set(stopped(declared(recording), "dev" if project.development else "prod"))


@pytest.mark.parametrize(("page", "name", "text"), STACKS, ids=[f"{page} {name}" for page, name, _ in STACKS])
def test_a_stack_that_is_shown_is_let_through(
    page: str, name: str, text: str, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(repository / "kubeconfig"))
    assert refused(repository, name.split(".")[1], whole(text)) == set(), page


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_the_page_names_the_policies_that_refuse_an_open_network(repository: Path, stack: str) -> None:
    found = refused(repository, stack, own_stack(stack) | {"moorage:networkPolicies": False})
    text = PAGES["docs/configuration.md"]
    row = next(line for line in text.splitlines() if line.startswith("| `moorage:networkPolicies`"))
    assert found == ({name for name in RULES if f"`{name}`" in row} if stack == "prod" else set())
