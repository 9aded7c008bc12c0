"""Whether a user's own cluster, registry and builder answer, asked of real sockets on loopback."""

from __future__ import annotations

import json
import os
import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from moorage.base.errors import MoorageError
from moorage.cli.sessions import session_for
from moorage.engine import preflight

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.unit.config_samples import Monorepo


@contextmanager
def answering(status: int) -> Iterator[str]:
    """Serve one status to every GET and yield the address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the signature of the base class
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def closed() -> Iterator[str]:
    """Yield an address that is bound by nobody else and on which nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{bound.getsockname()[1]}"


@pytest.fixture(autouse=True)
def direct(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy of the machine's."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture
def instances(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which buildx describes builders."""
    monkeypatch.setenv("BUILDX_CONFIG", str(tmp_path / "buildx"))
    folder = tmp_path / "buildx" / "instances"
    folder.mkdir(parents=True)
    return folder


def describe(instances: Path, *endpoints: str, name: str = "mine") -> None:
    nodes = [{"Name": f"{name}{index}", "Endpoint": endpoint} for index, endpoint in enumerate(endpoints)]
    (instances / name).write_text(json.dumps({"Name": name, "Driver": "remote", "Nodes": nodes}))


@pytest.mark.parametrize("status", [200, 401])
def test_a_registry_answers_with_or_without_a_login(status: int) -> None:
    with answering(status) as address:
        assert preflight.registry(f"{address}/acme/harbour") is None


def test_what_answers_otherwise_is_no_registry() -> None:
    with answering(404) as address:
        problem = preflight.registry(address)
    assert problem is not None
    assert problem.what == "no registry at this address"
    assert "404" in str(problem.why)


def test_a_closed_port_is_a_registry_that_does_not_answer() -> None:
    with closed() as address:
        problem = preflight.registry(f"{address}/acme")
    assert problem is not None
    assert problem.where == f"http://{address}/v2/"
    assert "registry.address" in str(problem.remedy)


@pytest.mark.parametrize("address", ["127.0.0.1:99999", "a..b/acme", "localhost:0", "127.0.0.1:00"])
def test_an_address_that_cannot_be_is_told_and_never_raised(address: str) -> None:
    problem = preflight.registry(address)
    assert problem is not None
    assert problem.why


@pytest.mark.parametrize("host", ["localhost.example.invalid", "127.example.invalid", "ghcr.example.invalid"])
def test_only_loopback_is_spoken_to_without_tls(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with closed() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy}")  # so that nothing leaves this machine
        problem = preflight.registry(f"{host}/acme")
    assert problem is not None
    assert problem.where == f"https://{host}/v2/"


def test_a_builder_that_listens_is_fine_on_tcp_and_on_a_socket(instances: Path, tmp_path: Path) -> None:
    path = tmp_path / "b.sock"
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(path))
        unix.listen()
        describe(instances, f"tcp://127.0.0.1:{tcp.getsockname()[1]}", f"unix://{path}", "desktop-linux")
        assert preflight.builder("mine") is None


def test_one_node_that_does_not_listen_is_named(instances: Path, tmp_path: Path) -> None:
    path = tmp_path / "b.sock"
    with socket.create_server(("127.0.0.1", 0)) as tcp:
        describe(instances, f"tcp://127.0.0.1:{tcp.getsockname()[1]}", f"unix://{path}")
        problem = preflight.builder("mine")
    assert problem is not None
    assert (problem.where, problem.why) == (f"unix://{path}", "No such file or directory")
    with closed() as address:
        describe(instances, f"tcp://{address}")
        problem = preflight.builder("mine")
    assert problem is not None
    assert (problem.where, problem.why) == (f"tcp://{address}", "Connection refused")


@pytest.mark.parametrize("endpoint", ["tcp://127.0.0.1:99999", "tcp://[::1", "tcp://127.0.0.1:port"])
def test_an_endpoint_that_is_no_address_is_told_and_never_raised(instances: Path, endpoint: str) -> None:
    describe(instances, endpoint)
    problem = preflight.builder("mine")
    assert problem is not None
    assert problem.where == endpoint
    assert problem.why


def test_an_unknown_builder_is_met_with_those_that_there_are(instances: Path) -> None:
    describe(instances, "desktop-linux", name="other")
    problem = preflight.builder("mine")
    assert problem is not None
    assert problem.why == "the builders there are other"
    assert "docker buildx create --name mine" in str(problem.remedy)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", '{"Nodes": null}', '{"Nodes": [{}]}', '{"Nodes": [1]}'])
def test_a_damaged_description_is_told_and_never_raised(instances: Path, text: str) -> None:
    (instances / "mine").write_text(text)
    problem = preflight.builder("mine")
    assert problem is not None
    assert problem.what == "the builder's description is damaged"
    assert problem.remedy


@pytest.mark.parametrize(
    ("variables", "folder"),
    [
        ({"BUILDX_CONFIG": "a", "DOCKER_CONFIG": "b"}, "a"),
        ({"DOCKER_CONFIG": "b"}, "b/buildx"),
        ({}, ".docker/buildx"),
    ],
)
def test_builders_are_looked_for_where_buildx_keeps_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], folder: str
) -> None:
    for name in ("BUILDX_CONFIG", "DOCKER_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name, value in variables.items():
        monkeypatch.setenv(name, str(tmp_path / value))
    problem = preflight.builder("mine")
    assert problem is not None
    assert problem.where == str(tmp_path / folder / "instances")


def of_ones_own(monorepo: Monorepo, cluster: str, registry: str) -> None:
    kubeconfig = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": f"http://{cluster}"}}],
        "contexts": [{"name": "mine", "context": {"cluster": "c", "user": "u"}}],
        "users": [{"name": "u", "user": {}}],
    }
    monorepo.write("kubeconfig", json.dumps(kubeconfig))
    monorepo.add(
        "Pulumi.dev.yaml",
        f"  moorage:cluster: {{context: mine, kubeconfig: kubeconfig}}\n"
        f"  moorage:registry: {{address: {registry}/acme}}\n  moorage:builder: mine\n",
    )


def test_all_three_are_asked_and_each_that_does_not_answer_is_told(monorepo: Monorepo, instances: Path) -> None:
    with closed() as address:
        of_ones_own(monorepo, address, address)
        with pytest.raises(MoorageError) as caught:
            preflight.check(session_for(monorepo.load()))
    assert [problem.what for problem in caught.value.problems] == [
        "the cluster does not answer",
        "the registry does not answer",
        "no buildx builder named mine",
    ]
    cluster = caught.value.problems[0]
    assert cluster.where == f"context mine of {monorepo.root}/kubeconfig"
    assert "refused" in str(cluster.why)


def test_nothing_is_said_where_all_three_answer(monorepo: Monorepo, instances: Path) -> None:
    with answering(200) as address:
        describe(instances, f"tcp://{address}")
        of_ones_own(monorepo, address, address)
        preflight.check(session_for(monorepo.load()))
