"""The registry client, asked for what a real server on loopback has."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from moorage.base.errors import MoorageError
from moorage.base.image_reference import ImageReference
from moorage.base.registry import MOST_JSON_BYTES, Registry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOGIN = base64.b64encode(b"anna:s3cret").decode()


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


LAYER = b"layer" * 50_000
CONFIG = json.dumps({"architecture": "amd64"}).encode()
MANIFEST = json.dumps(
    {"config": {"digest": digest(CONFIG)}, "layers": [{"digest": digest(LAYER), "size": len(LAYER)}]}
).encode()
INDEX = json.dumps(
    {
        "manifests": [
            {"digest": digest(MANIFEST), "platform": {"os": "linux"}},
            {"digest": "sha256:0", "platform": {"os": "unknown"}},
        ]
    }
).encode()


class Server(ThreadingHTTPServer):
    """A registry with one image, that asks for what ``scheme`` says."""

    scheme = ""
    damaged = False
    elsewhere = ""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, str]] = []

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        token = self.headers.get("Authorization", "")
        self.server.asked.append((self.path, token))
        parts = urlsplit(self.path)
        if parts.path == "/token":
            ok = token == f"Basic {LOGIN}" and parse_qs(parts.query)["service"] == ["a, b"]
            self.answer(json.dumps({"access_token" if ok else "none": "letmein"}).encode())
        elif self.server.scheme and token not in ("Bearer letmein", f"Basic {LOGIN}"):
            realm = f'realm="http://{self.server.host}/token",service="a, b",scope="repository:app:pull"'
            self.answer(b"{}", 401, {"WWW-Authenticate": f"{self.server.scheme} {realm}"})
        elif self.server.elsewhere and "/blobs/" in parts.path:
            self.answer(b"", 307, {"Location": f"http://{self.server.elsewhere}{self.path}"})
        else:
            self.content(parts.path.rpartition("/")[2])

    def content(self, name: str) -> None:
        found = {"v1": INDEX, digest(INDEX): INDEX, digest(MANIFEST): MANIFEST, digest(CONFIG): CONFIG}
        found |= {digest(LAYER): LAYER, "": b"{}", "huge": b"[" * (MOST_JSON_BYTES + 1), "list": b"[]"}
        if name not in found:
            self.answer(b"{}", 404)
            return
        content = found[name] + (b" " if self.server.damaged else b"")
        if "Range" in self.headers:
            self.answer(content[-int(self.headers["Range"].rpartition("-")[2]) :], 206)
        else:
            self.answer(content)

    def answer(self, content: bytes, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the signature of the base class
        pass


@contextmanager
def serving() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


def client(tmp_path: Path, config: dict[str, Any] | str | None = None) -> Registry:
    if config is not None:
        (tmp_path / "config.json").write_text(config if isinstance(config, str) else json.dumps(config))
    return Registry({"DOCKER_CONFIG": str(tmp_path), "PATH": str(tmp_path)}, seconds=10)


def image(server: Server, version: str = ":v1") -> ImageReference:
    return ImageReference.parse(f"{server.host}/app{version}")


def test_an_image_is_read_from_its_index_to_its_layers(server: Server, tmp_path: Path) -> None:
    registry, reference = client(tmp_path), image(server)
    (manifest,) = registry.manifests(reference)
    assert (manifest.digest, manifest.packed_bytes) == (digest(MANIFEST), len(LAYER))
    assert registry.document(reference, manifest.data["config"]["digest"]) == {"architecture": "amd64"}
    with registry.blob(reference, digest(LAYER)) as file:
        assert file.read() == LAYER
    assert registry.tail(reference, digest(LAYER), 4) == LAYER[-4:]
    assert registry.manifests(image(server, f"@{digest(MANIFEST)}"))[0].data == manifest.data


@pytest.mark.parametrize("scheme", ["Basic", "Bearer", "bearer"])
def test_logins_of_docker_are_given_where_they_are_asked_for(server: Server, tmp_path: Path, scheme: str) -> None:
    server.scheme = scheme
    assert client(tmp_path).speaks(server.host) == 401
    with pytest.raises(MoorageError, match="refuses to give the image"):
        client(tmp_path).manifests(image(server))
    registry = client(tmp_path, {"auths": {server.host: {"auth": LOGIN}}})
    assert registry.manifests(image(server))[0].digest == digest(MANIFEST)
    count = len(server.asked)
    registry.document(image(server), digest(CONFIG))
    assert len(server.asked) == count + 1, "the token is asked for once"


def test_a_credential_helper_is_asked(server: Server, tmp_path: Path) -> None:
    server.scheme = "Bearer"
    helper = tmp_path / "docker-credential-mine"
    helper.write_text('#!/bin/sh\necho \'{"Username": "anna", "Secret": "s3cret"}\'\n')
    helper.chmod(0o755)
    registry = client(tmp_path, {"credsStore": "mine"})
    assert registry.manifests(image(server))[0].digest == digest(MANIFEST)


@pytest.mark.parametrize("config", ["", "[]", '{"auths": null}', '{"auths": {"h": 1}}', '{"credHelpers": []}', "\0"])
def test_a_damaged_docker_config_is_as_good_as_none(server: Server, tmp_path: Path, config: str) -> None:
    server.scheme = "Bearer"
    with pytest.raises(MoorageError, match="refuses to give the image"):
        client(tmp_path, config.replace('"h"', f'"{server.host}"')).manifests(image(server))


def test_a_storage_that_blobs_are_kept_in_is_not_told_the_login(server: Server, tmp_path: Path) -> None:
    server.scheme = "Basic"
    with serving() as storage:
        server.elsewhere = storage.host
        registry = client(tmp_path, {"auths": {server.host: {"auth": LOGIN}}})
        with registry.blob(image(server), digest(LAYER)) as file:
            assert file.read() == LAYER
        assert storage.asked == [(f"/v2/app/blobs/{digest(LAYER)}", "")]


def test_what_is_damaged_on_the_way_is_refused(server: Server, tmp_path: Path) -> None:
    server.damaged = True
    registry, reference = client(tmp_path), image(server)
    for ask in (
        lambda: registry.manifests(reference),
        lambda: registry.manifests(image(server, f"@{digest(INDEX)}")),
        lambda: registry.document(reference, digest(CONFIG)),
        lambda: registry.blob(reference, digest(LAYER)),
    ):
        with pytest.raises(MoorageError, match="sent something else"):
            ask()


@pytest.mark.parametrize(
    ("version", "words"),
    [(":v2", "does not have the image"), (":huge", "is not an image"), (":list", "is not an image")],
)
def test_what_cannot_be_had_is_told(server: Server, tmp_path: Path, version: str, words: str) -> None:
    with pytest.raises(MoorageError, match=words):
        client(tmp_path).manifests(image(server, version))


def test_a_registry_that_is_silent_is_told(tmp_path: Path) -> None:
    with serving() as gone:
        host = gone.host
    for ask in (lambda: client(tmp_path).speaks(host), lambda: client(tmp_path).manifests(image(gone))):
        with pytest.raises(MoorageError, match="does not answer") as caught:
            ask()
        assert "refused" in str(caught.value)


@pytest.mark.parametrize("host", ["in valid", "127.0.0.1:99999", "127.0.0.1:x"])
def test_an_address_that_is_none_is_told(tmp_path: Path, host: str) -> None:
    with pytest.raises(MoorageError, match="does not answer"):
        client(tmp_path).speaks(host)


def test_no_proxy_stands_between_this_machine_and_itself(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert client(tmp_path).speaks(server.host) == 200
