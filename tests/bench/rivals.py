"""The same work with plain tools on the same builder and cluster: buildx bake, kubectl apply and wait."""

from __future__ import annotations

import json
import subprocess
import time
from typing import TYPE_CHECKING, Any

from moorage.config.loader import load_project
from moorage.platform.layout import Layout
from tests.bench.edits import changed
from tests.bench.figure import Figure
from tests.bench.measures import OLD_LINE, SOURCE, timed
from tests.support.stack import ROOT, Stack, running_stack, session_environment

if TYPE_CHECKING:
    from pathlib import Path

NAMESPACE = "bench"
_WORKLOADS = ("Deployment", "StatefulSet")
_SKIPPED = ("Ingress", "HorizontalPodAutoscaler")
"""An Ingress on the same host would be refused; an autoscaler says nothing about apply and wait."""


def buildx() -> list[Figure]:
    """Build and push every image with `docker buildx bake`: from nothing, again, and after a changed line."""
    environment = session_environment()
    path = _bake_file()
    layout = Layout.of(ROOT)
    prune = [str(layout.bin / "buildctl"), f"--addr=unix://{layout.buildkit_socket}", "prune", "--all"]
    subprocess.run(prune, check=True, capture_output=True)
    cold = _bake(path, environment)
    warm = _bake(path, environment)
    with changed(SOURCE, OLD_LINE, f'return {{"status": "bake {time.time()}"}}'):
        change = _bake(path, environment)
    return [
        Figure(name="bake, cold", value=cold, unit="s", rival_of="cold build of all images"),
        Figure(name="bake, warm", value=warm, unit="s"),
        Figure(name="bake, code change", value=change, unit="s"),
    ]


def kubectl() -> list[Figure]:
    """Bake, apply and wait: the whole stack, the same again, and a changed line."""
    stack, environment = running_stack("dev"), session_environment()
    path = _bake_file()
    objects = _objects(stack)
    _bake(path, environment)
    try:
        with timed() as whole:
            _bake(path, environment)
            _apply(stack, objects)
        with timed() as again:
            _bake(path, environment)
            _apply(stack, objects)
        with changed(SOURCE, OLD_LINE, f'return {{"status": "kubectl {time.time()}"}}'), timed() as change:
            _bake(path, environment)
            image = _digest_of("backend", environment)
            stack.kubectl(f"--namespace={NAMESPACE}", "set", "image", "deployment/backend", f"backend={image}")
            stack.kubectl(f"--namespace={NAMESPACE}", "rollout", "status", "deployment/backend", "--timeout=120s")
    finally:
        stack.kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--wait=true")
    return [
        Figure(name="kubectl, whole stack", value=whole[0], unit="s", rival_of="whole stack from cached images"),
        Figure(name="kubectl, no-op", value=again[0], unit="s", rival_of="no-op up with the policy pack"),
        Figure(name="kubectl, code change", value=change[0], unit="s", rival_of="code change to all new pods Ready"),
    ]


def _bake_file() -> Path:
    """Write a bake file of the same Dockerfiles, targets, args and secrets, bases linked as bake links targets."""
    project = load_project(ROOT, "dev")
    targets: dict[str, Any] = {}
    for name, base in project.base_images.items():
        targets[f"base-{name}"] = _target(f"images/{name}", f"base-{name}", base.build)
    for name, service in project.services.items():
        targets[name] = _target(f"apps/{name}", name, service.build)
    path = ROOT / ".moorage" / "bench" / "bake.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"group": {"default": {"targets": list(targets)}}, "target": targets}, indent=2))
    return path


def _target(folder: str, name: str, build: Any) -> dict[str, Any]:
    bases = {f"{base.upper().replace('-', '_')}_IMAGE": f"base-{base}" for base in build.bases}
    return {
        "context": str(ROOT),
        "dockerfile": f"{folder}/{build.dockerfile}",
        **({"target": build.target} if build.target else {}),
        "args": {**build.args, **bases},
        "contexts": {base: f"target:{base}" for base in bases.values()},
        **({"secret": [f"id=ca,src={ca}"]} if (ca := load_project(ROOT, "dev").target.ca) else {}),
        "tags": [f"127.0.0.1:5000/bench/{name}:latest"],
        "output": ["type=registry"],
    }


def _bake(path: Path, environment: dict[str, str]) -> float:
    buildx = Layout.of(ROOT).bin / "buildx"
    with timed() as seconds:
        command = [str(buildx), "bake", "--allow=fs=*", "--progress=plain", f"--file={path}"]
        result = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    if result.returncode:
        raise RuntimeError(result.stderr[-3000:])
    return seconds[0]


def _digest_of(name: str, environment: dict[str, str]) -> str:
    reference = f"127.0.0.1:5000/bench/{name}"
    command = [
        str(Layout.of(ROOT).bin / "buildx"),
        "imagetools",
        "inspect",
        f"{reference}:latest",
        "--format",
        "{{.Manifest.Digest}}",
    ]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return f"{reference}@{result.stdout.strip()}"


def _objects(stack: Stack) -> list[dict[str, Any]]:
    """Return the stack's Kubernetes objects as Pulumi sent them, moved to the bench's namespace."""
    exported = json.loads(stack.pulumi("stack", "export", "--show-secrets").stdout)
    found = []
    for resource in exported["deployment"]["resources"]:
        manifest = _plain(resource.get("inputs", {}))
        if not resource["type"].startswith("kubernetes:") or manifest.get("kind", "") in ("", *_SKIPPED):
            continue
        text = json.dumps(manifest).replace(f'"{stack.namespace}"', f'"{NAMESPACE}"')
        found.append(json.loads(text))
    return sorted(found, key=lambda manifest: manifest["kind"] != "Namespace")


def _plain(value: Any) -> Any:
    """Return a value of Pulumi's state without the wrapping of secrets and without Pulumi's own keys."""
    if isinstance(value, dict):
        if "plaintext" in value and "4dabf18193072939515e22adb298388d" in value:
            return _plain(json.loads(value["plaintext"]))
        return {key: _plain(item) for key, item in value.items() if not key.startswith("__")}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


def _apply(stack: Stack, objects: list[dict[str, Any]]) -> None:
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    stack.kubectl(f"--namespace={NAMESPACE}", "apply", "--server-side", "-f", "-", stdin=text)
    for manifest in objects:
        if manifest["kind"] in _WORKLOADS:
            target = f"{manifest['kind'].lower()}/{manifest['metadata']['name']}"
            stack.kubectl(f"--namespace={NAMESPACE}", "rollout", "status", target, "--timeout=180s")
