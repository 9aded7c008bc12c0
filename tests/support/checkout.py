"""A checkout of its own on the running platform, with a stack of its own, whose files a test may change as it likes.

No test changes a file of the repository itself: it takes such a copy. Live tests share one, the fixture ``copy``.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from tests.support.files import Files, files_of, restore
from tests.support.quiet import busy
from tests.support.stack import ROOT, moorage, running_stack, session_environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.support.stack import Stack

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
    _as_copied: Files = field(default_factory=dict, init=False, repr=False)
    _deployed: Files = field(default_factory=dict, init=False, repr=False)
    """The files that the stack was last brought up from; empty where it may be in any state."""

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
        # What a run that was interrupted left there, the state of which is lost.
        checkout.kubectl("delete", "namespace", f"harbour-{stack}", "--ignore-not-found", "--wait=true")
        checkout.pulumi("stack", "init", stack)
        checkout._as_copied = files_of(root)
        return checkout

    @property
    def running(self) -> Stack:
        """The stack as it runs."""
        return running_stack(self.stack, self.root)

    def edit(self, path: str, old: str, new: str) -> None:
        """Change a text in a file."""
        file = self.root / path
        before = file.read_text()
        assert old in before, f"{path} has no {old!r}"
        file.write_text(before.replace(old, new, 1))

    @contextmanager
    def settings(self) -> Iterator[dict[str, Any]]:
        """Yield the stack's configuration, and write it back."""
        file = self.root / f"Pulumi.{self.stack}.yaml"
        found = yaml.safe_load(file.read_text())
        yield found["config"]
        file.write_text(yaml.safe_dump(found))

    def whole(self) -> None:
        """Bring files and stack back to what was copied: an update only where somebody has changed one of them."""
        restore(self.root, self._as_copied)
        if self._deployed != self._as_copied:
            self.moorage("up", self.stack)
            # The first update moves the salt of the stack's secrets from its settings to its state.
            self._as_copied = self._deployed

    def left_alone(self) -> None:
        """Say that what failed has changed nothing of the stack, as the test has seen."""
        self._deployed = self._as_copied

    def disturbed(self) -> None:
        """Say that the stack's objects are not what was deployed."""
        self._deployed = {}

    def moorage(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run the command line in the checkout."""
        if arguments[0] != "up":
            return moorage(*arguments, check=check, cwd=self.root)
        self.disturbed()
        result = moorage(*arguments, check=check, cwd=self.root)
        if result.returncode == 0:
            self._deployed = files_of(self.root)
        return result

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run Pulumi in the checkout."""
        with busy():
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
        before = self.images("modified")
        self.disturbed()
        self.pulumi("up", "--yes", "--skip-preview", "--stack", self.stack)
        self._deployed = files_of(self.root)
        return {name for name, modified in self.images("modified").items() if before.get(name) != modified}

    def images(self, kind: str) -> dict[str, Any]:
        """Return a field of what Pulumi's state has of each image: ``modified`` is when Pulumi last had it built."""
        latest = json.loads(self.pulumi("stack", "export", "--stack", self.stack))["deployment"]
        return {
            resource["urn"].rpartition("::")[2].removesuffix("-image"): resource[kind]
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
