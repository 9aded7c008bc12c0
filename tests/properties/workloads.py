"""Generated services: anything that service.yaml may say of one, around a test server that behaves accordingly."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from moorage.config.service import Service
from tests.properties.cluster import REPORT_PORT
from tests.properties.settings import Settings, changed, settings
from tests.properties.users import Identity, identities

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hypothesis.strategies import DrawFn, SearchStrategy

    from moorage.config.service import Probe

STARTUP, LIVENESS, READINESS = "startupProbe", "livenessProbe", "readinessProbe"
PERIODS = {STARTUP: st.integers(1, 2), LIVENESS: st.integers(4, 8), READINESS: st.integers(2, 4)}
VARIANTS = 3
"""Images of the test server that differ, see server/Dockerfile."""
SMALL = {"requests": {"cpu": "1m", "memory": "8Mi"}, "limits": {"cpu": "1", "memory": "128Mi"}}
"""A hundred of these fit on one node."""


@dataclass(frozen=True, kw_only=True)
class Workload:
    """One example: a service, its settings before and after a change, and what it needs."""

    service: Service
    """Without needs and settings."""
    before: Settings
    after: Settings
    picks: tuple[int, ...]
    """Which services it needs: numbers that are counted round among those that may be needed, see layout.py."""
    images: tuple[int, int]
    """Variants of the image that it runs, before and after new ones are deployed."""
    identity: Identity
    """A container of somebody else's, beside it."""


def _filled(draw: DrawFn, kind: str, role: str, port: SearchStrategy[int]) -> dict[str, Any]:
    """Return one check: `kind` is httpGet, tcpSocket or exec."""
    if kind == "exec":
        file = draw(st.text("ab01 '\"-_é", min_size=1, max_size=10))
        return {"command": ["/usr/bin/test", "-f", f"/tmp/{role} {file}"]}
    check: dict[str, Any] = {}
    if kind == "httpGet":
        segment = st.text("abcXYZ019-._~!&'()*+,;=:@%/é港", max_size=8)
        check["path"] = f"/{role}/" + "/".join(draw(st.lists(segment, max_size=3)))
    number = draw(port)
    return {**check, **({"port": number} if number else {})}


@st.composite
def probes(draw: DrawFn, role: str, port: SearchStrategy[int]) -> dict[str, Any]:
    """One probe as service.yaml spells it; `port` gives the port that it names, 0 for the service's own."""
    kind = draw(st.sampled_from(["httpGet", "httpGet", "tcpSocket", "tcpSocket", "exec"]))
    # Starting a program costs more than answering a request, and there are a hundred services on this machine.
    period = draw(PERIODS[role]) + (2 if kind == "exec" else 0)
    return {
        kind: _filled(draw, kind, role, port),
        "initialDelaySeconds": draw(st.integers(0, 2)),
        "periodSeconds": period,
        "timeoutSeconds": draw(st.integers(max(1, period - 2), period)),
        "failureThreshold": draw(st.integers(60, 120) if role == STARTUP else st.integers(3, 10)),
        "successThreshold": draw(st.integers(1, 2)) if role == READINESS else 1,
    }


def writable_paths() -> SearchStrategy[list[str]]:
    """Folders, among them some whose names become the same when characters are replaced."""
    segment = st.text("abcABC01-_.~@é", min_size=1, max_size=8).filter(lambda text: not text.startswith("."))
    path = st.lists(segment, max_size=3).map(lambda segments: "/".join(["/srv", *segments]))
    alike = st.sampled_from(["/srv/a/b", "/srv/a-b", "/srv/a_b", "/srv/A-B"])
    return st.lists(path | alike, max_size=3, unique=True)


@st.composite
def services(draw: DrawFn) -> Service:
    """A service of any kind, with probes of any kind, that runs as any user."""
    kind = draw(st.sampled_from(["web", "worker"]))
    port = st.integers(1024, 65535).filter(lambda number: number != REPORT_PORT)
    probe_port = port | st.just(0) if kind == "web" else port
    service = Service.model_validate(
        {
            "name": draw(st.from_regex(r"[a-z][a-z0-9-]{0,20}[a-z0-9]", fullmatch=True)),
            "kind": kind,
            "port": draw(port) if kind == "web" else None,
            **{role: draw(probes(role, probe_port)) for role in (STARTUP, LIVENESS, READINESS)},
            "resources": SMALL,
            "scaling": draw(st.none() | st.just({"minReplicas": 1, "maxReplicas": 1})),
            "runAsUser": draw(st.integers(1, 2**31 - 1)),
            "writablePaths": draw(writable_paths()),
            "preStopSleepSeconds": draw(st.integers(0, 1)),
            "terminationGracePeriodSeconds": draw(st.integers(5, 20)),
            "serviceAccountToken": draw(st.booleans()),
        }
    )
    return serving(
        service, started=draw(st.sampled_from([0.0, 1.0, 2.5])), ready=draw(st.sampled_from([0.0, 1.5, 3.0]))
    )


def serving(service: Service, *, started: float, ready: float) -> Service:
    """Return the service with the test server's argument: how many seconds after its start the checks succeed."""
    after = {STARTUP: started, LIVENESS: started, READINESS: max(started, ready)}
    checks = [
        {"name": role, "after": after[role], **_checked(probe, service.port)}
        for role, probe in service.probes().items()
    ]
    argument = json.dumps({"checks": checks, "writes": ["/tmp", *service.writable_paths]})
    return service.model_copy(update={"args": [argument]})


def _checked(probe: Probe, port: int | None) -> Mapping[str, Any]:
    if probe.http_get:
        return {"path": probe.http_get.path, "port": probe.http_get.port or port}
    if probe.tcp_socket:
        return {"port": probe.tcp_socket.port or port}
    assert probe.exec
    return {"file": probe.exec.command[-1]}


@st.composite
def workloads(draw: DrawFn) -> Workload:
    """A service with settings, a change of them, and one to three needs."""
    before = draw(settings())
    picks = st.lists(st.integers(0, 1000), min_size=1, max_size=3)
    variants = st.integers(0, VARIANTS - 1)
    return Workload(
        service=draw(services()),
        before=before,
        after=draw(changed(before)),
        picks=tuple(draw(picks)),
        images=draw(st.tuples(variants, variants)),
        identity=draw(identities()),
    )
