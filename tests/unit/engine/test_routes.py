"""Whether routes answer, asked of real servers on loopback, and where an ingress controller is found to run."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from moorage.engine import controller
from moorage.engine.routes import Answer, Route, ask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HOST = "quay.example"


@contextmanager
def ingress(answer: Callable[[str, str], tuple[int, str]]) -> Iterator[int]:
    """Serve what `answer` says of host and path, and yield the port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, text = answer(self.headers["Host"].partition(":")[0], self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the signature of the base class
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def asked(answer: Callable[[str, str], tuple[int, str]], *, path: str = "/", seconds: float = 0) -> Answer:
    with ingress(answer) as port:
        route = Route(service="web", scheme="http", host=HOST, port=port, path=path, address="127.0.0.1")
        return ask([route], seconds=seconds)[0]


@pytest.mark.parametrize("status", [200, 204, 301, 400, 401, 403, 405, 500])
def test_what_a_service_answers_itself_is_open_whatever_it_says(status: int) -> None:
    found = asked(lambda host, _: (status, "") if host == HOST else (404, "404 page not found"))
    assert (found.open, found.status) == (True, status)


@pytest.mark.parametrize("status", [502, 503, 504])
def test_what_a_controller_says_where_it_reaches_no_pod_is_not_open(status: int) -> None:
    found = asked(lambda *_: (status, "Bad Gateway"))
    assert not found.open
    assert str(status) in str(found)


def test_a_404_of_the_service_is_told_from_one_of_the_controller() -> None:
    assert asked(lambda host, _: (404, '{"detail":"Not Found"}' if host == HOST else "404 page not found\n")).open
    assert not asked(lambda *_: (404, "404 page not found\n")).open


def test_host_and_path_of_the_route_are_asked_for() -> None:
    heard = []

    def answer(host: str, path: str) -> tuple[int, str]:
        heard.append((host, path))
        return 200, ""

    asked(answer, path="/api")
    assert heard == [(HOST, "/api")]


def test_a_route_is_given_some_seconds_to_open() -> None:
    calls = []

    def answer(*_: str) -> tuple[int, str]:
        calls.append(time.monotonic())
        return (200, "") if len(calls) > 2 else (503, "no endpoints")

    assert asked(answer, seconds=10).open
    assert len(calls) == 3


def test_what_never_answers_ends_in_bounded_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        ports = [silent.getsockname()[1], closed.getsockname()[1]]
        routes = [
            Route(service="web", scheme=scheme, host=HOST, port=port, path="/", address="127.0.0.1")
            for port in ports
            for scheme in ("http", "https")
        ]
        began = time.monotonic()
        answers = ask(routes, seconds=1)
    assert time.monotonic() - began < 15
    assert not any(answer.open for answer in answers)
    assert all("does not answer" in str(answer) for answer in answers)


def test_a_url_is_as_one_types_it() -> None:
    route = Route(service="web", scheme="https", host=HOST, port=443, path="/api")
    assert route.url == "https://quay.example/api"
    assert Route(service="web", scheme="http", host=HOST, port=8080, path="/").url == "http://quay.example:8080/"


def pod(namespace: str, image: str, *, args: tuple[str, ...] = (), **labels: str) -> dict[str, Any]:
    named = {key.replace("__", "/").replace("_", "."): value for key, value in labels.items()}
    return {
        "metadata": {"namespace": namespace, "name": "p", "labels": named},
        "spec": {"containers": [{"name": "c", "image": image, "args": list(args)}]},
        "status": {"phase": "Running"},
    }


def ingress_class(controller_name: str, *, name: str = "nginx", release: str = "") -> dict[str, Any]:
    annotations = {"meta.helm.sh/release-namespace": release} if release else {}
    return {"metadata": {"name": name, "annotations": annotations}, "spec": {"controller": controller_name}}


OTHERS = [
    pod("shop", "nginx:1.29", app="web"),
    pod("kube-system", "registry.k8s.io/coredns:1.13", k8s_app="kube-dns"),
    pod("monitoring", "quay.io/prometheus/prometheus:v3", app="prometheus"),
]


@pytest.mark.parametrize(
    ("found_class", "its_pod"),
    [
        (
            ingress_class("k8s.io/ingress-nginx"),
            pod(
                "edge",
                "registry.k8s.io/ingress-nginx/controller:v1.14@sha256:0",
                args=("/nginx-ingress-controller", "--controller-class=k8s.io/ingress-nginx"),
                app_kubernetes_io__name="ingress-nginx",
            ),
        ),
        (
            ingress_class("k8s.io/ingress-nginx", release="edge"),
            pod("edge", "mirror.example/ingress-nginx/controller:v1", app_kubernetes_io__name="ingress-nginx"),
        ),
        (
            ingress_class("traefik.io/ingress-controller", name="traefik"),
            pod("edge", "docker.io/rancher/mirrored-library-traefik:3.6", app_kubernetes_io__name="traefik"),
        ),
        (
            ingress_class("k8s.io/ingress-nginx"),
            pod("edge", "traefik:3.7", args=("--providers.kubernetesingressnginx=true",), app="traefik"),
        ),
        (
            ingress_class("haproxy-ingress.github.io/controller", name="haproxy"),
            pod("edge", "quay.io/jcmoraisjr/haproxy-ingress:v0.15", app_kubernetes_io__name="haproxy-ingress"),
        ),
        (
            ingress_class("nginx.org/ingress-controller"),
            pod("edge", "nginx/nginx-ingress:5.3", args=("-ingress-class=nginx",), app="nginx-ingress"),
        ),
        (
            ingress_class("projectcontour.io/ingress-controller", name="contour"),
            pod("edge", "ghcr.io/projectcontour/contour:v1.33", app="contour"),
        ),
    ],
    ids=["ingress-nginx", "by its release", "Traefik", "Traefik for nginx", "HAProxy", "F5 NGINX", "Contour"],
)
def test_the_namespace_of_a_classs_controller_is_found(found_class: dict[str, Any], its_pod: dict[str, Any]) -> None:
    assert controller.running_in(found_class, [*OTHERS, its_pod]) == ["edge"]


def test_where_no_pod_is_the_controller_none_is_named() -> None:
    assert controller.running_in(ingress_class("example.com/gate"), OTHERS) == []
    leaving = pod("edge", "traefik:3", app="traefik") | {"status": {"phase": "Failed"}}
    assert controller.running_in(ingress_class("traefik.io/ingress-controller"), [*OTHERS, leaving]) == []
