"""The secrets of a stack are in the cluster's Secrets and nowhere else: no output, file, log, object or image shows one."""

from __future__ import annotations

import base64
import gzip
import json
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import yaml

from tests.support.checkout import Checkout
from tests.support.stack import ROOT, moorage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.live

STACK = "dev-secrets"
FIRST, SECOND, BUILDING = (f"canary{word}4kQ9zT7wLm" for word in ("First", "Second", "Building"))
"""The secret of a service, before and after a change, and one that a build mounts."""
MOUNT = """RUN --mount=type=secret,id=canary test "$(wc -c < /run/secrets/canary)" -ge 20
"""
LEAK = """

def _leak(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult:
    if args.name == "worker-deployment":
        secret = pulumi.Config().require_secret("apiKey")
        container = args.props["spec"]["template"]["spec"]["containers"][0]
        container["env"] = [{"name": "API_KEY", "value": secret}]
        container["args"] = ["--token", secret]
        link = pulumi.Output.concat("https://ada:", secret, "@example.com")
        args.props["metadata"]["annotations"]["link"] = link
    if args.name == "worker-config":
        args.props["data"] = {"API_KEY": pulumi.Config().require_secret("apiKey")}
    return pulumi.ResourceTransformResult(args.props, args.opts)


pulumi.runtime.register_resource_transform(_leak)
"""
KEEPING = {
    "disallow-literal-secrets-in-variables",
    "disallow-secrets-in-arguments",
    "disallow-secrets-in-annotations",
    "disallow-secrets-in-config-maps",
}
"""Policies that the leak above breaks."""


@dataclass(kw_only=True)
class Life:
    """A stack's life from its first preview on: what was printed, and the secrets that it had meanwhile."""

    checkout: Checkout
    printed: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    marks: dict[Path, int] = field(default_factory=dict)
    """How long each log of the platform was before."""

    def pulumi(self, title: str, *arguments: str, fails: bool = False) -> None:
        """Run Pulumi and keep what it printed."""
        result = self.checkout.run(*arguments, "--stack", STACK)
        self.printed[title] = result.stdout + result.stderr
        assert bool(result.returncode) == fails, self.printed[title][-6000:]

    def moorage(self, title: str, *arguments: str) -> None:
        """Run the command line and keep what it printed."""
        result = moorage(*arguments, cwd=self.checkout.root)
        self.printed[title] = result.stdout + result.stderr

    def note_secrets(self) -> None:
        """Remember what the cluster's Secrets hold."""
        for item in json.loads(self.checkout.kubectl("get", "secrets", "--output=json"))["items"]:
            for key, value in item["data"].items():
                text = base64.b64decode(value).decode()
                if key != "tls.crt":
                    self.secrets[f"{item['metadata']['name']}: {key}"] = telling(text)

    def shown(self, content: bytes) -> list[str]:
        """Return the names of the secrets that something holds, plainly or in base64."""
        return [name for name, value in self.secrets.items() if any(form in content for form in forms(value))]


def telling(text: str) -> str:
    """Return the part of a secret that tells it from all else: of a key in PEM a line, of others everything."""
    lines = text.strip().splitlines()
    return lines[len(lines) // 2] if len(lines) > 1 else text


def forms(value: str) -> list[bytes]:
    """Return a value as it is and as base64 has it, wherever in a text it stands."""
    encoded = [base64.b64encode(b" " * before + value.encode())[4 if before else 0 : -4] for before in range(3)]
    return [value.encode(), *encoded]


def prepared(checkout: Checkout) -> None:
    """Give the stack secrets of every kind, and no more services than are needed for it."""
    root = checkout.root
    path = root / f"Pulumi.{STACK}.yaml"
    settings = yaml.safe_load(path.read_text())
    config = settings["config"]
    config["moorage:services"]["frontend"]["run"] = False
    config["moorage:ingress"] = {"host": f"{STACK}.localhost", "tls": {"selfSigned": True}}
    config["moorage:buildSecrets"] = {"canary": "canary.txt"}
    path.write_text(yaml.safe_dump(settings))
    (root / "canary.txt").write_text(BUILDING)
    dockerfile = root / "apps/worker/Dockerfile"
    text = dockerfile.read_text()
    stage = "FROM ${PYTHON_BUILD_IMAGE} AS source\n"
    assert stage in text
    dockerfile.write_text(text.replace(stage, stage + MOUNT))
    service = root / "apps/worker/service.yaml"
    service.write_text(f"{service.read_text()}\nsecrets:\n  API_KEY: apiKey\n")
    set_key(checkout, FIRST)


def set_key(checkout: Checkout, value: str) -> None:
    checkout.pulumi("config", "set", "--secret", "moorage:apiKey", value, "--stack", STACK)


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    """A stack of its own, previewed, brought up, changed and misused."""
    moorage("platform", "start")
    checkout = Checkout.copied(tmp_path_factory.mktemp("secrets"), STACK, judged=True)
    life = Life(checkout=checkout, secrets={"first": FIRST, "second": SECOND, "building": BUILDING})
    life.marks = {path: path.stat().st_size for path in logs()}
    try:
        prepared(checkout)
        live(life)
        yield life
    finally:
        checkout.down()


def live(life: Life) -> None:
    checkout = life.checkout
    life.pulumi("the first preview", "preview", "--diff", "--save-plan", "plan.json")
    life.pulumi("the first update", "up", "--yes", "--skip-preview", "--diff")
    life.note_secrets()
    set_key(checkout, SECOND)
    life.pulumi("a preview of a change", "preview", "--diff")
    life.pulumi("a preview of a change as JSON", "preview", "--json")
    life.pulumi("a change", "up", "--yes", "--skip-preview", "--diff")
    life.note_secrets()
    page = checkout.root / "__main__.py"
    text = page.read_text()
    page.write_text(f"import pulumi\n{LEAK}{text}")
    life.pulumi("a preview of a leak", "preview", "--diff", fails=True)
    page.write_text(text)
    life.pulumi("the outputs", "stack", "output", "--json")
    life.pulumi("the state", "stack", "export")
    life.pulumi("the configuration", "config")
    life.moorage("the report", "report", STACK, "--json")


def logs() -> list[Path]:
    return [path for path in (ROOT / ".moorage/platform/logs").rglob("*") if path.is_file()]


def test_there_are_secrets_of_every_kind_and_each_is_found_where_it_is(life: Life) -> None:
    kinds = {name.partition(": ")[2] for name in life.secrets} - {""}
    assert len(life.secrets) >= 8, sorted(life.secrets)
    assert {"API_KEY", "tls.key"} <= kinds
    assert all(len(value) >= 20 for value in life.secrets.values()), sorted(life.secrets)
    there = life.checkout.kubectl("get", "secrets", "--output=json")
    names = {item["metadata"]["name"] for item in json.loads(there)["items"]}
    current = {name for name in life.secrets if name.partition(": ")[0] in names}
    assert {name.rpartition("-")[0] for name in names} == {name.rpartition("-")[0] for name in life.secrets} - {""}
    assert {*current, "second"} - set(life.shown(there.encode())) == set()
    assert "first" not in life.shown(there.encode())
    assert life.shown((life.checkout.root / "canary.txt").read_bytes()) == ["building"]


def test_nothing_that_is_printed_shows_one(life: Life) -> None:
    assert {policy for policy in KEEPING if policy not in life.printed["a preview of a leak"]} == set()
    assert "[secret]" in life.printed["a preview of a change"]
    assert {title: found for title, text in life.printed.items() if (found := life.shown(text.encode()))} == {}


def test_no_file_of_the_checkout_shows_one(life: Life) -> None:
    root = life.checkout.root
    own = [path for path in (root / ".moorage").rglob("*") if path.is_file() and not path.is_symlink()]
    names = {path.name for path in own}
    assert f"{STACK}.json" in names, "the state"
    files = [*own, root / "plan.json", root / f"Pulumi.{STACK}.yaml"]
    assert {path for path in files if life.shown(path.read_bytes())} == set()


def test_no_object_or_log_of_the_cluster_shows_one(life: Life) -> None:
    checkout = life.checkout
    kinds = set(checkout.kubectl("api-resources", "--verbs=list", "--namespaced", "--output=name").split())
    readable = ",".join(sorted(kinds - {"secrets"}))
    objects = json.loads(checkout.kubectl("get", readable, "--output=json", "--show-managed-fields"))["items"]
    assert {"ConfigMap", "Event", "Pod", "ReplicaSet", "StatefulSet", "Ingress"} <= {one["kind"] for one in objects}
    assert [one["kind"] for one in objects if life.shown(json.dumps(one).encode())] == []
    pods = [one["metadata"]["name"] for one in objects if one["kind"] == "Pod"]
    told = {name: checkout.kubectl("logs", name, "--all-containers") for name in pods}
    assert any(told.values())
    assert {name for name, text in told.items() if life.shown(text.encode())} == set()


def test_no_log_of_the_platform_shows_one(life: Life) -> None:
    found = set()
    for path in logs():
        with path.open("rb") as file:
            file.seek(life.marks.get(path, 0))
            if life.shown(file.read()):
                found.add(path.name)
    assert found == set()


def test_no_layer_configuration_or_history_of_an_image_shows_one(life: Life) -> None:
    images: dict[str, str] = json.loads(life.printed["the outputs"])["images"]
    assert images.keys() == {"backend", "worker"}
    found, layers = set(), 0
    for name, reference in images.items():
        for kind, content in blobs(reference):
            layers += "layer" in kind
            if life.shown(content):
                found.add((name, kind))
    assert layers >= 6
    assert found == set()
    command = ["buildx", "history", "ls", "--builder", "moorage", "--format", "json"]
    listed = subprocess.run(command, env=dict(life.checkout.environment), capture_output=True, check=True).stdout
    assert life.shown(listed) == []


def blobs(reference: str) -> Iterator[tuple[str, bytes]]:
    """Yield media type and content, not compressed, of all that an image consists of."""
    address, _, digest = reference.partition("@")
    host, _, repository = address.partition("/")
    with httpx.Client(base_url=f"http://{host}/v2/{repository}/", trust_env=False, timeout=30) as client:
        pending: list[dict[str, Any]] = [{"digest": digest, "mediaType": "manifest"}]
        while pending:
            part = pending.pop()
            kind = part["mediaType"]
            path = "manifests" if "manifest" in kind or "index" in kind else "blobs"
            accept = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json"
            answer = client.get(
                f"{path}/{part['digest']}", headers={"Accept": accept if path == "manifests" else "*/*"}
            )
            content = answer.raise_for_status().content
            yield kind, gzip.decompress(content) if kind.endswith("gzip") else content
            if path == "manifests":
                found = json.loads(content)
                pending += [*found.get("manifests", []), *found.get("layers", [])]
                pending += [found["config"]] if "config" in found else []
