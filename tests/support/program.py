"""A small Pulumi program of plain manifests, which knows nothing of Moorage, with a state and settings of its own."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from tests.support.quiet import busy
from tests.support.stack import ROOT, session_environment

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

PROJECT = "plain"
STACK = "prod"
_PROGRAM = """
import json
from pathlib import Path

import pulumi

space = None
for name, manifest in json.loads(Path("objects.json").read_text()).items():
    version, kind = manifest["apiVersion"], manifest["kind"]
    group = version if "/" in version else f"core/{version}"
    opts = pulumi.ResourceOptions(depends_on=[space] if space else [])
    made = pulumi.CustomResource(f"kubernetes:{group}:{kind}", name, manifest, opts)
    space = space or made
"""


@dataclass(kw_only=True)
class Program:
    """The program and its stack; the first of its objects is the namespace of the others."""

    folder: Path
    environment: Mapping[str, str] = field(repr=False)

    @classmethod
    def new(cls, folder: Path, *, enforced: Iterable[str]) -> Program:
        """Write a program without objects, judged by the policy pack, of which nothing but ``enforced`` is mandatory."""
        (folder / "state").mkdir()
        (folder / "__main__.py").write_text(_PROGRAM)
        levels = {"all": "advisory", **dict.fromkeys(enforced, "mandatory")}
        (folder / "policies.json").write_text(json.dumps(levels))
        own = {
            "PULUMI_BACKEND_URL": f"file://{folder / 'state'}",
            "PULUMI_CONFIG_PASSPHRASE": "of no use to anyone",
            "PULUMI_DISABLE_PROVIDER_PREVIEW": "true",
            "PULUMI_OPTION_POLICY_PACK_CONFIG": str(folder / "policies.json"),
            "PULUMI_STACK": STACK,
        }
        program = cls(folder=folder, environment=session_environment("dev") | own)
        program.describe()
        program.declare({})
        program.configure({})
        assert program.run("stack", "init", STACK).returncode == 0
        return program

    def describe(self, **more: Any) -> None:
        """Write Pulumi.yaml, with settings of the project beside the usual ones."""
        runtime = {"name": "python", "options": {"toolchain": "uv", "virtualenv": str(ROOT / ".venv")}}
        (self.folder / "Pulumi.yaml").write_text(yaml.safe_dump({"name": PROJECT, "runtime": runtime, **more}))

    def declare(self, objects: Mapping[str, Mapping[str, Any]]) -> None:
        """Say what objects there are to be, by logical name."""
        (self.folder / "objects.json").write_text(json.dumps(objects))

    def configure(self, config: Mapping[str, Any]) -> None:
        """Write the stack's configuration."""
        (self.folder / f"Pulumi.{STACK}.yaml").write_text(yaml.safe_dump({"config": dict(config)}))

    def run(self, *arguments: str, without: Iterable[str] = ()) -> subprocess.CompletedProcess[str]:
        """Run Pulumi in the program's folder, ``without`` some variables of its environment."""
        environment = {name: value for name, value in self.environment.items() if name not in without}
        with busy():
            return subprocess.run(
                ["pulumi", *arguments, "--non-interactive"],
                cwd=self.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )

    def up(self) -> subprocess.CompletedProcess[str]:
        """Update the stack, as ``moorage up`` does where nothing but the policies keeps data."""
        return self.run("up", "--yes")
