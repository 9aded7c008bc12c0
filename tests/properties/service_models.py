"""Generated models: everything that service.yaml and a stack's file may say of a service, Postgres and Redis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from moorage.config.service import Service, env_prefix
from moorage.config.stack import Postgres, Redis
from tests.properties.settings import REFUSED

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn, SearchStrategy

SMALL = "abcdefghijklmnopqrstuvwxyz"
DIGITS = "0123456789"
FOLDERS = ("/srv/a/b", "/srv/a-b", "/srv/A-B", "/var/cache/app", "/run/secrets", "/run/secrets/moorage-x", "/é", "/.x")
ROLES = ("startupProbe", "livenessProbe", "readinessProbe")


def names() -> SearchStrategy[str]:
    """Names of services and databases, also the longest."""
    rest = st.text(f"{SMALL}{DIGITS}-", max_size=39).map(lambda text: text.rstrip("-"))
    return st.builds(str.__add__, st.sampled_from(SMALL), rest)


def variables() -> SearchStrategy[str]:
    """Names of environment variables."""
    letters = f"{SMALL}{SMALL.upper()}_"
    return st.builds(str.__add__, st.sampled_from(letters), st.text(letters + DIGITS, max_size=20))


def folders() -> SearchStrategy[str]:
    """Absolute folders of a container."""
    segment = st.text(f"{SMALL}AB{DIGITS}-_.~@é", min_size=1, max_size=12).filter(lambda text: text.strip("."))
    generated = st.lists(segment, min_size=1, max_size=3).map(lambda segments: "/" + "/".join(segments))
    return st.sampled_from(FOLDERS) | generated.filter(lambda path: path != "/tmp")


def texts(least: int = 0) -> SearchStrategy[str]:
    """Texts that JSON and YAML can carry."""
    carried = st.characters(codec="utf-8", exclude_categories=["Cc"], exclude_characters=REFUSED)
    return st.text(carried, min_size=least, max_size=20)


def ports() -> SearchStrategy[int]:
    """Unprivileged ports, some of them likely to be drawn twice."""
    return st.sampled_from([8000, 8080, 8081, 1024, 65535]) | st.integers(1024, 65535)


@st.composite
def checks(draw: DrawFn, *, own_port: bool) -> dict[str, Any]:
    """One of the three kinds of check; where there is no port of one's own, it names one."""
    kind = draw(st.sampled_from(["httpGet", "tcpSocket", "exec"]))
    if kind == "exec":
        return {kind: {"command": draw(st.lists(texts(1), min_size=1, max_size=3))}}
    port = draw(st.none() | ports()) if own_port else draw(ports())
    check: dict[str, Any] = {} if port is None else {"port": port}
    if kind == "httpGet":
        check["path"] = "/" + draw(
            texts().map(lambda text: "".join(text.split()).translate({ord(c): "" for c in "?#"}).lstrip("/"))
        )
    return {kind: check}


@st.composite
def probes(draw: DrawFn, role: str, *, own_port: bool) -> dict[str, Any]:
    """One probe; each number is said or left to its default, and every one that is allowed can come up."""
    probe = draw(checks(own_port=own_port))
    period = draw(st.integers(1, 300))
    numbers: dict[str, SearchStrategy[int]] = {
        "initialDelaySeconds": st.integers(0, 600),
        "timeoutSeconds": st.integers(1, min(60, period)),
        "failureThreshold": st.integers(1, 120),
        "successThreshold": st.integers(1, 10 if role == "readinessProbe" else 1),
    }
    # Without a period of its own a probe has 10 seconds, which its timeout must not exceed.
    said = {"periodSeconds": period} if period < 10 or draw(st.booleans()) else {}
    if not said:
        numbers["timeoutSeconds"] = st.integers(1, 10)
    return {**probe, **said, **draw(st.fixed_dictionaries({}, optional=numbers))}


@st.composite
def resources(draw: DrawFn) -> dict[str, Any]:
    """Requests, and limits that are the same or more, in any unit."""
    cpu = sorted(draw(st.tuples(st.integers(1, 64_000), st.integers(1, 64_000))))
    memory = sorted(draw(st.tuples(st.integers(1, 2**18), st.integers(1, 2**18))))
    spelled = [{"cpu": f"{cores}m", "memory": f"{size}Mi"} for cores, size in zip(cpu, memory, strict=True)]
    if draw(st.booleans()):
        spelled[1] = {"cpu": str(cpu[1] // 1000 + 1), "memory": f"{memory[1] // 1024 + 1}Gi"}
    return {"requests": spelled[0], "limits": spelled[1]}


@st.composite
def scaling(draw: DrawFn) -> dict[str, Any] | None:
    """No autoscaler, or one with any bounds and targets."""
    least, most = sorted(draw(st.tuples(st.integers(1, 1000), st.integers(1, 1000))))
    cpu, memory = draw(st.sampled_from([(70, 80), (None, 1), (1000, None)]))
    return draw(st.none() | st.just({"minReplicas": least, "maxReplicas": most, "cpu": cpu, "memory": memory}))


def _optional(*, web: bool) -> dict[str, SearchStrategy[Any]]:
    anywhere: dict[str, SearchStrategy[Any]] = {
        "command": st.lists(texts(1), min_size=1, max_size=2),
        "args": st.lists(texts(), max_size=3),
        "env": st.dictionaries(variables(), texts(), max_size=3),
        "secrets": st.dictionaries(variables(), st.just("signingKey"), max_size=2),
        "needs": st.lists(st.sampled_from(["postgres", "redis", "other"]), unique=True),
        "scaling": scaling(),
        "runAsUser": st.integers(1, 2**31 - 1),
        "writablePaths": st.lists(folders(), max_size=4, unique=True),
        "serviceAccountToken": st.booleans(),
    }
    return anywhere | ({"route": st.just({"path": "/api"})} if web else {})


@st.composite
def services(draw: DrawFn) -> Service:
    """Any service that the loader accepts."""
    web = draw(st.booleans())
    sleep = draw(st.integers(0, 120))
    document = {
        "name": draw(names().filter(lambda name: name not in {"postgres", "redis"})),
        "kind": "web" if web else "worker",
        **({"port": draw(ports())} if web else {}),
        **{role: draw(probes(role, own_port=web)) for role in ROLES},
        "resources": draw(resources()),
        "preStopSleepSeconds": sleep,
        "terminationGracePeriodSeconds": draw(st.integers(sleep + 1, 3600)),
        **draw(st.fixed_dictionaries({}, optional=_optional(web=web))),
    }
    if "scaling" not in document and draw(st.booleans()):
        document["replicas"] = draw(st.integers(0, 1000))
    return Service.model_validate(_without_clashes(document))


def _without_clashes(document: dict[str, Any]) -> dict[str, Any]:
    """Return the service without what it says of variables and folders that Moorage itself sets."""
    needs = [need for need in document.get("needs", []) if need != document["name"]]
    taken = {f"{name}_FILE" for name in document.get("secrets", {})}
    starts = tuple({"postgres": "DATABASE", "redis": "REDIS"}.get(need, env_prefix(need)) for need in needs)
    env = {
        name: value
        for name, value in document.get("env", {}).items()
        if name not in taken and not (starts and name.startswith(starts))
    }
    secrets = {name: key for name, key in document.get("secrets", {}).items() if not name.endswith("_PASSWORD")}
    return {**document, "needs": needs, "env": env, "secrets": secrets}


def postgres() -> SearchStrategy[Postgres]:
    """Any Postgres that a stack may ask for."""
    fields = {
        "storage": st.integers(1, 2**20).map("{}Mi".format),
        "storageClass": st.none() | st.just("fast"),
        "resources": resources(),
        "database": names(),
        "maxConnections": st.integers(10, 1000),
    }
    return st.fixed_dictionaries({}, optional=fields).map(Postgres.model_validate)


def redis() -> SearchStrategy[Redis]:
    """Any Redis that a stack may ask for."""
    fields = {
        "storage": st.integers(1, 2**20).map("{}Mi".format),
        "resources": resources(),
        "maxmemoryPercent": st.integers(10, 90),
        "maxmemoryPolicy": st.sampled_from(["noeviction", "allkeys-lru", "volatile-lru", "allkeys-lfu"]),
    }
    return st.fixed_dictionaries({}, optional=fields).map(Redis.model_validate)
