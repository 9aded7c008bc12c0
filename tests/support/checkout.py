"""A checkout of its own on the running platform, with a stack of its own, whose files a test may change as it likes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from tests.support.stack import ROOT, moorage, session_environment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PIP = "pip==26.3"
SHARED = ("bin", "docker", "platform", "pulumi")
"""What of ``.moorage`` is the platform's, not the checkout's."""


def copy_repository(root: Path) -> None:
    """Copy the repository's files, uncommitted ones included, into a folder that shares the platform and the packages."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
    for name in filter(None, names):
        # A link to a folder is no file.
        if (ROOT / name).is_file() or (ROOT / name).is_symlink():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, root / name, follow_symlinks=False)
    (root / ".moorage").mkdir()
    for name in SHARED:
        (root / ".moorage" / name).symlink_to(ROOT / ".moorage" / name)
    (root / ".venv").symlink_to(ROOT / ".venv")


def give_environment(root: Path) -> None:
    """Give a copy an environment of its own.

    uv would make the one of the repository that of the copy, and then of what a test writes into its lock file. Pulumi's
    host leaves it alone where it is pip's, and asks pip what is in it.
    """
    uv = str(ROOT / ".moorage" / "bin" / "uv")
    own = {**os.environ, "UV_PROJECT_ENVIRONMENT": str(root / ".venv")}
    (root / ".venv").unlink()
    subprocess.run([uv, "sync", "--quiet", "--locked", "--all-packages", f"--project={root}"], env=own, check=True)
    subprocess.run([uv, "pip", "install", "--quiet", f"--python={root / '.venv'}", PIP], env=own, check=True)
    project = (root / "Pulumi.yaml").read_text()
    assert "toolchain: uv" in project
    (root / "Pulumi.yaml").write_text(project.replace("toolchain: uv", "toolchain: pip"))


@dataclass(kw_only=True)
class Checkout:
    """A copy of the repository, and its stack."""

    root: Path
    stack: str
    environment: Mapping[str, str] = field(repr=False)

    @classmethod
    def copied(cls, root: Path, stack: str, *, judged: bool = False) -> Checkout:
        """Copy the repository and give the copy a stack like dev, whose objects are ``judged`` by the policy pack or not."""
        copy_repository(root)
        give_environment(root)
        settings = yaml.safe_load((ROOT / "Pulumi.dev.yaml").read_text())
        settings = {"config": {**settings["config"], "moorage:ingress": {"host": f"{stack}.localhost"}}}
        (root / f"Pulumi.{stack}.yaml").write_text(yaml.safe_dump(settings))
        environment = session_environment(stack, cwd=root)
        # Mostly it is not the matter which rules hold for a stack like dev under another name.
        own = {
            name: value for name, value in environment.items() if judged or not name.startswith("PULUMI_OPTION_POLICY")
        }
        checkout = cls(root=root, stack=stack, environment=own)
        checkout.pulumi("stack", "init", stack)
        return checkout

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run Pulumi in the checkout."""
        return subprocess.run(
            ["pulumi", *arguments, "--non-interactive"],
            cwd=self.root,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def pulumi(self, *arguments: str, check: bool = True) -> str:
        """Run Pulumi in the checkout and return what it printed."""
        result = self.run(*arguments)
        if check:
            assert result.returncode == 0, f"pulumi {' '.join(arguments)}\n{result.stdout[-6000:]}\n{result.stderr}"
        return result.stdout

    def up(self) -> set[str]:
        """Update the stack and return the images that were built again, by the name of their component."""
        before = self._images()
        self.pulumi("up", "--yes", "--skip-preview", "--stack", self.stack)
        return {name for name, modified in self._images().items() if before.get(name) != modified}

    def _images(self) -> dict[str, Any]:
        """Return when Pulumi last had each image built, from the stack's state."""
        latest = json.loads(self.pulumi("stack", "export", "--stack", self.stack))["deployment"]
        return {
            resource["urn"].rpartition("::")[2].removesuffix("-image"): resource["modified"]
            for resource in latest.get("resources", [])
            if resource["type"].endswith(":Image")
        }

    def affected(self) -> dict[str, Any]:
        """Return what ``moorage affected --json`` tells."""
        found: dict[str, Any] = json.loads(moorage("affected", self.stack, "--json", cwd=self.root).stdout)
        return found

    def why(self, service: str) -> str:
        """Return what ``moorage why`` tells."""
        return moorage("why", service, self.stack, cwd=self.root).stdout

    def kubectl(self, *arguments: str) -> str:
        """Run kubectl in the stack's namespace."""
        command = ["kubectl", "--namespace", f"harbour-{self.stack}", *arguments]
        return subprocess.run(command, env=dict(self.environment), capture_output=True, text=True, check=True).stdout

    def state(self) -> dict[str, tuple[Any, ...]]:
        """Return image and generation of each workload, and the UIDs of its pods, by its name."""
        listed = json.loads(self.kubectl("get", "deployments,statefulsets,pods", "--output=json"))["items"]
        pods: dict[str, set[str]] = {}
        for item in listed:
            if item["kind"] == "Pod" and "deletionTimestamp" not in item["metadata"]:
                pods.setdefault(item["metadata"]["labels"]["app.kubernetes.io/name"], set()).add(
                    item["metadata"]["uid"]
                )
        return {
            item["metadata"]["name"]: (
                item["spec"]["template"]["spec"]["containers"][0]["image"],
                item["metadata"]["generation"],
                frozenset(pods.get(item["metadata"]["name"], ())),
            )
            for item in listed
            if item["kind"] != "Pod"
        }

    def down(self) -> None:
        """Delete all that the stack made."""
        self.pulumi("destroy", "--yes", "--skip-preview", "--stack", self.stack, check=False)
        shutil.rmtree(self.root / ".moorage" / "state", ignore_errors=True)
