"""Images' own configurations: read from a registry that speaks the real protocol, judged beside the pods that run them.

The registry here is a small server on the loopback; test_built_images.py reads what BuildKit pushes to the platform's.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from moorage.policy.image_configs import ConfigReader
from moorage.policy.objects import IMAGE
from moorage.policy.session import Session
from tests.policy.harness import Manifest, web
from tests.policy.test_analyzer import Context, analyze, request, server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
GOOD: dict[str, Any] = {
    "config": {"User": "10001:10001", "ExposedPorts": {"8080/tcp": {}}, "Entrypoint": ["/app"], "Env": ["PATH=/bin"]},
    "history": [{"created_by": "COPY /app /app # buildkit"}],
}


@dataclass
class Registry:
    """Blobs and manifests by digest; ``login`` asks for a token first, ``answer`` replaces every answer."""

    address: str = ""
    contents: dict[str, bytes] = field(default_factory=dict)
    login: str | None = None
    answer: bytes | None = None
    asked: list[str] = field(default_factory=list)

    def keep(self, value: Any) -> str:
        content = json.dumps(value).encode()
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        self.contents[digest] = content
        return digest

    def push(self, config: dict[str, Any], *, index: bool = False, size: int = 1000) -> str:
        """Keep an image and return its reference."""
        manifest: dict[str, Any] = {
            "mediaType": MANIFEST,
            "config": {"digest": self.keep(config)},
            "layers": [{"size": size}],
        }
        digest = self.keep(manifest)
        if index:
            attestation = {"digest": self.keep({}), "platform": {"os": "unknown"}}
            image = {"digest": digest, "platform": {"os": "linux"}}
            digest = self.keep({"mediaType": INDEX, "manifests": [attestation, image]})
        return f"{self.address}/team/web@{digest}"


@pytest.fixture
def registry() -> Iterator[Registry]:
    made = Registry()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.asked.append(self.path)
            status, headers, body = respond(made, self.path, self.headers.get("Authorization", ""))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None: ...

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.address = f"127.0.0.1:{listening.server_port}"
    threading.Thread(target=listening.serve_forever, args=(0.01,), daemon=True).start()
    yield made
    listening.shutdown()
    listening.server_close()


def respond(registry: Registry, path: str, authorization: str) -> tuple[int, dict[str, str], bytes]:
    if registry.answer is not None:
        return 200, {}, registry.answer
    if path.startswith("/token"):
        right = authorization == f"Basic {registry.login}"
        return (200, {}, b'{"token": "let-me-in"}') if right else (403, {}, b"")
    if registry.login is not None and authorization != "Bearer let-me-in":
        challenge = f'Bearer realm="http://{registry.address}/token",service="r",scope="repository:team/web:pull"'
        return 401, {"WWW-Authenticate": challenge}, b""
    content = registry.contents.get(path.rpartition("/")[2])
    return (200, {"Content-Type": MANIFEST}, content) if content is not None else (404, {}, b"")


@pytest.mark.parametrize("index", [False, True], ids=["single", "index"])
def test_a_configuration_is_read_once_of_a_manifest_or_of_the_linux_image_of_an_index(
    registry: Registry, index: bool
) -> None:
    reference = registry.push(GOOD, index=index, size=4096)
    reader = ConfigReader()
    assert reader.read(reference) == GOOD | {"size": 4096}
    before = len(registry.asked)
    assert reader.read(reference) == GOOD | {"size": 4096}
    assert len(registry.asked) == before


def test_a_login_is_exchanged_for_a_token_where_the_registry_asks_for_one(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.login = base64.b64encode(b"anna:let me").decode()
    reference = registry.push(GOOD)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    assert ConfigReader().read(reference) is None
    (tmp_path / "config.json").write_text(json.dumps({"auths": {registry.address: {"auth": registry.login}}}))
    assert ConfigReader().read(reference) == GOOD | {"size": 1000}


@pytest.mark.parametrize("answer", [b"", b"{", b"[]", b"null", b"{}", b'{"config": 1}', b'{"manifests": [3]}', b"\xff"])
def test_an_odd_answer_is_no_configuration_and_ends_the_asking(registry: Registry, answer: bytes) -> None:
    registry.answer = answer
    reader = ConfigReader()
    assert reader.read(f"{registry.address}/team/web@sha256:{'0' * 64}") is None
    before = len(registry.asked)
    assert reader.read(f"{registry.address}/team/other@sha256:{'1' * 64}") is None
    assert len(registry.asked) == before


def test_a_registry_that_does_not_answer_and_an_image_without_digest_are_no_configuration() -> None:
    assert ConfigReader().read(f"127.0.0.1:9/team/web@sha256:{'0' * 64}") is None
    assert ConfigReader().read("127.0.0.1:9/team/web:1.4.2") is None


def image(registry: Registry) -> Manifest:
    return {"kind": IMAGE, "metadata": {"name": "web"}, "push": True, "tags": [f"{registry.address}/team/web:1"]}


@pytest.mark.parametrize(
    ("change", "policy"),
    [
        ({"User": ""}, "require-images-with-numeric-user"),
        ({"User": "0:0"}, "require-images-with-numeric-user"),
        ({"User": "app"}, "require-images-with-numeric-user"),
        ({"User": "4711"}, "prefer-users-of-images"),
        ({"ExposedPorts": {"9090/tcp": {}}}, "prefer-ports-of-images"),
        ({"Entrypoint": ["/bin/sh", "-c", "/app --port 8080"]}, "disallow-shell-form-entrypoints"),
        ({"Entrypoint": None, "Cmd": ["sh", "-c", "/app"]}, "disallow-shell-form-entrypoints"),
        ({"Env": ["DATABASE_PASSWORD=correct horse"]}, "disallow-secrets-in-images"),
        ({"Labels": {"api-token": "correct horse"}}, "disallow-secrets-in-images"),
    ],
    ids=str,
)
def test_a_pod_is_judged_by_the_configuration_of_an_image_that_the_stack_builds(
    registry: Registry, change: dict[str, Any], policy: str
) -> None:
    analyzer = server()
    analyze(analyzer, image(registry))
    assert analyze(analyzer, web(c__image=registry.push(GOOD))) == {}
    broken = web(c__image=registry.push({**GOOD, "config": GOOD["config"] | change}))
    assert set(analyze(analyzer, broken)) == {policy}


@pytest.mark.parametrize(
    "step",
    [
        "RUN |1 NPM_TOKEN=p4ss-word /bin/sh -c npm ci # buildkit",
        'ENV API_KEY="p4ss-word"',
        "RUN /bin/sh -c curl https://anna:p4ss-word@example.com/app # buildkit",
    ],
)
def test_a_secret_in_the_history_is_found_and_not_shown(registry: Registry, step: str) -> None:
    analyzer = server()
    analyze(analyzer, image(registry))
    reference = registry.push(GOOD | {"history": [{"created_by": "ADD file:0 in /"}, {"created_by": step}]})
    (found,) = analyzer.Analyze(request(web(c__image=reference)), Context()).diagnostics
    assert "step 2 of its history" in found.message
    assert "p4ss-word" not in found.message


@pytest.mark.parametrize(
    "config",
    [
        {"Entrypoint": ["/bin/sh", "-c", "exec /app"]},
        {"Entrypoint": ["/usr/bin/sh", "/usr/local/bin/start"]},
        {"Entrypoint": ["/app"], "Cmd": ["-c", "conf"]},
        {"ExposedPorts": {}},
    ],
    ids=str,
)
def test_what_only_resembles_a_mistake_passes(registry: Registry, config: dict[str, Any]) -> None:
    analyzer = server()
    analyze(analyzer, image(registry))
    assert analyze(analyzer, web(c__image=registry.push({**GOOD, "config": GOOD["config"] | config}))) == {}


def test_an_image_that_the_stack_does_not_build_is_not_asked_for(registry: Registry) -> None:
    assert analyze(server(), web(c__image=registry.push(GOOD | {"config": {"User": ""}}))) == {}
    assert registry.asked == []


def test_a_configuration_that_cannot_be_read_is_listed_as_unjudged(registry: Registry) -> None:
    session = Session()
    analyzer = server(session=session)
    analyze(analyzer, image(registry))
    reference = f"{registry.address}/team/web@sha256:{'0' * 64}"
    assert analyze(analyzer, web(c__image=reference)) == {}
    assert {path for _, path, _ in session.unjudged} == {"spec.template.spec.containers[0].image"}
