"""Workloads that somebody else wrote: any probes, sensible and otherwise, on any number of containers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn

Manifest = dict[str, Any]

PROBES = ("startupProbe", "livenessProbe", "readinessProbe")
KINDS = ("Deployment", "StatefulSet", "DaemonSet")
PORTS = ({"name": "http", "containerPort": 8080}, {"name": "admin", "containerPort": 9090}, {"containerPort": 7070})
GOOD_PORTS = ("http", "admin", 8080, 9090, 7070, 1, 65535)
BAD_PORTS = ("htpp", "8080", "", 0, -1, 65536)
LEAST = {"initialDelaySeconds": 0, "periodSeconds": 1, "timeoutSeconds": 1, "failureThreshold": 1}
"""The least that each number of a probe may be."""
SLIPS = ("gone", "idle", "two checks", "port", "command", "number", "timeout", "successes", "same")


@st.composite
def workloads(draw: DrawFn) -> Manifest:
    """A workload of one to three containers, of which as many are as they should be as are not."""
    containers = [draw(_containers(f"c{number}")) for number in range(draw(st.integers(1, 3)))]
    for slip in draw(st.just([]) | st.lists(st.sampled_from(SLIPS), min_size=1, max_size=2)):
        draw(_slipped(draw(st.sampled_from(containers)), slip))
    kind = draw(st.sampled_from(KINDS))
    labels = {"app": "foreign"}
    more = {"serviceName": "foreign"} if kind == "StatefulSet" else {}
    template = {"metadata": {"labels": labels}, "spec": {"containers": containers}}
    spec = {"selector": {"matchLabels": labels}, "template": template, **more}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "foreign"}, "spec": spec}


@st.composite
def _containers(draw: DrawFn, name: str) -> Manifest:
    probes = {probe: draw(_probes(probe)) for probe in PROBES}
    if probes["livenessProbe"] == probes["readinessProbe"]:
        probes["livenessProbe"]["failureThreshold"] = probes["readinessProbe"].get("failureThreshold", 3) + 1
    return {"name": name, "image": "registry.example.com/foreign:1", "ports": [dict(port) for port in PORTS], **probes}


@st.composite
def _probes(draw: DrawFn, name: str) -> Manifest:
    """A probe as it should be; what has a default is left out now and then."""
    period = draw(st.integers(1, 60))
    numbers = {
        "initialDelaySeconds": draw(st.integers(0, 60)),
        "periodSeconds": period,
        "timeoutSeconds": draw(st.integers(1, period)),
        "failureThreshold": draw(st.integers(1, 30)),
        "successThreshold": draw(st.integers(1, 5)) if name == "readinessProbe" else 1,
    }
    said = draw(st.sets(st.sampled_from(sorted(numbers))))
    if period < 10 and numbers["timeoutSeconds"] > 1:
        said |= {"periodSeconds", "timeoutSeconds"}
    if "periodSeconds" not in said:
        numbers["timeoutSeconds"] = min(numbers["timeoutSeconds"], 10)
    return {**draw(_checks()), **{key: numbers[key] for key in sorted(said)}}


def _checks() -> st.SearchStrategy[Manifest]:
    port, number = st.sampled_from(GOOD_PORTS), st.integers(1, 65535)
    return st.one_of(
        st.builds(
            lambda port, path: {"httpGet": {"port": port, "path": path}}, port, st.sampled_from(["/", "/ready?x"])
        ),
        st.builds(lambda port: {"tcpSocket": {"port": port}}, port),
        st.builds(lambda port: {"grpc": {"port": port}}, number),
        st.just({"exec": {"command": ["/bin/true"]}}),
    )


@st.composite
def _slipped(draw: DrawFn, container: Manifest, slip: str) -> None:
    """Put one thing wrong with one of a container's probes."""
    name = draw(st.sampled_from(PROBES))
    probe = container.get(name)
    if slip == "gone" or probe is None:
        container.pop(name, None)
    elif slip == "same":
        container["livenessProbe"] = container.get("readinessProbe", {})
    else:
        draw(_slips(probe, slip, restarts=name != "readinessProbe"))


@st.composite
def _slips(draw: DrawFn, probe: Manifest, slip: str, *, restarts: bool) -> None:
    checks = [key for key in probe if isinstance(probe[key], dict)]
    if slip in {"idle", "port", "command"}:
        for key in checks:
            del probe[key]
    if slip == "two checks":
        probe |= {"exec": {"command": ["/bin/true"]}, "tcpSocket": {"port": 8080}}
    elif slip == "port":
        probe[draw(st.sampled_from(["httpGet", "tcpSocket"]))] = {"port": draw(st.sampled_from(BAD_PORTS))}
    elif slip == "command":
        probe["exec"] = {"command": []}
    elif slip == "number":
        key = draw(st.sampled_from(sorted(LEAST)))
        probe[key] = LEAST[key] - 1
    elif slip == "timeout":
        probe |= {"periodSeconds": 5, "timeoutSeconds": draw(st.integers(6, 60))}
    elif slip == "successes" and restarts:
        probe["successThreshold"] = 2


def proper(manifest: Manifest) -> bool:
    """Tell whether every container of a workload is probed in all three ways, at endpoints and times that make sense."""
    return all(_proper(container) for container in manifest["spec"]["template"]["spec"]["containers"])


def _proper(container: Manifest) -> bool:
    found = {name: container[name] for name in PROBES if name in container}
    return (
        len(found) == len(PROBES)
        and found["livenessProbe"] != found["readinessProbe"]
        and all(_asks(probe) and _waits(probe, restarts=name != "readinessProbe") for name, probe in found.items())
    )


def _asks(probe: Manifest) -> bool:
    checks = {key: value for key, value in probe.items() if isinstance(value, dict)}
    if len(checks) != 1:
        return False
    ((kind, check),) = checks.items()
    return bool(check["command"]) if kind == "exec" else kind == "grpc" or check["port"] in GOOD_PORTS


def _waits(probe: Manifest, *, restarts: bool) -> bool:
    enough = all(probe.get(key, least) >= least for key, least in LEAST.items())
    in_time = probe.get("timeoutSeconds", 1) <= probe.get("periodSeconds", 10)
    return enough and in_time and (not restarts or probe.get("successThreshold", 1) == 1)
