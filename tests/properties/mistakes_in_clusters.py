"""Clusters, registries and builders that do not answer, and pods that do not become ready."""

from __future__ import annotations

import base64
import datetime as dt
import json
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from moorage.cli.sessions import session_for
from moorage.engine import failed_builds, failure, preflight
from moorage.engine import pods as pod_troubles
from tests.properties.mistakes import environment, refused, texts, words
from tests.properties.mistakes_in_services import STACK
from tests.unit.config_samples import Monorepo

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from hypothesis.strategies import DataObject, DrawFn

    from moorage.base.errors import Problem

REASONS = (
    *(
        "ImagePullBackOff",
        "ErrImagePull",
        "InvalidImageName",
        "ErrImageNeverPull",
        "CrashLoopBackOff",
        "RunContainerError",
    ),
    *("CreateContainerConfigError", "CreateContainerError", "ContainerCreating", "PodInitializing", "StartError"),
)
NO_REGISTRY = (*range(202, 204), 206, 300, *range(400, 401), *range(402, 405), 418, 429, 500, 502, 503, 599)


@contextmanager
def closed() -> Iterator[str]:
    """Yield an address on which nobody listens, kept from others meanwhile."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{bound.getsockname()[1]}"


@contextmanager
def saying(answer: bytes) -> Iterator[str]:
    """Yield an address on which one visitor is given `answer`, whatever he asks."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)

        def serve() -> None:
            visitor, _ = server.accept()
            with visitor:
                visitor.recv(4096)
                visitor.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        thread.join()


def _found(problem: Problem | None) -> Sequence[Problem]:
    assert problem is not None
    return [problem]


def silent_registry(data: DataObject, folder: Path) -> Sequence[Problem]:
    """An address where nothing answers, or that is none."""
    host = data.draw(st.sampled_from(["closed", "127.0.0.1:99999", "localhost:0", "a..b", "x" * 70]))
    path = data.draw(words())
    with environment(folder), closed() as address:
        return _found(preflight.registry(f"{host.replace('closed', address)}/{path}"))


def no_registry(data: DataObject, folder: Path) -> Sequence[Problem]:
    """An address where something else answers."""
    status = data.draw(st.sampled_from(NO_REGISTRY))
    http = f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()
    answer = data.draw(
        st.just(http) | st.sampled_from([b"", b"\0", b"220 mail.example ESMTP\r\n", b"HTTP/1.1 2x0\r\n\r\n"])
    )
    with environment(folder), saying(answer) as address:
        return _found(preflight.registry(address))


def no_builder(data: DataObject, folder: Path) -> Sequence[Problem]:
    """A builder that is unknown, badly described, or not there."""
    name = data.draw(words())
    instances = folder / ".docker/buildx/instances"
    instances.mkdir(parents=True)
    for other in data.draw(st.lists(words(13, 20), max_size=3)):
        (instances / other).write_text("{}")
    endpoints = ["tcp://CLOSED", "unix://FOLDER/none.sock", "unix://FOLDER", "tcp://[::1", "tcp://127.0.0.1:x"]
    described = st.sampled_from(endpoints).map(lambda endpoint: json.dumps({"Nodes": [{"Endpoint": endpoint}]}))
    damaged = st.sampled_from(["", "[]", "null", "{}", '{"Nodes": [{}]}', '{"Nodes": 1}']) | texts(most=20)
    text = data.draw(st.none() | described | damaged.filter(lambda text: "Endpoint" not in text))
    with environment(folder), closed() as address:
        if text is not None:
            text = text.replace("CLOSED", address).replace("FOLDER", str(folder))
            (instances / name).write_text(text, encoding="utf-8")
        return _found(preflight.builder(name))


def nothing_answers(data: DataObject, folder: Path) -> Sequence[Problem]:
    """A platform of one's own, and none of it there; the cluster is asked by the real kubectl."""
    monorepo, name = Monorepo(folder), data.draw(words())
    with environment(folder), closed() as address:
        cluster = {"name": "c", "cluster": {"server": f"{data.draw(st.sampled_from(['http', 'https']))}://{address}"}}
        context = {"name": name, "context": {"cluster": "c", "user": "u"}}
        kubeconfig = {"apiVersion": "v1", "kind": "Config", "clusters": [cluster], "contexts": [context]}
        monorepo.write("kube.yaml", json.dumps({**kubeconfig, "users": [{"name": "u", "user": {}}]}))
        monorepo.add(
            STACK,
            f"  moorage:cluster: {{context: '{name}', kubeconfig: kube.yaml}}\n"
            f"  moorage:registry: {{address: '{address}'}}\n  moorage:builder: '{name}'\n",
        )
        problems = refused(lambda: preflight.check(session_for(monorepo.load())))
    assert len(problems) == 3
    return problems


@st.composite
def containers(draw: DrawFn) -> dict[str, Any]:
    """The status of one container that is not ready."""
    terminated = st.fixed_dictionaries(
        {"exitCode": st.integers(0, 255)},
        optional={"reason": st.sampled_from(["Error", "OOMKilled", "Completed", "ContainerCannotRun"])},
    )
    waiting = st.fixed_dictionaries({"reason": st.sampled_from(REASONS)}, optional={"message": texts()})
    state = draw(
        st.one_of(
            waiting.map(lambda status: {"waiting": status}),
            terminated.map(lambda status: {"terminated": status}),
            st.just({"running": {"startedAt": "2026-01-01T00:00:00Z"}}),
            st.just({}),
        )
    )
    last = draw(st.just({}) | terminated.map(lambda status: {"terminated": status}))
    more = draw(st.fixed_dictionaries({}, optional={"started": st.booleans(), "restartCount": st.integers(0, 99)}))
    return {"name": draw(words()), "ready": False, "state": state, "lastState": last, **more}


@st.composite
def pods(draw: DrawFn) -> dict[str, Any]:
    """A pod that is not Ready, for whatever reason."""
    conditions: list[dict[str, Any]] = [{"type": "Ready", "status": draw(st.sampled_from(["False", "Unknown"]))}]
    if draw(st.booleans()):
        why = draw(st.fixed_dictionaries({}, optional={"reason": st.just("Unschedulable"), "message": texts()}))
        conditions.append({"type": "PodScheduled", "status": draw(st.sampled_from(["True", "False"])), **why})
    status = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "phase": st.sampled_from(["Pending", "Running", "Failed", "Unknown"]),
                "conditions": st.just(conditions),
                "reason": st.sampled_from(["Evicted", "NodeLost", "Preempting"]),
                "message": texts(),
                "containerStatuses": st.lists(containers(), max_size=2),
                "initContainerStatuses": st.lists(containers(), max_size=1),
            },
        )
    )
    return {"metadata": {"name": draw(words())}, "status": status}


def pod_in_trouble(data: DataObject, folder: Path) -> Sequence[Problem]:
    """A pod that does not become ready, with the last lines of its log."""
    found = pod_troubles.trouble(data.draw(pods()))
    assert found is not None
    return [pod_troubles.problem(found, data.draw(words()), data.draw(st.lists(texts(), max_size=8)))]


def failed_update(data: DataObject, folder: Path) -> Sequence[Problem]:
    """An update that fails while the cluster tells nothing, asked by the real kubectl."""
    monorepo = Monorepo(folder)
    with environment(folder):
        project = monorepo.load()
        status, began = data.draw(st.integers(-15, 255).filter(bool)), dt.datetime.now(dt.UTC)
        return failure.explain(session_for(project), project, status, began).problems


def image_does_not_build(data: DataObject, folder: Path) -> Sequence[Problem]:
    """A step of a Dockerfile that fails, as BuildKit records it."""
    step = data.draw(st.just("") | st.builds("[{} 2/5] RUN {}".format, words(), texts()))
    said = [f"#7 {number}.1 {line}" for number, line in enumerate(data.draw(st.lists(texts(), max_size=12)))]
    source = f"Dockerfile:{data.draw(st.integers(1, 99))}\n--------------------\n".encode()
    error = {
        "Name": step,
        "Message": data.draw(texts() | st.just('process "/bin/sh -c x" did not complete successfully: exit code: 1')),
        "Sources": data.draw(st.sampled_from([None, "", base64.b64encode(source).decode()])),
    }
    return [failed_builds.problem(f"apps/{data.draw(words())}/Dockerfile", error, "\n".join([f"#7 {step}", *said]))]


PLATFORM = (silent_registry, no_registry, no_builder, nothing_answers)
PODS = (pod_in_trouble, pod_in_trouble, image_does_not_build, image_does_not_build, failed_update)
