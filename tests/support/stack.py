"""The running stack as live tests see it: the command line, the cluster, the page's address."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import httpx

from moorage.config.loader import load_project
from tests.support.quiet import busy

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

ROOT = Path(__file__).resolve().parents[2]
MOORAGE = str(Path(sys.prefix) / "bin" / "moorage")


def moorage(
    *arguments: str, check: bool = True, env: dict[str, str] | None = None, cwd: Path = ROOT
) -> subprocess.CompletedProcess[str]:
    """Run the command line as a user would, and return what it printed."""
    with busy():
        result = subprocess.run(
            [MOORAGE, *arguments],
            cwd=cwd,
            env=os.environ | {"COLUMNS": "160"} | (env or {}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    if check:
        assert result.returncode == 0, f"moorage {' '.join(arguments)}\n{result.stdout}\n{result.stderr}"
    return result


def session_environment(stack: str = "dev", *, cwd: Path = ROOT) -> dict[str, str]:
    """Return the environment that ``eval "$(moorage env)"`` gives a shell."""
    script = f'set -eu; exports=$({MOORAGE} env {stack}); eval "$exports"; env -0'
    # What a test has set for its own Pulumi is not for the platform's stack.
    own = {name: value for name, value in os.environ.items() if not name.startswith("PULUMI_")}
    result = subprocess.run(["sh", "-c", script], cwd=cwd, env=own, capture_output=True, check=False)
    assert result.returncode == 0, result.stderr.decode()
    return dict(entry.split("=", 1) for entry in result.stdout.decode().split("\0") if "=" in entry)


def eventually(probe: Callable[[], T], *, seconds: float = 60, what: str = "condition") -> T:
    """Return the first true result of ``probe``, failing after ``seconds``."""
    deadline = time.monotonic() + seconds
    while True:
        result = probe()
        if result:
            return result
        assert time.monotonic() < deadline, f"{what} did not hold within {seconds} s; last: {result!r}"
        time.sleep(0.1)


@dataclass
class Stack:
    """One running stack."""

    name: str
    namespace: str
    host: str
    environment: dict[str, str] = field(repr=False)
    root: Path = ROOT
    """The checkout that it is of."""

    def kubectl(self, *arguments: str, check: bool = True, stdin: str | None = None) -> str:
        """Run kubectl in the stack's namespace."""
        result = subprocess.run(
            ["kubectl", "--namespace", self.namespace, *arguments],
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        if check:
            assert result.returncode == 0, f"kubectl {' '.join(arguments)}\n{result.stderr}"
        return result.stdout

    def objects(self, kind: str, *arguments: str) -> list[dict[str, Any]]:
        """Return the objects of a kind in the stack's namespace."""
        found: list[dict[str, Any]] = json.loads(self.kubectl("get", kind, "--output=json", *arguments))["items"]
        return found

    def pods(self, name: str | None = None) -> list[dict[str, Any]]:
        """Return the pods that are not being deleted, of one workload or of all."""
        selector = [f"--selector=app.kubernetes.io/name={name}"] if name else []
        return [pod for pod in self.objects("pods", *selector) if "deletionTimestamp" not in pod["metadata"]]

    def pulumi(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run plain Pulumi on the stack, as a user does after ``eval "$(moorage env)"``."""
        with busy():
            return subprocess.run(
                ["pulumi", *arguments, "--stack", self.name, "--non-interactive"],
                cwd=self.root,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )

    def http(self) -> httpx.Client:
        """Return a client of the stack's page on loopback; requests carry the stack's host name."""
        scheme, port = ("https", 8443) if self.name == "prod" else ("http", 8080)
        port = int(os.environ.get(f"MOORAGE_{scheme.upper()}_PORT", port))
        return httpx.Client(
            base_url=f"{scheme}://127.0.0.1:{port}",
            headers={"Host": self.host},
            verify=False,
            trust_env=False,
            timeout=10,
        )


def running_stack(name: str, root: Path = ROOT) -> Stack:
    """Return a stack that is up, as its settings describe it."""
    project = load_project(root, name)
    return Stack(
        name=name,
        namespace=project.namespace,
        host=project.settings.ingress.host,
        environment=session_environment(name, cwd=root),
        root=root,
    )
