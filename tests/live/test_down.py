"""What `moorage down` deletes of a stack that protects something, with the real Pulumi on a program of three resources."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from moorage.base.console import Step
from moorage.cli.sessions import session_of
from moorage.engine import stacks
from moorage.platform import toolchain
from moorage.platform.layout import Layout
from moorage.platform.pins import cache_folder
from tests.support.stack import MOORAGE, ROOT, moorage

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.live

PROGRAM = """\
import pulumi

needed = pulumi.Stash("needed", input=1)
pulumi.Stash("data", input=2, opts=pulumi.ResourceOptions(protect={protect}, depends_on=[needed]))
pulumi.Stash("other", input=3)
"""
STACK = """\
config:
  moorage:cluster: {context: mine, kubeconfig: kubeconfig}
  moorage:registry: {address: registry.example.com/acme}
  moorage:builder: mine
  moorage:ingress: {host: harbour.example.com}
"""


class Checkout:
    """A project of its own, with stacks dev and prod on a cluster that is never asked."""

    def __init__(self, root: Path) -> None:
        self.root = root
        runtime = {"name": "python", "options": {"toolchain": "uv", "virtualenv": sys.prefix}}
        (root / "Pulumi.yaml").write_text(json.dumps({"name": "moorage", "runtime": runtime}))
        for name in ("dev", "prod"):
            (root / f"Pulumi.{name}.yaml").write_text(STACK)
        (root / "kubeconfig").write_text("contexts: [{name: mine}]\n")
        (root / ".moorage" / "bin").mkdir(parents=True)
        (root / ".moorage" / "bin" / "uv").symlink_to(ROOT / ".moorage" / "bin" / "uv")
        toolchain.ensure(Layout.of(root), platform=False, step=Step("Toolchain", ""))

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run the command line here."""
        return moorage(*words, check=False, cwd=self.root)

    def pulumi(self, *words: str, stack: str = "prod") -> str:
        """Run plain Pulumi as after ``eval "$(moorage env STACK)"``."""
        script = f'eval "$({MOORAGE} env {stack})" && pulumi "$@" --non-interactive'
        command = ["sh", "-c", script, "sh", *words]
        run = subprocess.run(command, cwd=self.root, capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stdout + run.stderr
        return run.stdout

    def deploy(self, stack: str = "prod", *, protect: bool = False) -> None:
        """Bring a stack up."""
        (self.root / "__main__.py").write_text(PROGRAM.format(protect=protect))
        stacks.ensure(session_of(self.root, stack))
        self.pulumi("up", "--yes", "--skip-preview", stack=stack)

    def resources(self) -> list[str]:
        """Return the names of what there is."""
        state: dict[str, Any] = json.loads(self.pulumi("stack", "export"))
        found = [entry["urn"].rpartition("::")[2] for entry in state["deployment"].get("resources", [])]
        return sorted(name for name in found if name in {"needed", "data", "other"})

    def stacks(self) -> list[str]:
        """Return the names of the stacks that the backend knows."""
        return [stack["name"] for stack in json.loads(self.pulumi("stack", "ls", "--json"))]


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    for name in [name for name in os.environ if name.startswith("PULUMI_")]:
        monkeypatch.delenv(name)
    # No login of the user's own, and the real policy pack.
    monkeypatch.setenv("MOORAGE_CACHE", str(cache_folder()))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MOORAGE_POLICY_PACK", str(ROOT / "policy"))
    (tmp_path / "checkout").mkdir()
    return Checkout(tmp_path / "checkout")


def test_nothing_is_deleted_of_a_stack_that_protects_data_until_it_is_said_what_becomes_of_that(
    checkout: Checkout,
) -> None:
    checkout.deploy(protect=True)
    refused = checkout.run("down", "prod")
    assert refused.returncode == 1
    assert "stack prod protects 1 of its resources; nothing was deleted" in refused.stderr
    assert "Stash data" in refused.stderr
    assert "--keep-data" in refused.stderr
    assert "--unprotect" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert checkout.resources() == ["data", "needed", "other"]

    for _ in range(2):
        kept = checkout.run("down", "prod", "--keep-data")
        assert kept.returncode == 0, kept.stdout + kept.stderr
        assert checkout.resources() == ["data", "needed"]
        assert "only the protected resources" in kept.stdout

    both = checkout.run("down", "prod", "--keep-data", "--unprotect")
    assert both.returncode == 2
    assert checkout.resources() == ["data", "needed"]

    gone = checkout.run("down", "prod", "--unprotect")
    assert gone.returncode == 0, gone.stdout + gone.stderr
    assert checkout.stacks() == []


@pytest.mark.parametrize("words", [(), ("--keep-data",)])
def test_a_stack_that_protects_nothing_goes_as_a_whole(checkout: Checkout, words: tuple[str, ...]) -> None:
    checkout.deploy()
    gone = checkout.run("down", "prod", *words)
    assert gone.returncode == 0, gone.stdout + gone.stderr
    assert checkout.stacks() == []
    assert "nothing to delete" in checkout.run("down", "prod").stdout


def test_no_stack_becomes_the_folders_current_one_and_env_says_which_one_pulumi_acts_on(checkout: Checkout) -> None:
    checkout.deploy("dev")
    checkout.deploy("prod")
    listed = {stack["name"]: stack for stack in json.loads(checkout.pulumi("stack", "ls", "--json"))}
    assert listed["dev"]["resourceCount"] == listed["prod"]["resourceCount"] > 0
    for name in ("dev", "prod"):
        assert checkout.pulumi("stack", "--show-name", stack=name).strip() == name
    session = session_of(checkout.root, "dev")
    variables = {name: value for name, value in session.environment().items() if name != "PULUMI_STACK"}
    command = [session.program("pulumi"), "stack", "--show-name", "--non-interactive"]
    plain = subprocess.run(command, cwd=checkout.root, env=variables, capture_output=True, text=True, check=False)
    assert "no stack selected" in plain.stderr
