"""Whether a stack's routes answer: each asked once through its ingress, and why one does not."""

from __future__ import annotations

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

from moorage.base.errors import Problem
from moorage.engine import kubectl

if TYPE_CHECKING:
    from moorage.config.project import Project
    from moorage.engine.session import Session

SECONDS = 30.0
"""How long a route is given: endpoints and the controller's own settings may be a moment behind."""
ATTEMPT_SECONDS = 5.0
POLL_SECONDS = 0.5
_LOOPBACK = "127.0.0.1"
_NOT_FOUND = 404
_BAD_GATEWAY, _UNAVAILABLE, _TIMEOUT = 502, 503, 504
_NO_ROUTE_HOST = "no-such-route.moorage.invalid"
_READ = 500
"""Bytes of an answer that are compared."""


@dataclass(frozen=True, kw_only=True)
class Route:
    """Where a service answers through the ingress."""

    service: str
    scheme: str
    host: str
    port: int
    path: str
    address: str = ""
    """What is connected to instead of the host's own address: loopback, or the ingress' own address."""

    @property
    def url(self) -> str:
        """As a person would type it."""
        usual = {"http": 80, "https": 443}[self.scheme]
        return f"{self.scheme}://{self.host}{'' if self.port == usual else f':{self.port}'}{self.path}"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came of asking a route: a status, or why there is none."""

    route: Route
    status: int = 0
    error: str = ""
    by_controller: bool = False
    """Whether the ingress controller answered itself, having no such route."""

    @property
    def open(self) -> bool:
        """Whether the service answered, whatever it said."""
        refused = self.status in (_BAD_GATEWAY, _UNAVAILABLE, _TIMEOUT) or self.by_controller
        return not self.error and not refused

    def __str__(self) -> str:
        """Return it as people say it."""
        said = self.error or f"answers {self.status}{' (from the ingress controller)' if self.by_controller else ''}"
        return f"{self.route.url} {said}"


def routes_of(session: Session, project: Project) -> list[Route]:
    """Return the route of each service that has one; on a cluster of the user's own where its host leads, or else its ingress."""
    target, settings = project.target, project.settings.ingress
    scheme = "https" if settings.tls else "http"
    port = target.https_port if settings.tls else target.http_port
    found = []
    addresses: dict[str, str] = {}
    for name, service in project.services.items():
        if service.route is None:
            continue
        host = service.route.host or settings.host
        if host not in addresses:
            addresses[host] = _LOOPBACK if target.embedded else _ingress_address(session, project, host)
        found.append(
            Route(service=name, scheme=scheme, host=host, port=port, path=service.route.path, address=addresses[host])
        )
    return found


def ask(routes: list[Route], *, seconds: float = SECONDS) -> list[Answer]:
    """Ask every route at once, again and again for ``seconds`` while it is not open; return what each said last."""
    if not routes:
        return []
    with ThreadPoolExecutor(max_workers=min(len(routes), 16)) as pool:
        return list(pool.map(lambda route: _until_open(route, time.monotonic() + seconds), routes))


def problems(
    session: Session, project: Project, answers: list[Answer], misplaced: Problem | None = None
) -> list[Problem]:
    """Return a problem for each route that is not open, with the likely cause as the cluster tells it.

    ``misplaced`` is what is known of a controller that the network policies do not let in.
    """
    closed = [answer for answer in answers if not answer.open]
    return [_problem(session, project, answer, misplaced) for answer in closed]


def _problem(session: Session, project: Project, answer: Answer, misplaced: Problem | None) -> Problem:
    route = answer.route
    what = f"the route of {route.service} " + (answer.error or f"answers {answer.status}")
    if misplaced is not None:
        return Problem(what=what, where=route.url, why=misplaced.why, remedy=misplaced.remedy)
    if not _ready_pods(session, project, route.service):
        return Problem(
            what=what,
            where=route.url,
            why=f"no pod of {route.service} is ready",
            remedy=f"kubectl get pods --namespace {project.namespace} shows their state; `moorage up` brings back what is missing",
        )
    if answer.by_controller or answer.status == _NOT_FOUND:
        return Problem(
            what=f"{what} by the ingress controller",
            where=route.url,
            why="the controller has no route for this host and path",
            remedy=f"check that ingress.className ({project.settings.ingress.class_name}) is the IngressClass of the controller at "
            f"this address: kubectl get ingressclass",
        )
    if answer.error:
        return Problem(
            what=what,
            where=route.url,
            why=f"nothing answered at {route.address or route.host}, port {route.port}",
            remedy="check that the host name resolves to the ingress controller (DNS, load balancer, firewall): "
            f"kubectl get ingress --namespace {project.namespace} shows its address",
        )
    return Problem(
        what=what,
        where=route.url,
        why="the ingress controller does not reach the service's pods, though they are ready",
        remedy=f"check the network policies (kubectl get networkpolicy --namespace {project.namespace}) and the controller's log",
    )


def _until_open(route: Route, deadline: float) -> Answer:
    while True:
        answer = _asked(route)
        if answer.open or time.monotonic() + POLL_SECONDS >= deadline:
            return answer
        time.sleep(POLL_SECONDS)


def _asked(route: Route) -> Answer:
    try:
        answer = _get(route, route.host)
        if answer.status_code != _NOT_FOUND:
            return Answer(route=route, status=answer.status_code)
        # A service may well say 404 of its own; the controller says the same of a host that it does not know.
        other = _get(route, _NO_ROUTE_HOST)
    except httpx.TimeoutException:
        return Answer(route=route, error=f"does not answer within {ATTEMPT_SECONDS:.0f} s")
    except (httpx.HTTPError, OSError) as error:
        return Answer(route=route, error=f"does not answer: {error or type(error).__name__}")
    alike = (other.status_code, other.content[:_READ]) == (answer.status_code, answer.content[:_READ])
    return Answer(route=route, status=answer.status_code, by_controller=alike)


def _get(route: Route, host: str) -> httpx.Response:
    """Ask for a route's path under a host's name, at the route's address."""
    usual = {"http": 80, "https": 443}[route.scheme]
    named = host if route.port == usual else f"{host}:{route.port}"
    # A certificate may be signed by the stack itself: whether it is trusted is not the question here.
    with httpx.Client(verify=False, trust_env=not route.address, timeout=ATTEMPT_SECONDS) as client:  # noqa: S501
        request = client.build_request(
            "GET",
            f"{route.scheme}://{_bracketed(route.address or route.host)}:{route.port}{route.path}",
            headers={"Host": named, "User-Agent": "moorage"},
            extensions={"sni_hostname": host},
        )
        return client.send(request)


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _ingress_address(session: Session, project: Project, host: str) -> str:
    """Return where the stack's ingress is reached, where the host's own name leads nowhere; else empty."""
    try:
        socket.getaddrinfo(host, None)
    except OSError:
        for item in kubectl.items(session, project.namespace, ["ingresses.v1.networking.k8s.io"]):
            for entry in item.get("status", {}).get("loadBalancer", {}).get("ingress") or []:
                if found := entry.get("ip") or entry.get("hostname"):
                    return str(found)
    return ""


def _ready_pods(session: Session, project: Project, service: str) -> bool:
    pods = kubectl.items(session, project.namespace, ["pods"])
    return any(
        condition["type"] == "Ready" and condition["status"] == "True"
        for pod in pods
        if pod["metadata"].get("labels", {}).get("app.kubernetes.io/name") == service
        for condition in pod.get("status", {}).get("conditions", [])
    )
