"""The fixtures with which Kubernetes tests its own Pod Security admission, fetched through the committed pin."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any, Final

import yaml

from moorage.platform.pins import cache_folder

ROOT: Final = Path(__file__).parents[2]
PINS: Final = ROOT / "moorage" / "platform" / "toolchain" / "kubernetes"
MODULE: Final = "k8s.io/pod-security-admission"
NEWEST: Final = "v1.35"
"""Fixtures of the newest version whose rules differ from the one before; they hold from there on."""


def fetch(folder: Path) -> Path:
    """Return where the module's fixtures are, which is downloaded once; fails where the checksum is another."""
    version, checksum = _pin()
    (folder / "go.mod").write_text("module fixtures\n\ngo 1.25\n", encoding="utf-8")
    modules = cache_folder() / "tests" / "modules"
    # The checksum is compared below, so that nobody need be asked for it.
    own = {"GOMODCACHE": str(modules), "GOFLAGS": "-mod=mod -modcacherw", "GOSUMDB": "off"}
    command = ["go", "mod", "download", "-json", f"{MODULE}@{version}"]
    result = subprocess.run(
        command, cwd=folder, env=os.environ | own, capture_output=True, text=True, check=False, timeout=120
    )
    assert result.returncode == 0, result.stdout + result.stderr
    answer = json.loads(result.stdout)
    assert answer["Sum"] == checksum
    return Path(answer["Dir"]) / "test" / "testdata"


def _pin() -> tuple[str, str]:
    replaced = re.search(rf"replace {re.escape(MODULE)} => \S+ (v\S+)", (PINS / "go.mod").read_text(encoding="utf-8"))
    assert replaced is not None
    version = replaced[1]
    checksum = re.search(
        rf"^{re.escape(MODULE)} {re.escape(version)} (h1:\S+)$",
        (PINS / "go.sum").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    assert checksum is not None
    return version, checksum[1]


def pods(testdata: Path, level: str, version: str, verdict: str) -> dict[str, dict[str, Any]]:
    """Return the fixtures of a level, version and verdict (``pass`` or ``fail``) by file name."""
    files = sorted((testdata / level / version / verdict).glob("*.yaml"))
    return {file.name: yaml.safe_load(file.read_text(encoding="utf-8")) for file in files}


def wrapped(pod: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the pod inside each other kind that carries one."""
    template = {"metadata": pod.get("metadata", {}), "spec": pod["spec"]}
    result: list[dict[str, Any]] = [{"apiVersion": "v1", "kind": "PodTemplate", "template": template}]
    for version, kinds in {
        "apps/v1": ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"),
        "batch/v1": ("Job",),
        "v1": ("ReplicationController",),
    }.items():
        result += [{"apiVersion": version, "kind": kind, "spec": {"template": template}} for kind in kinds]
    job = {"spec": {"template": template}}
    result.append({"apiVersion": "batch/v1", "kind": "CronJob", "spec": {"jobTemplate": job}})
    result.append({"apiVersion": "v1", "kind": "List", "items": [result[1]]})
    result.append({"apiVersion": "v1", "kind": "PodList", "items": [pod]})
    rollout = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "spec": {"template": template}}
    return [*result, rollout]
