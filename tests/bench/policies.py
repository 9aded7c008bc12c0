"""What the policy pack costs: a stack of a thousand Deployments, previewed with the pack and without it.

The stack renders manifests instead of asking a cluster, so that nothing but Pulumi, its provider and the pack is
measured. It lives in a folder of its own, with a state of its own, and is never brought up.
"""

from __future__ import annotations

import copy
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import yaml

from moorage.policy.examples import compliant_stack
from tests.bench.figure import Figure
from tests.support.stack import ROOT, session_environment

DEPLOYMENTS: Final = 1000
FEW: Final = 200
FILES: Final = 5000
_TEN: Final = f"policy check of {DEPLOYMENTS} Deployments in ten files"
_PROJECT: Final = """
name: policy-bench
runtime:
  name: python
  options: {{toolchain: uv, virtualenv: {virtualenv}}}
"""
_PROGRAM: Final = """
import json, pulumi

with open("objects.json") as file:
    objects = json.load(file)
provider = pulumi.ProviderResource("kubernetes", "render", {"renderYamlToDirectory": "rendered"})
opts = pulumi.ResourceOptions(provider=provider, protect=True, version=%r)
for item in objects:
    version = item["apiVersion"] if "/" in item["apiVersion"] else "core/" + item["apiVersion"]
    kind, name = item["kind"], item["metadata"]["name"]
    pulumi.CustomResource(f"kubernetes:{version}:{kind}", f"{kind}-{name}", item, opts)
"""


def policy_pack() -> list[Figure]:
    """Seconds that the pack adds to a preview of a thousand Deployments, and what each one adds."""
    with tempfile.TemporaryDirectory(prefix="moorage-bench-") as folder:
        project = Path(folder)
        (project / "Pulumi.yaml").write_text(_PROJECT.format(virtualenv=sys.prefix))
        (project / "__main__.py").write_text(_PROGRAM % version("pulumi-kubernetes"))
        environment = _environment(project)
        few_with, few_without, _ = _seconds(project, environment, FEW)
        many_with, many_without, cpu = _seconds(project, environment, DEPLOYMENTS)
    added, added_to_few = many_with - many_without, few_with - few_without
    each = (added - added_to_few) / (DEPLOYMENTS - FEW) * 1000
    return [
        Figure(name=f"preview of {DEPLOYMENTS} Deployments without policies", value=many_without, unit="s"),
        Figure(name=f"the policy pack on top, {DEPLOYMENTS} Deployments", value=added, unit="s", target=4),
        Figure(name=f"the policy pack on top, {FEW} Deployments", value=added_to_few, unit="s"),
        Figure(name=f"the policy pack's processor time, {DEPLOYMENTS} Deployments", value=cpu, unit="s"),
        Figure(name="the policy pack, one Deployment more", value=each, unit="ms"),
    ]


def policy_check() -> list[Figure]:
    """A thousand Deployments in ten files and five thousand files, judged by `moorage policy check` and by kube-score.

    kube-score is asked where it is on the path; nothing of it comes with Moorage.
    """
    with tempfile.TemporaryDirectory(prefix="moorage-bench-") as folder:
        ten, many = Path(folder) / "ten", Path(folder) / "many"
        _write_manifests(ten, DEPLOYMENTS, 10)
        _write_manifests(many, FILES, FILES)
        check = [str(Path(sys.prefix) / "bin" / "moorage"), "policy", "check"]
        seconds, cpu = min(_judged([*check, str(ten)]) for _ in range(3))
        found = [
            Figure(name=_TEN, value=seconds, unit="s"),
            Figure(
                name="policy check, processor time of a Deployment", value=cpu / DEPLOYMENTS * 1000, unit="ms", target=3
            ),
            Figure(name=f"policy check of {FILES} files", value=_judged([*check, str(many)])[0], unit="s", target=10),
        ]
        rival = shutil.which("kube-score")
        if rival:
            files = sorted(str(file) for file in ten.iterdir())
            theirs = min(_judged([rival, "score", *files])[0] for _ in range(3))
            found[0] = replace(found[0], target=3 * theirs)
            found.append(Figure(name="kube-score", value=theirs, unit="s", rival_of=_TEN))
        return found


def _write_manifests(folder: Path, deployments: int, files: int) -> None:
    folder.mkdir()
    objects = _objects(deployments)
    for number in range(files):
        with (folder / f"{number:05}.yaml").open("w") as file:
            yaml.dump_all(objects[number::files], file, Dumper=yaml.CSafeDumper)


def _judged(command: list[str]) -> tuple[float, float]:
    """Return the seconds and the processor time of a check; its exit status says only whether it found something."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    seconds, after = time.monotonic() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    assert result.returncode in {0, 1}, result.stderr[-2000:]
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _objects(deployments: int) -> list[dict[str, Any]]:
    """Return the compliant stack with more Deployments beside its first."""
    objects = [item for item in compliant_stack() if ":" not in item["kind"]]
    first = next(item for item in objects if item["kind"] == "Deployment")
    for number in range(deployments):
        one = copy.deepcopy(first)
        one["metadata"]["name"] = f"web-{number}"
        one["spec"]["replicas"] = 3
        objects.append(one)
    return objects


def _environment(project: Path) -> dict[str, str]:
    state = project / "state"
    state.mkdir()
    inherited = {name: value for name, value in session_environment().items() if name != "KUBECONFIG"}
    return inherited | {
        "PULUMI_BACKEND_URL": f"file://{state}",
        "PULUMI_CONFIG_PASSPHRASE": "bench",
        "PULUMI_CONFIG_PASSPHRASE_FILE": "",
    }


def _seconds(project: Path, environment: dict[str, str], deployments: int) -> tuple[float, float, float]:
    """Return the seconds of a preview with the pack and without, and the processor time that the pack added."""
    _pulumi(project, environment, "stack", "select", "--create", "prod")
    (project / "objects.json").write_text(json.dumps(_objects(deployments)))
    bare = environment | {"PULUMI_OPTION_POLICY_PACK": ""}
    preview = ("preview", "--stack", "prod", "--suppress-outputs", "--suppress-progress")
    without = min((_timed(project, bare, preview) for _ in range(2)), default=(0.0, 0.0))
    judged = min((_timed(project, environment, preview) for _ in range(2)), default=(0.0, 0.0))
    return judged[0], without[0], judged[1] - without[1]


def _timed(project: Path, environment: dict[str, str], arguments: tuple[str, ...]) -> tuple[float, float]:
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    _pulumi(project, environment, *arguments)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.monotonic() - started, cpu


def _pulumi(project: Path, environment: dict[str, str], *arguments: str) -> None:
    command = ["pulumi", *arguments, "--non-interactive"]
    result = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, f"{' '.join(command)}\n{result.stdout[-4000:]}\n{result.stderr}"
